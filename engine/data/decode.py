"""One decoder for everything: datasets, uploads, Explain and the command line.

Pillow looks at what is untrusted (format, size, frames from the header); `kinds` says who decodes
what, and OpenCV resizes. TensorFlow's own decoders never see a user's file: an animated WebP aborts
the process.
"""

import io
import json
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from engine.data.kinds import FORMATS, READERS, kind_of
from engine.errors import ConfigError, PictureError
from engine.settings import PROJECT, settings

FITTED = {
    "stretch": "stretched to a square",
    "pad": "fitted into a square whole, with grey beside them",
    "crop": "cut to the square in their middle",
}
FITS = tuple(FITTED)
# As far from black as from white: the edge between a picture and what is beside it is the faintest
# over all pictures, so that a network and its heatmaps are least drawn to it.
PAD = 128
DECODE_SECONDS = 30
# Programs write about ten scans, the thriftiest about twenty; each costs a pass over all pixels.
MAX_SCANS = 100
TIFF_BEGINS = (b"II*\0", b"MM\0*")
JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # no stuffed zero, restart or filling

# A refused file is reported with our reason, not with OpenCV's stack.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


@dataclass(frozen=True)
class Decoded:
    """pixels: `(size, size, 3)` uint8 RGB. remarks: what was changed in the picture, in words that
    follow "it was"; () for most."""

    pixels: np.ndarray
    remarks: tuple[str, ...]


def decode(data: bytes, size: int, fit: str = "stretch") -> Decoded:
    """A picture file's bytes as a square of RGB.

    EXIF rotation is applied; what is done to pictures of other kinds is said in the remarks.

    Args:
        fit: a name in `FITS`. "stretch" changes the proportions, as in the blog post; "pad" keeps
            the whole picture, centred on grey; "crop" takes the largest square in its middle.

    Raises:
        PictureError: with the reason, if the file is not a whole, single picture in a known format.
        ConfigError: if there is no such fit.
    """
    check_fit(fit)
    kind = check_header(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Pillow mended or left out
            pixels, remarks = READERS[kind](data)
    except PictureError:
        raise
    except Exception:  # a broken header, a side longer than OpenCV takes, anything of Pillow's
        pixels, remarks = None, ()
    if pixels is None:
        raise PictureError("its pixels cannot be decoded")
    return Decoded(_fitted(pixels, size, fit), remarks)


def check_fit(fit: str) -> None:
    if fit not in FITS:
        raise ConfigError(f"The fit '{fit}' is not known; choose one of {', '.join(FITS)}.")


def _fitted(pixels: np.ndarray, size: int, fit: str) -> np.ndarray:
    if fit == "stretch":
        return resize(pixels, size)
    height, width = pixels.shape[:2]
    if fit == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return resize(pixels[top : top + side, left : left + side], size)
    longest = max(height, width)
    height, width = (max(1, round(side * size / longest)) for side in (height, width))
    top, left = (size - height) // 2, (size - width) // 2
    square = np.full((size, size, 3), PAD, np.uint8)
    square[top : top + height, left : left + width] = _resize(pixels, height, width)
    return square


def resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """Stretch `(h, w, 3)` to `(size, size, 3)`: averaging when shrinking, linear when growing.

    Linear shrinking skips pixels, and the network would learn the aliasing.
    """
    return _resize(pixels, size, size)


def _resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] * pixels.shape[1] > height * width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=how)


def resize_all(images: np.ndarray, size: int) -> np.ndarray:
    """`resize` for `(n, h, w, 3)`; the array itself where it has that size already."""
    if images.shape[1] == size:
        return np.asarray(images)
    return np.stack([resize(image, size) for image in images])


def check_header(data: bytes) -> str:
    """Refuse what is empty, no picture, animated, too large or cut off, without decoding it.

    Returns:
        The kind of picture, a name in `kinds.READERS`.
    """
    if not data:
        raise PictureError("empty: 0 bytes")
    if len(data) > settings().max_file_mb * 2**20:
        raise PictureError(f"larger than {settings().max_file_mb} MB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning: our limit is lower
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                form, (width, height) = picture.format, picture.size
                frames = getattr(picture, "n_frames", 1)
                kind = kind_of(picture, data)
                if form == "PNG":
                    picture.verify()  # checks every chunk's sum
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(f"more than {settings().max_pixels:,} pixels") from error
    except Exception as error:  # Pillow's readers raise almost anything on a broken file
        tiff = data.startswith(TIFF_BEGINS)
        what = "a TIFF of a kind that is not read here" if tiff else "not a picture"
        raise PictureError(f"{what}, or broken") from error
    # MPO is what many phones write into a .jpg: a JPEG with a second picture behind it.
    if frames > 1 and form != "MPO":
        raise PictureError(f"animated or many pictures in one file ({frames} frames)")
    if width * height > settings().max_pixels:
        raise PictureError(f"{width} × {height} pixels, more than {settings().max_pixels:,}")
    if form in ("JPEG", "MPO"):
        _check_jpeg(data)
    return kind


def _check_jpeg(data: bytes) -> None:
    """Walk from marker to marker to the end of the first picture.

    What lies behind it is none of ours (a phone's film, a second picture), and what lies in a
    segment is jumped over with it (a preview).
    """
    at, scans = 2, 0
    while found := JPEG_MARKER.search(data, at):
        marker, at = data[found.end() - 1], found.end()
        if marker == 0xD9:
            return
        if marker in (0x01, 0xD8):  # the two that have no segment
            continue
        at += int.from_bytes(data[at : at + 2])
        scans += marker == 0xDA
        if scans > MAX_SCANS:
            raise PictureError(f"more than {MAX_SCANS} scans, which take too long to decode")
    raise PictureError("cut off: the file ends before its picture does")


def decode_in_child(data: bytes, size: int, fit: str = "stretch") -> Decoded:
    """`decode` in a process of its own, so that a file which breaks a decoder breaks only that.

    Raises:
        PictureError: as `decode`, and if the child dies or takes more than half a minute.
        ConfigError: as `decode`.
    """
    check_fit(fit)
    try:
        child = subprocess.run(  # nosec B603 # our own words; the stranger's is its input
            [sys.executable, "-m", "engine.data.decode", str(size), fit],
            input=data,
            capture_output=True,
            timeout=DECODE_SECONDS,
            cwd=PROJECT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PictureError(f"decoding took more than {DECODE_SECONDS} s") from error
    if child.returncode not in (0, 2):
        raise PictureError("the decoder broke on it")
    told, _, pixels = child.stdout.partition(b"\n")
    if child.returncode == 2:
        raise PictureError(json.loads(told))
    square = np.frombuffer(pixels, np.uint8).reshape(size, size, 3)
    return Decoded(square, tuple(json.loads(told)))


def _main() -> int:
    """Bytes on standard input; on standard output a line of JSON, the remarks, and the pixels, or
    the reason, and exit status 2, if refused. Libraries may complain on standard error."""
    size, fit = int(sys.argv[1]), sys.argv[2]
    try:
        decoded = decode(sys.stdin.buffer.read(), size, fit)
    except PictureError as error:
        sys.stdout.write(json.dumps(str(error)) + "\n")
        return 2
    line = json.dumps(decoded.remarks) + "\n"
    sys.stdout.buffer.write(line.encode() + decoded.pixels.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(_main())
