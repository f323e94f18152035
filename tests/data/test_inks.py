"""Colours that are no RGB: inks, by their profile or without, and L*a*b*."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.data.decode import decode
from engine.data.kinds import BY_PROFILE, WITHOUT_PROFILE
from tests.data.written import TURNED, exif, ink_profile, saved, tiff

LIGHT_D50 = np.array([0.9642, 1, 0.8251])
TO_SRGB = np.array(  # from XYZ under D50, by Bradford (Lindbloom)
    [[3.1339, -1.6169, -0.4906], [-0.9788, 1.9161, 0.0335], [0.0719, -0.2290, 1.4052]]
)


def srgb_of(lab: tuple[float, float, float]) -> np.ndarray:
    y = (lab[0] + 16) / 116
    f = np.array([y + lab[1] / 500, y, y - lab[2] / 200])
    xyz = LIGHT_D50 * np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2)
    linear = np.clip(TO_SRGB @ xyz, 0, 1)
    curved = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return 255 * curved


PAPER, CYAN, MAGENTA, YELLOW = (100, 0, 0), (50, 30, 20), (60, -20, 30), (30, 10, -30)
PROFILE = ink_profile({0: PAPER, 8: CYAN, 4: MAGENTA, 2: YELLOW})
PRINTED = [srgb_of(lab) for lab in (CYAN, MAGENTA, YELLOW, PAPER)]
NAIVE = [(0, 255, 255), (255, 0, 255), (255, 255, 0), (255, 255, 255)]


def inks() -> Image.Image:
    """Cyan top left, magenta top right, yellow bottom left, paper bottom right."""
    picture = Image.new("CMYK", (32, 32))
    for at, colour in (((0, 0), 0), ((16, 0), 1), ((0, 16), 2)):
        ink = tuple(255 * (i == colour) for i in range(4))
        picture.paste(ink, (*at, at[0] + 16, at[1] + 16))
    return picture


def quarters(data: bytes) -> np.ndarray:
    return decode(data, 32).pixels[[8, 8, 24, 24], [8, 24, 8, 24]].astype(float)


def assert_near(found, expected, within: float = 2) -> None:
    assert np.abs(np.asarray(found) - np.asarray(expected)).max() <= within, found


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_become_the_colours_that_their_profile_says(kind):
    data = saved(inks(), kind, quality=100, icc_profile=PROFILE)
    assert decode(data, 32).remarks == (BY_PROFILE,)
    assert_near(quarters(data), PRINTED)


OTHER_COLOURS = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(
    "profile", [None, b"broken", PROFILE[:700], OTHER_COLOURS], ids=["none", "no", "cut", "RGB"]
)
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_without_a_profile_that_serves_become_the_usual_colours(kind, profile):
    options = {} if profile is None else {"icc_profile": profile}
    data = saved(inks(), kind, quality=100, **options)
    assert decode(data, 32).remarks == (WITHOUT_PROFILE,)
    assert_near(quarters(data), NAIVE)


def test_damaged_profiles_end_in_pixels():
    rng = np.random.default_rng(3)
    for _ in range(60):
        profile = bytearray(PROFILE)
        for at in rng.integers(0, len(profile), 8):
            profile[at] = rng.integers(256)
        decoded = decode(saved(inks(), "TIFF", icc_profile=bytes(profile)), 32)
        assert decoded.remarks in ((BY_PROFILE,), (WITHOUT_PROFILE,))


def test_a_jpeg_s_inks_are_read_as_every_viewer_reads_them():
    """Adobe writes them inverted, and viewers take those without Adobe's mark to be so, too."""
    data = saved(inks(), "JPEG", quality=100)
    at = data.index(b"Adobe") - 4
    unmarked = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4]) :]
    assert_near(quarters(unmarked), NAIVE)


def test_inks_stored_as_luma_and_chroma():
    """Adobe's YCCK: cyan, magenta and yellow as if they were red, green and blue."""
    y, cb, cr = 76, 85, 255  # red
    picture = Image.new("CMYK", (32, 32), (255 - y, 255 - cb, 255 - cr, 0))  # Pillow inverts it
    data = bytearray(saved(picture, "JPEG", quality=100))
    data[data.index(b"Adobe") + 11] = 2  # its transform
    assert_near(quarters(bytes(data)), [(0, 255, 255)] * 4, 3)


@pytest.mark.parametrize("lab", [(100, 0, 0), (50, 0, 0), (53, 40, 30), (60, -20, -10)])
def test_l_a_b_becomes_srgb(lab):
    stored = np.array([round(2.55 * lab[0]), lab[1] & 255, lab[2] & 255], np.uint8)
    data = tiff(np.full((2, 2, 3), stored), tags={262: (8,)})
    assert_near(decode(data, 2).pixels, srgb_of(lab), 3)


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("profile", [PROFILE, None], ids=["profile", "none"])
def test_inks_held_otherwise_stand_upright(profile, orientation):
    options = {"icc_profile": profile} if profile else {}
    data = saved(inks(), "JPEG", quality=100, exif=exif(orientation), **options)
    colours = PRINTED if profile else NAIVE
    assert_near(quarters(data), [colours["abcd".index(c)] for c in TURNED[orientation]])
