"""What kinds of pictures there are in files, and how each becomes RGB of 8 bits.

OpenCV decodes what already is RGB or grey of 8 bits, and what has more than 8 bits, which Pillow
cuts to 8. Pillow decodes what is see-through, of inks, or L*a*b*, since it knows all the ways to
be so. Nothing is changed in a picture without a remark.
"""

import io

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageOps

from engine.errors import PictureError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
PNG_DEPTH, PNG_COLOURS = 24, 25  # places in the file, which begins with this header
BITS, PHOTOMETRIC, ORIENTATION, PLANES, EXTRA = 258, 262, 274, 284, 338  # tags of TIFF 6.0
WHITE_IS_ZERO, SEPARATE, PREMULTIPLIED = 0, 2, (1,)
BLOCK = 2**18  # pixels that are scaled at a time
MIDDLE = 128  # neither dark nor light

ON_WHITE = "laid on white where it is see-through"
BY_PROFILE = "converted from CMYK by its profile"
WITHOUT_PROFILE = "converted from CMYK without a profile"
FLAT = "made middle grey, since it has one level throughout"


def kind_of(picture: Image.Image, data: bytes) -> str:
    """A name in `READERS`, from the header alone.

    Raises:
        PictureError: if no decoder here reads such a file rightly.
    """
    tags = getattr(picture, "tag_v2", {})
    if picture.mode == "CMYK":
        return "inks"
    if picture.mode == "LAB":
        return "lab"
    # A colour multiplied by its alpha is at most that, so its scale is known: all of the bits.
    if _bits(picture, data) > 8 and tags.get(EXTRA) != PREMULTIPLIED:
        if tags.get(PLANES) == SEPARATE and picture.mode not in ("I;16", "I;16B", "I", "F"):
            raise PictureError("its colours lie in planes of their own, of more than 8 bits")
        return "deep"
    return "see-through" if picture.has_transparency_data else "plain"


def remark_of(count: int, remark: str) -> str:
    """A sentence without its stop: "3 pictures were scaled from 16 bits by their own range"."""
    if count == 1:
        return f"1 picture was {remark}"
    several = remark.replace(" its ", " their ").replace(" it is ", " they are ")
    return f"{count:,} pictures were {several.replace(' it has ', ' they have ')}"


def _bits(picture: Image.Image, data: bytes) -> int:
    """Of one value: a grey level, or one of a pixel's colours."""
    if picture.format == "PNG":
        return data[PNG_DEPTH]
    return max(picture.tag_v2.get(BITS, (1,))) if picture.format == "TIFF" else 8


def _plain(data: bytes):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB), ()


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _see_through(data: bytes):
    """As a page shows it; colours hidden behind full clearness are gone."""
    with _opened(data) as picture:
        # Pillow stretches two or four bits of grey to eight, and not the level that is clear.
        if picture.format == "PNG" and data[PNG_COLOURS] == 0 and data[PNG_DEPTH] in (2, 4):
            picture.info["transparency"] *= 255 // (2 ** data[PNG_DEPTH] - 1)
        return _on_white(ImageOps.exif_transpose(picture).convert("RGBA"))


def _on_white(picture: Image.Image):
    page = Image.new("RGB", picture.size, "white")
    page.paste(picture, mask=picture)
    clearest, _ = picture.getchannel("A").getextrema()
    return np.asarray(page), (ON_WHITE,) if clearest < 255 else ()


def _inks(data: bytes):
    """CMYK for a screen. A JPEG's inks are inverted, as Adobe began it and every viewer reads it;
    Pillow turns them."""
    with _opened(data) as picture:
        profile = picture.info.get("icc_profile")
        picture = ImageOps.exif_transpose(picture)
        if profile:
            try:
                converted = ImageCms.profileToProfile(
                    picture,
                    ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                    ImageCms.createProfile("sRGB"),
                    outputMode="RGB",
                )
                return np.asarray(converted), (BY_PROFILE,)
            except Exception:  # nosec B110 # broken, or of other colours: a stranger's profile
                pass
        return np.asarray(picture.convert("RGB")), (WITHOUT_PROFILE,)


def _lab(data: bytes):
    """OpenCV makes its white yellow, taking no account of the light it is meant under."""
    with _opened(data) as picture:
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB")), ()


def _deep(data: bytes):
    """More than 8 bits a value, or floating point: from its darkest to its lightest it becomes 0 to
    255, colours together.

    What a file's values reach is told nowhere: a scanner's 12 bits lie in 16. So each picture has
    its own range, and a picture of one level has none.
    """
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        return None, ()
    with _opened(data) as picture:
        bits, see_through = _bits(picture, data), picture.has_transparency_data
        inverted = getattr(picture, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO
        # OpenCV has turned a TIFF by now; of a PNG it does so only where it cuts it to 8 bits.
        turned = picture.getexif().get(ORIENTATION) if picture.format == "PNG" else None
        clear = picture.info.get("transparency")
    grey, alpha = values.ndim == 2, None
    if see_through and grey:
        alpha = (values != clear).astype(np.uint8) * 255
    elif see_through:
        alpha = cv2.convertScaleAbs(cv2.extractChannel(values, 3), alpha=255 / 65535)
    eight, remarks = _scaled(np.atleast_3d(values)[..., 2::-1], alpha, bits, inverted)
    del values  # up to eight bytes a pixel
    page = Image.fromarray(eight[..., 0] if grey else eight)
    return _finished(page.convert("RGB"), alpha, turned, remarks)


def _finished(page: Image.Image, alpha: np.ndarray | None, turned: int | None, remarks):
    if alpha is not None:
        page.putalpha(Image.fromarray(alpha))
    page.getexif()[ORIENTATION] = turned or 1
    page = ImageOps.exif_transpose(page)
    if alpha is None:
        return np.asarray(page), remarks
    pixels, laid = _on_white(page)
    return pixels, remarks + laid


def _scaled(values: np.ndarray, alpha: np.ndarray | None, bits: int, inverted: bool):
    """`(h, w, channels)` as uint8, and remarks; what cannot be seen has no say in the range."""
    shape, values = values.shape, values.reshape(-1, values.shape[2])
    blocks = [slice(at, at + BLOCK) for at in range(0, len(values), BLOCK)]
    seen = alpha.reshape(-1) > 0 if alpha is not None else np.broadcast_to(True, len(values))
    ends = [of(values[b][seen[b]]) for b in blocks if seen[b].any() for of in (np.min, np.max)]
    if not ends:
        return np.zeros(shape, np.uint8), ()
    low, high = float(np.min(ends)), float(np.max(ends))
    if not np.isfinite([low, high]).all():
        raise PictureError("some of its values are no numbers (NaN or infinity)")
    if low == high:
        return np.full(shape, MIDDLE, np.uint8), (FLAT,)
    if inverted:
        low, high = high, low
    scaled = np.empty(values.shape, np.uint8)
    for block in blocks:
        share = (values[block].astype(np.float64) - low) * 255 / (high - low)
        scaled[block] = np.rint(np.clip(share, 0, 255))
    what = "floating point" if values.dtype.kind == "f" else f"{bits} bits"
    return scaled.reshape(shape), (f"scaled from {what} by its own range",)


# Each takes a file's bytes and gives `(h, w, 3)` uint8 or None, and remarks.
READERS = {
    "plain": _plain,
    "see-through": _see_through,
    "inks": _inks,
    "lab": _lab,
    "deep": _deep,
}
