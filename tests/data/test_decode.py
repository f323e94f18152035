"""One decoder for every picture, and what it refuses."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.data import decode as decoder
from engine.data.decode import decode, decode_in_child
from engine.errors import PictureError
from engine.settings import settings

RED, GREEN, BLUE, WHITE = (220, 20, 30), (20, 190, 40), (30, 40, 210), (250, 250, 250)
JPEG_NOISE = 12  # what JPEG at quality 95 changes on flat corners, in grey levels


def corners(width: int = 96, height: int = 64) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(WHITE, (width // 2, height // 2, width, height))
    return picture


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


def assert_corners(pixels: np.ndarray, expected, within: int = JPEG_NOISE) -> None:
    n = len(pixels)
    found = pixels[[n // 4, n // 4, -n // 4, -n // 4], [n // 4, -n // 4, n // 4, -n // 4]]
    assert np.abs(found.astype(int) - np.array(expected)).max() <= within, found


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_every_format_gives_rgb_stretched_to_a_square(kind):
    pixels = decode(saved(corners(), kind, quality=95), 32).pixels
    assert (pixels.shape, pixels.dtype) == ((32, 32, 3), np.uint8)
    assert_corners(pixels, [RED, GREEN, BLUE, WHITE])


def test_a_gif_of_one_frame():
    pixels = decode(saved(corners().quantize(8), "GIF"), 32).pixels
    assert_corners(pixels, [RED, GREEN, BLUE, WHITE])


ROTATED = {
    1: [RED, GREEN, BLUE, WHITE],
    2: [GREEN, RED, WHITE, BLUE],
    3: [WHITE, BLUE, GREEN, RED],
    4: [BLUE, WHITE, RED, GREEN],
    5: [RED, BLUE, GREEN, WHITE],
    6: [BLUE, RED, WHITE, GREEN],
    7: [WHITE, GREEN, BLUE, RED],
    8: [GREEN, WHITE, RED, BLUE],
}


@pytest.mark.parametrize("orientation", ROTATED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photograph_held_on_its_side_stands_upright(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(saved(corners(), kind, quality=95, exif=exif), 32).pixels
    assert_corners(pixels, ROTATED[orientation])


def test_gray_has_three_equal_channels():
    pixels = decode(saved(corners().convert("L"), "PNG"), 32).pixels
    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()
    assert pixels[4, 4, 0] == corners().convert("L").getpixel((4, 4))


def test_a_palette_becomes_its_colours():
    pixels = decode(saved(corners().quantize(8), "PNG"), 32).pixels
    assert_corners(pixels, [RED, GREEN, BLUE, WHITE])


HIDDEN, INK = (220, 20, 30), (10, 12, 14)


def drawing() -> Image.Image:
    """Dark ink on the left, a red that is fully clear on the right, half-clear ink below."""
    picture = Image.new("RGBA", (96, 64), (*HIDDEN, 0))
    picture.paste((*INK, 255), (0, 0, 48, 64))
    picture.paste((*INK, 128), (0, 32, 48, 64))
    return picture


def palette_with_a_clear_entry() -> Image.Image:
    picture = Image.new("P", (96, 64), 0)
    picture.putpalette([*HIDDEN, *INK])
    picture.paste(1, (0, 0, 48, 32))
    return picture


SEE_THROUGH = {
    "PNG": lambda: saved(drawing(), "PNG"),
    "gray PNG": lambda: saved(drawing().convert("LA"), "PNG"),
    "palette PNG": lambda: saved(drawing().quantize(8), "PNG"),
    "WebP": lambda: saved(drawing(), "WEBP", lossless=True, exact=True),
    "TIFF": lambda: saved(drawing(), "TIFF"),
}


@pytest.mark.parametrize("data", SEE_THROUGH.values(), ids=SEE_THROUGH)
def test_a_see_through_picture_lies_on_white_and_its_hidden_colours_stay_hidden(data):
    half = [round(255 * (127 / 255) + tone * (128 / 255)) for tone in INK]
    assert_corners(decode(data(), 32).pixels, [INK, (255, 255, 255), half, (255, 255, 255)], 4)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_one_clear_colour_of_a_palette_is_white(kind):
    data = saved(palette_with_a_clear_entry(), kind, transparency=0)
    assert_corners(decode(data, 32).pixels, [INK, *[(255, 255, 255)] * 3], 0)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_fully_opaque_keeps_its_pixels_with_an_alpha_channel(kind):
    picture = Image.fromarray(noise(96, 64))
    plain = decode(saved(picture, kind, lossless=True), 32).pixels
    picture.putalpha(255)
    assert (decode(saved(picture, kind, lossless=True), 32).pixels == plain).all()


def test_a_see_through_photograph_held_on_its_side_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = decode(saved(drawing(), "PNG", exif=exif), 32).pixels
    half = [round(127 + tone * (128 / 255)) for tone in INK]
    assert_corners(pixels, [half, INK, (255, 255, 255), (255, 255, 255)], 4)


def test_sixteen_bits_become_eight():
    gray = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    pixels = decode(cv2.imencode(".png", gray)[1].tobytes(), 64).pixels
    assert np.abs(pixels[..., 0].astype(int) - (gray >> 8)).max() <= 1


def test_cmyk_of_a_printer_has_the_colours_of_the_screen():
    cmyk = corners().convert("CMYK")
    pixels = decode(saved(cmyk, "JPEG", quality=95), 32).pixels
    expected = [cmyk.convert("RGB").getpixel(at) for at in ((9, 9), (80, 9), (9, 50), (80, 50))]
    assert_corners(pixels, expected, 24)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_jpeg_cut_off_in_its_download_is_refused(share, progressive):
    data = saved(Image.fromarray(noise(200, 200)), "JPEG", progressive=progressive)
    with pytest.raises(PictureError, match=r"cut off|cannot be decoded"):
        decode(data[: int(share * len(data))], 32)


def test_a_cut_off_jpeg_is_refused_though_its_preview_is_whole():
    exif = Image.Exif()
    exif[0x0112] = 1
    data = saved(Image.fromarray(noise(200, 200)), "JPEG", exif=exif)
    preview = saved(corners(), "JPEG")
    segment = b"\xff\xe3" + struct.pack(">H", len(preview) + 2) + preview
    with_preview = data[:2] + segment + data[2:]
    assert decode(with_preview, 32).pixels.shape == (32, 32, 3)
    with pytest.raises(PictureError, match="cut off"):
        decode(with_preview[:-2000], 32)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_motion_photograph_with_a_film_behind_it_is_whole(progressive):
    # markers that a film holds by chance once made 45 of 80 "cut off"
    photograph = saved(Image.fromarray(noise(64, 48)), "JPEG", progressive=progressive)
    film = np.random.default_rng(1).bytes(200_000) + b"\xff\xda\x00\x08"
    assert (decode(photograph + film, 32).pixels == decode(photograph, 32).pixels).all()
    with pytest.raises(PictureError, match="cut off"):
        decode(photograph[:-100], 32)


def test_a_phone_s_second_picture_may_be_cut():
    first, second = (Image.fromarray(noise(200, 150)), Image.fromarray(255 - noise(200, 150)))
    both = saved(first, "MPO", save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(both)).n_frames == 2
    whole = decode(both, 32).pixels
    assert (decode(both[:-9000], 32).pixels == whole).all()
    with pytest.raises(PictureError, match="cut off"):
        decode(both[: len(both) // 3], 32)


def with_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan stands there until there are `count`."""
    data = saved(Image.fromarray(noise(64, 64)), "JPEG", progressive=True)
    last, end = data.rfind(b"\xff\xda"), len(data) - 2
    return data[:end] + data[last:end] * (count - data.count(b"\xff\xda")) + data[end:]


def test_a_jpeg_of_twenty_thousand_scans_is_refused_undecoded():
    assert decode(with_scans(100), 32).pixels.shape == (32, 32, 3)
    for count in (101, 20_000):
        with pytest.raises(PictureError, match="more than 100 scans, which take too long"):
            decode(with_scans(count), 32)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_other_files_cut_off_are_refused(kind, share):
    data = saved(Image.fromarray(noise(120, 120)), kind)
    with pytest.raises(PictureError):
        decode(data[: int(share * len(data))], 32)


def test_a_png_with_a_wrong_checksum_is_refused():
    data = bytearray(saved(Image.fromarray(noise(60, 60)), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(PictureError):
        decode(bytes(data), 32)


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "PNG", "TIFF"])
def test_an_animation_named_jpg_is_refused(kind):
    frames = [Image.fromarray(noise(40, 40)), Image.fromarray(255 - noise(40, 40))]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(PictureError, match=r"animated or many pictures in one file \(2 frames\)"):
        decode(data, 32)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty: 0 bytes"),
        (b"cats and dogs, in words\n" * 40, "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"%PDF-1.4\n" + bytes(500), "not a picture"),
        (b"\xff\xd8\xff\xe0", "picture"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(data, says):
    with pytest.raises(PictureError, match=says):
        decode(data, 32)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height", "says"),
    [
        (10_000, 7_000, "10000 × 7000 pixels, more than 60,000,000"),
        (50_000, 40_000, "more than 60,000,000 pixels"),  # beyond Pillow's own limit, too
    ],
)
def test_a_small_file_that_claims_a_huge_picture_is_refused_undecoded(width, height, says):
    with pytest.raises(PictureError, match=says):
        decode(png_header(width, height), 32)


def test_a_picture_too_wide_for_opencv_is_refused_and_no_traceback():
    data = bytearray(saved(corners(), "BMP"))
    data[18:26] = struct.pack("<ii", 2_000_000, 20)
    with pytest.raises(PictureError, match="cannot be decoded"):
        decode(bytes(data), 32)


def test_shrinking_averages_so_that_noise_becomes_calm():
    # 2000 × 1500 / 150² = 133 pixels a pixel: 74 / √133 = 6.4; skipping would leave 42 or more
    data = cv2.imencode(".png", noise(2000, 1500))[1].tobytes()
    assert decode(data, 150).pixels.astype(float).std() == pytest.approx(6.4, abs=0.5)


def test_a_file_larger_than_allowed_is_refused(monkeypatch):
    monkeypatch.setattr(settings(), "max_file_mb", 1)
    data = saved(corners(), "BMP")
    assert decode(data + bytes(2**20 - len(data)), 32).pixels.shape == (32, 32, 3)
    with pytest.raises(PictureError, match="larger than 1 MB"):
        decode(data + bytes(2**20 - len(data) + 1), 32)


def test_growing_is_linear():
    two = np.zeros((2, 2, 3), np.uint8)
    two[:, 1] = 200
    grown = decode(cv2.imencode(".png", two)[1].tobytes(), 8).pixels[0, :, 0]
    assert grown.tolist() == [0, 0, 25, 75, 125, 175, 200, 200]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_damaged_bytes_never_end_in_anything_but_pixels_or_a_reason(kind):
    whole = np.frombuffer(saved(corners(48, 32), kind), np.uint8)
    rng = np.random.default_rng(7)
    for _ in range(150):
        data = whole.copy()
        at = rng.integers(0, len(data), 4)
        data[at] = rng.integers(0, 256, 4)
        try:
            shape = decode(data.tobytes(), 32).pixels.shape
        except PictureError:
            shape = (32, 32, 3)
        assert shape == (32, 32, 3)


def test_the_child_gives_the_same_pixels():
    data = saved(Image.fromarray(noise(300, 200)), "JPEG")
    assert (decode_in_child(data, 64).pixels == decode(data, 64).pixels).all()


def test_the_child_passes_the_reason_on():
    with pytest.raises(PictureError, match="empty: 0 bytes"):
        decode_in_child(b"", 64)


def test_the_child_is_given_up_after_its_time(monkeypatch):
    monkeypatch.setattr(decoder, "DECODE_SECONDS", 0.001)  # no process starts within
    with pytest.raises(PictureError, match=r"decoding took more than 0\.001 s"):
        decode_in_child(saved(corners(), "PNG"), 32)


def test_a_file_that_ends_its_decoder_ends_only_the_child():
    # a size that no memory holds stands for a file that breaks the decoder
    with pytest.raises(PictureError, match="the decoder broke on it"):
        decode_in_child(saved(corners(), "PNG"), 2**31)
    assert decode_in_child(saved(corners(), "PNG"), 32).pixels.shape == (32, 32, 3)
