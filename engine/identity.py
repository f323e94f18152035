"""What makes two pictures, two datasets, two splits the same: names made of content alone.

A picture is the SHA-256 of its pixels as its dataset stores them, in hexadecimal. Rows, files and
folders can change their names and order; what was judged cannot.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

SHORT = 16  # digits of a picture's identity in a link: one chance in 10^8 of a clash in 500,000


def of_picture(pixels: np.ndarray) -> str:
    """`(h, w, 3)` uint8 -> 64 hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest()


def of_pictures(
    pictures: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    groups: np.ndarray | None = None,
) -> str:
    """Pictures with their labels, what the labels are called and their subjects, in whatever order.

    A dataset's fingerprint is that of all its pictures; its split id that of its test part, without
    subjects.

    Args:
        pictures: `(n,)` identities; labels: `(n,)` class numbers; groups: `(n,)` subjects' names.
    """
    digest = hashlib.sha256()
    for name in class_names:
        digest.update(name.encode() + b"\0")
    told = [f"{p} {int(y)}" for p, y in zip(pictures, labels, strict=True)]
    if groups is not None:
        told = [f"{line} {group}" for line, group in zip(told, groups, strict=True)]
    for line in sorted(f"{line}\n" for line in told):
        digest.update(line.encode())
    return digest.hexdigest()


def of_first_version(pictures: np.ndarray, labels: np.ndarray, image_size: int) -> str:
    """The fingerprint as the first version made it: without class names, and of digests whose
    trailing zero bytes NumPy had dropped."""
    lines = sorted(
        bytes.fromhex(p).rstrip(b"\0") + bytes([int(y)])
        for p, y in zip(pictures, labels, strict=True)
    )
    return hashlib.sha256(b"%d\n" % image_size + b"\n".join(lines)).hexdigest()


def of_rows(fingerprint: str, rows: np.ndarray, labels: np.ndarray) -> str:
    """The split id of the first version's runs and datasets, which knew rows and not pictures."""
    told = np.stack([np.asarray(rows, np.int64), np.asarray(labels, np.int64)])
    return hashlib.sha256(fingerprint.encode() + told.tobytes()).hexdigest()
