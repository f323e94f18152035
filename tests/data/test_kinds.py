"""Pictures of every kind: the pixels that each must give, and what is said to have been changed."""

import base64
import hashlib
import struct

import numpy as np
import pytest
from PIL import Image

from engine.data.decode import decode, decode_in_child
from engine.data.kinds import FLAT, ON_WHITE, remark_of
from engine.errors import PictureError
from tests.data.written import TURNED, exif, png, saved, tiff


def of(values, kind) -> np.ndarray:
    return np.array(values, kind)


def own_range(what) -> str:
    return f"scaled from {what} by its own range"


def clear(*levels: int) -> tuple[bytes, bytes]:
    return b"tRNS", struct.pack(f">{len(levels)}H", *levels)


SCAN = of([[0, 1000], [2000, 4095]], np.uint16)  # a scanner's 12 bits
SCANNED = [[0, 62], [125, 255]]  # 255 · 1000 / 4095 = 62.3, 255 · 2000 / 4095 = 124.5
FULL = of([[0, 25700], [51400, 65535]], np.uint16)  # 257 · 100 and 200
COLOURS = of([[[0, 100, 200], [300, 400, 510]], [[510, 0, 0], [0, 510, 51]]], np.uint16)
COLOURED = [[[0, 50, 100], [150, 200, 255]], [[255, 0, 0], [0, 255, 26]]]
ALPHA = of([[0, 65535], [65535, 32896]], np.uint16)  # 32896 = 257 · 128
PALETTE = (b"PLTE", bytes((10, 20, 30, 200, 100, 50, 1, 2, 3)))
BRIGHT_HIDDEN = of([[[9, 9, 9], [300, 400, 510]], [[510, 0, 0], [0, 510, 51]]], np.uint16)


def with_alpha(colours: np.ndarray) -> np.ndarray:
    return np.dstack([colours, ALPHA])


def half(level: int) -> int:
    """A level on white, seen through by 128 of 255."""
    return round(255 + (level - 255) * 128 / 255)


ON_PAGE = [[[255, 255, 255], [150, 200, 255]], [[255, 0, 0], [half(0), half(255), half(26)]]]


def twelve_bits_packed() -> bytes:
    """A row of two levels of 12 bits takes three bytes."""
    rows = [(a >> 4, (a & 15) << 4 | b >> 8, b & 255) for a, b in SCAN.astype(int)]
    return tiff(of(rows, np.uint8), tags={256: (2,), 258: (12,)})


def gif_with_a_clear_entry() -> bytes:
    picture = Image.frombytes("P", (2, 2), bytes((0, 1, 1, 2)))
    picture.putpalette(PALETTE[1])
    return saved(picture, "GIF", transparency=0)


# name: (file, grey levels (2, 2) or colours (2, 2, 3), remarks)
KINDS = {
    "grey": (lambda: png([[0, 100], [200, 255]], 8, 0), [[0, 100], [200, 255]], ()),
    "grey with alpha": (
        lambda: png([[[10, 255], [10, 0]], [[10, 128], [200, 255]]], 8, 4),
        [[10, 255], [half(10), 200]], (ON_WHITE,),
    ),
    "grey with alpha that hides nothing": (
        lambda: png([[[10, 255], [0, 255]], [[9, 255], [200, 255]]], 8, 4),
        [[10, 0], [9, 200]], (),
    ),
    "grey with a clear level": (
        lambda: png([[0, 5], [10, 15]], 8, 0, clear(10)), [[0, 5], [255, 15]], (ON_WHITE,),
    ),
    "one bit": (lambda: png([[0, 1], [1, 0]], 1, 0), [[0, 255], [255, 0]], ()),
    "one bit, dark is clear": (
        lambda: png([[0, 1], [1, 0]], 1, 0, clear(0)), [[255, 255], [255, 255]], (ON_WHITE,),
    ),
    "one bit TIFF": (
        lambda: saved(Image.fromarray(of([[0, 255], [255, 0]], np.uint8)).convert("1"), "TIFF"),
        [[0, 255], [255, 0]], (),
    ),
    "two bits": (lambda: png([[0, 1], [2, 3]], 2, 0), [[0, 85], [170, 255]], ()),
    "four bits with a clear level": (
        lambda: png([[0, 5], [10, 15]], 4, 0, clear(10)), [[0, 85], [255, 255]], (ON_WHITE,),
    ),
    "palette": (
        lambda: png([[0, 1], [1, 2]], 8, 3, PALETTE),
        [[[10, 20, 30], [200, 100, 50]], [[200, 100, 50], [1, 2, 3]]], (),
    ),
    "palette with clear entries": (
        lambda: png([[0, 1], [1, 2]], 8, 3, PALETTE, (b"tRNS", bytes((0, 128)))),
        [[[255] * 3, [half(200), half(100), half(50)]], [[half(200), half(100), half(50)],
                                                         [1, 2, 3]]], (ON_WHITE,),
    ),
    "palette GIF with a clear entry": (
        gif_with_a_clear_entry, [[[255] * 3, [200, 100, 50]], [[200, 100, 50], [1, 2, 3]]],
        (ON_WHITE,),
    ),
    "scan, PNG": (lambda: png(SCAN, 16, 0), SCANNED, (own_range("16 bits"),)),
    "scan, TIFF": (lambda: tiff(SCAN), SCANNED, (own_range("16 bits"),)),
    "scan, TIFF of a Mac": (lambda: tiff(SCAN, ">"), SCANNED, (own_range("16 bits"),)),
    "scan, 12 bits in 12": (twelve_bits_packed, SCANNED, (own_range("12 bits"),)),
    "scan, white is 0": (
        lambda: tiff(SCAN, tags={262: (0,)}), [[255, 193], [130, 0]], (own_range("16 bits"),),
    ),
    "scan with a clear level": (
        lambda: png(SCAN, 16, 0, clear(4095)), [[0, 128], [255, 255]],
        (own_range("16 bits"), ON_WHITE),
    ),
    "16 bits": (
        lambda: png(FULL, 16, 0), [[0, 100], [200, 255]], (own_range("16 bits"),)),
    "16 bits, none of them dark": (
        lambda: tiff(of([[65025, 65280], [65535, 65025]], np.uint16)), [[0, 128], [255, 0]],
        (own_range("16 bits"),),
    ),
    "16 bits below zero": (
        lambda: tiff(of([[-255, 0], [255, -255]], np.int16)), [[0, 128], [255, 0]],
        (own_range("16 bits"),),
    ),
    "16 bits with alpha": (
        lambda: png(with_alpha(SCAN), 16, 4), [[255, 0], [82, half(255)]],
        (own_range("16 bits"), ON_WHITE),
    ),
    "16-bit RGB": (lambda: png(COLOURS, 16, 2), COLOURED, (own_range("16 bits"),)),
    "16-bit RGB TIFF": (lambda: tiff(COLOURS), COLOURED, (own_range("16 bits"),)),
    "16-bit RGB TIFF of a Mac": (lambda: tiff(COLOURS, ">"), COLOURED, (own_range("16 bits"),)),
    "16-bit RGB with a clear colour": (
        lambda: png(COLOURS, 16, 2, clear(0, 100, 200)),
        [[[255] * 3, COLOURED[0][1]], COLOURED[1]], (own_range("16 bits"), ON_WHITE),
    ),
    "16-bit RGBA": (
        lambda: png(with_alpha(COLOURS), 16, 6), ON_PAGE, (own_range("16 bits"), ON_WHITE)),
    "16-bit RGBA, the brightest hidden": (
        lambda: png(with_alpha(np.where(BRIGHT_HIDDEN == 9, 65535, COLOURS)), 16, 6), ON_PAGE,
        (own_range("16 bits"), ON_WHITE),
    ),
    "16-bit RGBA TIFF": (
        lambda: tiff(with_alpha(COLOURS), tags={338: (2,)}), ON_PAGE,
        (own_range("16 bits"), ON_WHITE),
    ),
    "16-bit RGBA of nothing but clearness": (
        lambda: png(np.dstack([COLOURS, np.zeros((2, 2))]), 16, 6), [[255, 255], [255, 255]],
        (ON_WHITE,),
    ),
    "16-bit RGB and a fourth that is no alpha": (
        lambda: tiff(with_alpha(COLOURS), tags={338: (0,)}), COLOURED, (own_range("16 bits"),)),
    "16-bit RGBA multiplied already": (
        lambda: tiff(np.dstack([of([[0, 128], [64, 0]], np.uint16) * 257] * 3
                               + [of([[255, 255], [128, 0]], np.uint16) * 257]),
                     tags={338: (1,)}),
        [[0, 128], [half(128), 255]], (ON_WHITE,),
    ),
    "32 bits": (
        lambda: tiff(SCAN.astype(np.uint32) * 1_000_000), SCANNED, (own_range("32 bits"),)),
    "32 bits below zero": (
        lambda: tiff(SCAN.astype(np.int32) * 1000 - 1_000_000), SCANNED, (own_range("32 bits"),)),
    "floats": (
        lambda: tiff(SCAN.astype(np.float32) / 4095), SCANNED, (own_range("floating point"),)),
    "floats of a Mac below zero": (
        lambda: tiff(SCAN.astype(np.float32) * 1e30 - 1e33, ">"), SCANNED,
        (own_range("floating point"),),
    ),
    "16 bits of one level": (
        lambda: png(np.full((2, 2), 700), 16, 0), [[128, 128], [128, 128]], (FLAT,)),
    "floats of one level": (
        lambda: tiff(np.zeros((2, 2), np.float32)), [[128, 128], [128, 128]], (FLAT,)),
    "YCbCr TIFF": (
        # R = Y + 1.402 · 72, G = Y + 0.344 · 38 - 0.714 · 72, B = Y - 1.772 · 38
        lambda: tiff(np.full((2, 2, 3), (100, 90, 200), np.uint8), tags={262: (6,), 530: (1, 1)}),
        [[[201, 62, 33]] * 2] * 2, (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_gives_its_pixels_and_says_what_was_changed(name):
    data, expected, remarks = KINDS[name]
    expected = np.array(expected)
    expected = expected if expected.ndim == 3 else np.dstack([expected] * 3)
    decoded = decode(data(), 2)
    assert decoded.pixels.tolist() == expected.tolist()
    assert (decoded.pixels.dtype, decoded.remarks) == (np.uint8, remarks)


# --- turned by the camera -------------------------------------------------------------------------

CORNERS = of([[0, 85], [170, 255]], np.uint8)
DEEP = CORNERS.astype(np.uint16) * 16
OPAQUE = np.full((2, 2), 255)


def chunk(orientation: int) -> tuple[bytes, bytes]:
    return b"eXIf", exif(orientation).tobytes().removeprefix(b"Exif\0\0")


HELD = {
    "PNG": lambda o: png(CORNERS, 8, 0, chunk(o)),
    "alpha": lambda o: png(np.dstack([CORNERS, OPAQUE]), 8, 4, chunk(o)),
    "16 bits": lambda o: png(DEEP, 16, 0, chunk(o)),
    "16-bit RGB": lambda o: png(np.dstack([DEEP] * 3), 16, 2, chunk(o)),
    "16-bit RGBA": lambda o: png(np.dstack([*[DEEP] * 3, OPAQUE * 257]), 16, 6, chunk(o)),
    "TIFF": lambda o: tiff(CORNERS, tags={274: (o,)}),
    "16-bit TIFF": lambda o: tiff(DEEP, tags={274: (o,)}),
    "16-bit RGB TIFF": lambda o: tiff(np.dstack([DEEP] * 3), ">", tags={274: (o,)}),
    "float TIFF": lambda o: tiff(DEEP.astype(np.float32), tags={274: (o,)}),
    "WebP with alpha": lambda o: saved(
        Image.fromarray(np.dstack([CORNERS] * 3 + [OPAQUE]).astype(np.uint8)), "WEBP",
        lossless=True, exif=exif(o),
    ),
}  # fmt: skip


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("kind", HELD)
def test_a_picture_of_any_kind_that_was_held_otherwise_stands_upright(kind, orientation):
    expected = ["abcd".index(corner) * 85 for corner in TURNED[orientation]]
    assert decode(HELD[kind](orientation), 2).pixels[..., 0].ravel().tolist() == expected


# --- what stays as it was -------------------------------------------------------------------------

JPEG = """
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhl
bXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8
fHx8fHx8fHx8fHx8fHz/wAARCAAQABgDASIAAhEBAxEB/8QAFwAAAwEAAAAAAAAAAAAAAAAAAAQFBv/EABsQAAICAwEAAAAA
AAAAAAAAAAAEA2EBAhEh/8QAFwEAAwEAAAAAAAAAAAAAAAAAAQMEBf/EABsRAAICAwEAAAAAAAAAAAAAAAACAQMEERIh/9oA
DAMBAAIRAxEAPwDOxqUNxp0UoVKHoU6J0bsVRl6JUaVAaDVbGvnO5ALNSs6afTYry55P/9k=
"""
GREY_JPEG = """
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhl
bXd7gYKBTmCNl4x9lnN+gXz/wAALCAAQABgBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABAMG/8QAGxAAAgIDAQAAAAAAAAAA
AAAAAAQDYQECESH/2gAIAQEAAD8AzsalC406FxpUXhUodCnQvVbGvnO5P//Z
"""
Y, X = np.mgrid[:16, :24]
PHOTOGRAPH = np.dstack([X * 10, Y * 15, X * Y % 256])
CLEARNESS = X * Y * 3 % 256
BROWNS = (b"PLTE", bytes(range(30, 90)))
# SHA-256 of the pixels at 8 and at 40, as they were before there were kinds.
BEFORE = {
    "JPEG": (lambda: base64.b64decode(JPEG), "936d5954a2f50aa7", "d3795b9210eb0b68"),
    "grey JPEG": (lambda: base64.b64decode(GREY_JPEG), "b8c0a163e0c07e2b", "e7f1b88a8e33d0f9"),
    "RGB": (lambda: png(PHOTOGRAPH, 8, 2), "d877d5f93d1e6e95", "3f09a81230c1b476"),
    "grey": (lambda: png(PHOTOGRAPH[..., 2], 8, 0), "3e22b5e0e7b9ef55", "b030a0fe7f38c238"),
    "palette": (lambda: png((X + Y) % 20, 8, 3, BROWNS), "6d454a0a8e2cc531", "980f7778d04031c9"),
    "clear palette": (
        lambda: png((X + Y) % 20, 8, 3, BROWNS, (b"tRNS", bytes((0, 128, 255)))),
        "5c31fc5137163cd0", "1abb69b06bbd656a",
    ),
    "one bit": (lambda: png((X + Y) % 2, 1, 0), "fa7b78cc215df21d", "6a548681aa77e9b2"),
    "RGBA": (
        lambda: png(np.dstack([PHOTOGRAPH, CLEARNESS]), 8, 6),
        "66e3ae649d1af992", "4f3a84ac55ed26d6",
    ),
    "grey with alpha": (
        lambda: png(np.dstack([X * 10, CLEARNESS]), 8, 4), "77196b800e583e12", "25a82150fd15e0c2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BEFORE)
def test_eight_bits_have_the_pixels_that_fingerprints_of_before_were_made_of(name):
    data, *known = BEFORE[name]
    found = [hashlib.sha256(decode(data(), size).pixels).hexdigest()[:16] for size in (8, 40)]
    assert found == known


# --- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_floats_that_are_no_numbers_are_refused(odd):
    values = SCAN.astype(np.float32)
    values[1, 0] = odd
    with pytest.raises(PictureError, match=r"some of its values are no numbers \(NaN or infinity"):
        decode(tiff(values), 2)


@pytest.mark.parametrize("values", [COLOURS.astype(np.float32), SCAN.astype(np.float64)])
def test_a_tiff_of_another_kind_is_not_called_no_picture(values):
    with pytest.raises(PictureError, match="a TIFF of a kind that is not read here, or broken"):
        decode(tiff(values), 2)


def test_colours_of_16_bits_in_planes_of_their_own_are_refused():
    """OpenCV gives what happens to lie in memory."""
    with pytest.raises(PictureError, match="planes of their own, of more than 8 bits"):
        decode(tiff(COLOURS, tags={284: (2,)}), 2)


def test_16_bits_are_measured_before_they_are_decoded():
    data = bytearray(png(SCAN, 16, 0))
    data[16:24] = struct.pack(">II", 10_000, 7_000)
    with pytest.raises(PictureError):  # its checksum is wrong, too
        decode(bytes(data), 2)
    with pytest.raises(PictureError, match="10000 × 7000 pixels, more than 60,000,000"):
        decode(tiff(FULL, tags={256: (10_000,), 257: (7_000,)}), 2)


@pytest.mark.parametrize(
    "name", ["scan, PNG", "scan, TIFF", "16-bit RGBA TIFF", "floats", "32 bits"]
)
def test_damaged_bytes_of_deep_pictures_end_in_pixels_or_a_reason(name):
    whole = np.frombuffer(KINDS[name][0](), np.uint8)
    rng = np.random.default_rng(7)
    for _ in range(200):
        data = whole.copy()
        data[rng.integers(0, len(data), 3)] = rng.integers(0, 256, 3)
        try:
            shape = decode(data.tobytes()[: rng.integers(20, 2 * len(data))], 8).pixels.shape
        except PictureError:
            shape = (8, 8, 3)
        assert shape == (8, 8, 3)


# --- told -----------------------------------------------------------------------------------------


def test_the_child_tells_the_remarks_and_keeps_the_fit():
    data = tiff(np.vstack([COLOURS, COLOURS]))
    here, there = decode(data, 16, "pad"), decode_in_child(data, 16, "pad")
    assert there.remarks == here.remarks == (own_range("16 bits"),)
    assert (there.pixels == here.pixels).all()


@pytest.mark.parametrize(
    ("count", "remark", "says"),
    [
        (1, own_range("16 bits"), "1 picture was scaled from 16 bits by its own range"),
        (3000, own_range("16 bits"), "3,000 pictures were scaled from 16 bits by their own range"),
        (2, ON_WHITE, "2 pictures were laid on white where they are see-through"),
        (2, FLAT, "2 pictures were made middle grey, since they have one level throughout"),
    ],
)
def test_remarks_are_counted_in_a_sentence(count, remark, says):
    assert remark_of(count, remark) == says
