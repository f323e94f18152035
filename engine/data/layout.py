"""Which class a picture is of, by the folders that it lies in or by its name.

The first folders that stand side by side are the classes, and whatever lies in one of them, however
deep, belongs to it. Folders that only part the pictures (train, validation, test) are passed over.
Where no folders stand side by side, names tell: `cat.0.jpg`. What can be read in two ways is
refused as a whole: a guess would be a dataset of other classes than those that were meant.
"""

import re
import unicodedata
from collections import Counter
from pathlib import PurePosixPath

from engine.errors import SourceError

LAYOUTS = "one sub-folder for each of two classes, or names like cat.0.jpg and dog.0.jpg"
PART_FOLDERS = {"train", "training", "val", "valid", "validation", "test", "test1", "testing"}
FLAT_NAME = re.compile(r"(?P<name>.*[^\W\d_].*?)[._ -]?\d+")  # "cat.0", "犬_12", not "12"

Way = tuple[str, ...]  # folders from the outermost to the picture's own


def classes_of(pictures: list[str], source: str) -> dict[str, str]:
    """The class of each picture (`/` between folders); one of which nothing says it is left out.

    Args:
        source: how error messages name where the pictures are.

    Raises:
        SourceError: if they are not of two classes, or can be read in two ways.
    """
    ways = {name: _way(name) for name in pictures}
    from_class = _from_class_folder(ways)
    classes = {name: way[0] for name, way in from_class.items() if way} or _by_name(ways)
    found = sorted(set(classes.values()))
    if len(found) != 2:
        listed = ", ".join(f"'{name}'" for name in found[:6]) + (", …" if len(found) > 6 else "")
        count = {0: "pictures of no class", 1: f"one class ({listed})"}
        raise SourceError(
            f"'{source}' holds {count.get(len(found), f'{len(found)} classes ({listed})')}, and "
            f"two are needed; give a folder or a zip with {LAYOUTS}."
        )
    if any(from_class.values()):
        _refuse_two_readings(ways, from_class, found, source)
    return classes


def _way(name: str) -> Way:
    return tuple(_composed(part) for part in PurePosixPath(name).parts[:-1])


def _composed(name: str) -> str:
    """One spelling for each name: macOS stores é as e and an accent."""
    return unicodedata.normalize("NFC", name)


def _is_part(folder: str) -> bool:
    return folder.lower() in PART_FOLDERS


def _from_class_folder(ways: dict[str, Way]) -> dict[str, Way]:
    """Each way from its class folder on; all are empty where no folders stand side by side."""
    while True:
        side_by_side = {way[0] for way in ways.values() if way}
        passed_over = len(side_by_side) == 1 or all(_is_part(folder) for folder in side_by_side)
        if not side_by_side or not passed_over:
            return ways
        ways = {name: way[1:] for name, way in ways.items()}


def _by_name(ways: dict[str, Way]) -> dict[str, str]:
    """Classes by names like `cat.0`; where not even two say one, by the folder all lie in."""
    matches = {name: FLAT_NAME.fullmatch(PurePosixPath(name).stem) for name in ways}
    classes = {name: _composed(match["name"]) for name, match in matches.items() if match}
    if classes:
        return classes
    return {name: way[-1] for name, way in ways.items() if way and not _is_part(way[-1])}


def _refuse_two_readings(ways, from_class, found: list[str], source: str) -> None:
    """Refuse class folders that may not be what was meant."""
    folders = f"'{source}' holds the folders '{found[0]}' and '{found[1]}'"
    counts = Counter(way[0] for way in from_class.values() if way)
    part = next((folder for folder in found if _is_part(folder)), None)
    if part:
        raise SourceError(
            f"{folders}, of which '{part}' may be a class or a part of the pictures; rename it, "
            "or give the folder that is meant."
        )
    beside = [name for name in ways if not from_class[name] and not any(map(_is_part, ways[name]))]
    if len(beside) >= min(counts.values()):
        raise SourceError(
            f"{folders} and beside them as many pictures as in one of them ({len(beside):,}, as "
            f"{beside[0]}), so that they may not be the classes; put each picture into the folder "
            "of its class, or the others elsewhere."
        )
    inside = {name: way for name, way in from_class.items() if way}
    for chosen in (set(found), {found[0]}, {found[1]}):
        others = sum(counts[folder] for folder in found if folder not in chosen)
        below = _classes_below({n: way for n, way in inside.items() if way[0] in chosen}, others)
        if below:
            raise SourceError(
                f"{folders} and in them '{below[0]}' and '{below[1]}', so that either may be the "
                "classes; give one folder alone, or keep only the level that is meant."
            )


def _classes_below(from_class: dict[str, Way], others: int) -> list[str]:
    """The two classes that lie below these class folders, if there are two that part the pictures
    in another way, and if fewer pictures are in neither (`others` among them) than in one."""
    deeper = _from_class_folder({name: way[1:] for name, way in from_class.items()})
    counts = Counter(way[0] for way in deeper.values() if way)
    pairs = {(from_class[name][0], way[0]) for name, way in deeper.items() if way}
    in_neither = others + sum(not way for way in deeper.values())
    another_way = len(pairs) > 2 or len({above for above, _ in pairs}) == 1
    if len(counts) == 2 and another_way and in_neither < min(counts.values()):
        return sorted(counts)
    return []
