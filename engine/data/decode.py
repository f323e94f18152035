"""One decoder for everything: datasets, uploads, Explain and the command line.

Pillow looks at what is untrusted (format, size, frames from the header); OpenCV decodes and
resizes. What is see-through is decoded by Pillow, which knows all the ways to be so. TensorFlow's
own decoders never see a user's file: an animated WebP aborts the process.
"""

import io
import re
import subprocess
import sys
import warnings

import cv2
import numpy as np
from PIL import Image, ImageOps

from engine.errors import PictureError
from engine.settings import PROJECT, settings

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
DECODE_SECONDS = 30
# Programs write about ten scans, the thriftiest about twenty; each costs a pass over all pixels.
MAX_SCANS = 100
JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # no stuffed zero, restart or filling

# A refused file is reported with our reason, not with OpenCV's stack.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def decode(data: bytes, size: int) -> np.ndarray:
    """A picture file's bytes as RGB pixels `(size, size, 3)` uint8.

    EXIF rotation is applied, what is see-through lies on white, and the picture is stretched to a
    square as in the blog post.

    Raises:
        PictureError: with the reason, if the file is not a whole, single picture in a known format.
    """
    see_through = check_header(data)
    try:
        if see_through:
            pixels = _on_white(data)
        else:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except Exception:  # a broken header, a side longer than OpenCV takes, anything of Pillow's
        pixels = None
    if pixels is None:
        raise PictureError("its pixels cannot be decoded")
    return resize(pixels, size)


def _on_white(data: bytes) -> np.ndarray:
    """The picture `(h, w, 3)` as a page shows it; colours hidden behind full clearness are gone."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        picture = ImageOps.exif_transpose(picture).convert("RGBA")
        page = Image.new("RGB", picture.size, "white")
        page.paste(picture, mask=picture)
        return np.asarray(page)


def resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """Stretch `(h, w, 3)` to `(size, size, 3)`: averaging when shrinking, linear when growing.

    Linear shrinking skips pixels, and the network would learn the aliasing.
    """
    if pixels.shape[:2] == (size, size):
        return pixels
    shrinks = pixels.shape[0] * pixels.shape[1] > size * size
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (size, size), interpolation=how)


def resize_all(images: np.ndarray, size: int) -> np.ndarray:
    """`resize` for `(n, h, w, 3)`; the array itself where it has that size already."""
    if images.shape[1] == size:
        return np.asarray(images)
    return np.stack([resize(image, size) for image in images])


def check_header(data: bytes) -> bool:
    """Refuse what is empty, no picture, animated, too large or cut off, without decoding it.

    Returns:
        Whether some of it may be see-through.
    """
    if not data:
        raise PictureError("empty: 0 bytes")
    if len(data) > settings().max_file_mb * 2**20:
        raise PictureError(f"larger than {settings().max_file_mb} MB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning: our limit is lower
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                kind, (width, height) = picture.format, picture.size
                frames = getattr(picture, "n_frames", 1)
                # Pillow would make 16-bit gray white; as one clear grey level, that is rare.
                see_through = picture.has_transparency_data and picture.mode != "I;16"
                if kind == "PNG":
                    picture.verify()  # checks every chunk's sum
    except Image.DecompressionBombError as error:
        raise PictureError(f"more than {settings().max_pixels:,} pixels") from error
    except Exception as error:  # Pillow's readers raise almost anything on a broken file
        raise PictureError("not a picture, or broken") from error
    # MPO is what many phones write into a .jpg: a JPEG with a second picture behind it.
    if frames > 1 and kind != "MPO":
        raise PictureError(f"animated or many pictures in one file ({frames} frames)")
    if width * height > settings().max_pixels:
        raise PictureError(f"{width} × {height} pixels, more than {settings().max_pixels:,}")
    if kind in ("JPEG", "MPO"):
        _check_jpeg(data)
    return see_through


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


def decode_in_child(data: bytes, size: int) -> np.ndarray:
    """`decode` in a process of its own, so that a file which breaks a decoder breaks only that.

    Raises:
        PictureError: as `decode`, and if the child dies or takes more than half a minute.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-m", "engine.data.decode", str(size)],
            input=data,
            capture_output=True,
            timeout=DECODE_SECONDS,
            cwd=PROJECT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PictureError(f"decoding took more than {DECODE_SECONDS} s") from error
    if child.returncode == 2:
        raise PictureError(child.stderr.decode().strip())
    if child.returncode != 0:
        raise PictureError("the decoder broke on it")
    return np.frombuffer(child.stdout, np.uint8).reshape(size, size, 3)


def _main() -> int:
    """Bytes on standard input, pixels on standard output; exit status 2 and a reason if refused."""
    try:
        pixels = decode(sys.stdin.buffer.read(), int(sys.argv[1]))
    except PictureError as error:
        sys.stderr.write(str(error))
        return 2
    sys.stdout.buffer.write(pixels.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(_main())
