"""Names for further datasets, which none has yet."""

import re
import unicodedata
from pathlib import PurePath

from dashboard import state


def taken() -> set[str]:
    """Names that no further dataset can have."""
    seen = state.look()
    unreadable = {one.id for one in seen.unreadable_datasets}
    return {one.name for one in (*seen.datasets, *seen.preparing)} | unreadable


def suggest_name(file_name: str, taken: set[str] = frozenset()) -> str:
    """A dataset's name out of a file's.

    >>> suggest_name("My pets (2).zip"), suggest_name("犬と猫.zip"), suggest_name("...zip")
    ('My-pets-2', '犬と猫', 'pictures')
    """
    stem = unicodedata.normalize("NFC", PurePath(file_name).name.removesuffix(".zip"))
    return free_name(re.sub(r"[^\w.-]+", "-", stem).strip("-._")[:60] or "pictures", taken)


def free_name(name: str, taken: set[str]) -> str:
    """The name, or the first of name-2, name-3, … that nothing has.

    >>> free_name("small", {"small", "small-2"}), free_name("small-2", {"small-2"})
    ('small-3', 'small-3')
    """
    stem, number = re.sub(r"-[2-9]$", "", name)[:60], 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
