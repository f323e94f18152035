"""Files of pictures written value by value, so that a test knows what must come out of them."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

# EXIF orientation: the corners a b, c d of a picture after it was turned upright.
TURNED = {1: "abcd", 2: "badc", 3: "dcba", 4: "cdab", 5: "acbd", 6: "cadb", 7: "dbca", 8: "bdac"}
KIND = {"u": 1, "i": 2, "f": 3}  # TIFF's SampleFormat


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def png(values, depth: int, colours: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of `(h, w)` or `(h, w, channels)`; colours: 0 grey, 2 RGB, 3 palette, 4 and 6 with
    alpha. chunks: (name, body), between header and pixels."""
    values = np.asarray(values)
    height, width = values.shape[:2]
    if depth >= 8:
        rows = values.astype(f">u{depth // 8}").reshape(height, -1).view(np.uint8)
    else:
        bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(height, -1), axis=1)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def tiff(values, order: str = "<", tags: dict[int, tuple[int, ...]] | None = None) -> bytes:
    """A TIFF of `(h, w)` or `(h, w, channels)`, uncompressed; order: "<" little, ">" big endian.
    tags: numbers of two bytes each, beside those that the values ask for."""
    values = np.asarray(values)
    height, width, channels = (*values.shape, 1)[:3]
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    data += bytes(len(data) % 2)
    entries = {
        256: (width,), 257: (height,), 258: (8 * values.itemsize,) * channels, 259: (1,),
        262: (2 if channels > 2 else 1,), 273: (8,), 277: (channels,), 278: (height,),
        279: (len(data),), 339: (KIND[values.dtype.kind],) * channels,
    } | (tags or {})  # fmt: skip
    directory, far = b"", b""
    far_at = 8 + len(data) + 2 + 12 * len(entries) + 4
    for tag, numbers in sorted(entries.items()):
        body = struct.pack(f"{order}{len(numbers)}H", *numbers)
        if len(body) > 4:
            place = struct.pack(f"{order}I", far_at + len(far))
            far += body
        else:
            place = body.ljust(4, b"\0")
        directory += struct.pack(f"{order}HHI", tag, 3, len(numbers)) + place
    begin = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(data))
    count = struct.pack(f"{order}H", len(entries))
    return begin + data + count + directory + bytes(4) + far


def ink_profile(papers: dict[int, tuple[float, float, float]]) -> bytes:
    """An ICC profile (version 2) of a printer that knows the 16 ways to print each of C, M, Y, K
    fully or not at all; between them lcms interpolates.

    papers: by 8 C + 4 M + 2 Y + K the L*a*b* (D50) of what is printed; black where it is left out.
    """
    colours = [papers.get(inks, (0.0, 0.0, 0.0)) for inks in range(16)]
    table = b"".join(
        bytes((round(2.55 * light), round(a) + 128, round(b) + 128)) for light, a, b in colours
    )
    ramp = bytes(range(256))
    unit = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + unit + 4 * ramp + table + 3 * ramp
    words = b"inks of a test\0"
    said = b"desc" + bytes(4) + struct.pack(">I", len(words)) + words + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    rights = b"text" + bytes(4) + b"none\0"
    body, index, at = b"", b"", 128 + 4 + 4 * 12
    named = ((b"desc", said), (b"wtpt", white), (b"A2B0", lut), (b"cprt", rights))
    for name, tag in named:
        padded = tag + bytes(-len(tag) % 4)
        index += name + struct.pack(">II", at + len(body), len(tag))
        body += padded
    size = at + len(body)
    header = struct.pack(">I4sI", size, bytes(4), 0x02400000) + b"prtrCMYKLab "
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(named)) + index + body
