"""Which class a picture is of, by the folders that it lies in or by its name.

The first folders that stand side by side are the classes, and whatever lies in one of them, however
deep, belongs to it. Folders that only part the pictures (train, validation, test) are passed over.
Where no folders stand side by side, names tell: `cat.0.jpg`. What can be read in two ways is
refused as a whole: a guess would be a dataset of other classes than those that were meant.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from engine.errors import SourceError

MAX_CLASSES = 100
LAYOUTS = "one sub-folder for each class, or names like cat.0.jpg and dog.0.jpg"
PART_FOLDERS = {"train", "training", "val", "valid", "validation", "test", "test1", "testing"}
FLAT_NAME = re.compile(r"(?P<name>.*[^\W\d_].*?)[._ -]?\d+")  # "cat.0", "犬_12", not "12"

Way = tuple[str, ...]  # folders from the outermost to the picture's own


def classes_of(pictures: list[str], source: str, *, outer_meant: bool = False) -> dict[str, str]:
    """The class of each picture (`/` between folders); one of which nothing says it is left out.

    Args:
        source: how error messages name where the pictures are.
        outer_meant: the outer folders are known to be the classes, whatever lies below them.

    Raises:
        SourceError: if they are not of 2 to 100 classes, if two of them differ in case only, or if
            the pictures can be read in two ways.
    """
    ways = {name: _way(name) for name in pictures}
    from_class = _from_class_folder(ways)
    classes = {name: way[0] for name, way in from_class.items() if way} or _by_name(ways)
    found = sorted(set(classes.values()))
    _refuse_counts(found, source)
    if any(from_class.values()):
        _refuse_two_readings(ways, from_class, found, source, outer_meant)
    return classes


def folders_below(pictures: Iterable[str]) -> dict[str, str]:
    """The folder of each picture directly below its class folder, "" where it is in none.

    Folders that only part the pictures are passed over there, too.
    """
    from_class = _from_class_folder({name: _way(name) for name in pictures})
    return {
        name: next((folder for folder in way[1:] if not _is_part(folder)), "")
        for name, way in from_class.items()
    }


def listed(names: Sequence[str], most: int = 6) -> str:
    """The names in quotes, the first of them where they are many."""
    return ", ".join(f"'{name}'" for name in names[:most]) + (", …" if len(names) > most else "")


def composed(name: str) -> str:
    """One spelling for each name: macOS stores é as e and an accent."""
    return unicodedata.normalize("NFC", name)


def place_of(class_names: Sequence[str], asked: str) -> int | None:
    """The place of the class that is asked for in whatever case and spelling; None for none."""
    folded = [name.casefold() for name in class_names]
    wanted = composed(asked).casefold()
    return folded.index(wanted) if wanted in folded else None


def _way(name: str) -> Way:
    return tuple(composed(part) for part in PurePosixPath(name).parts[:-1])


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
    classes = {name: composed(match["name"]) for name, match in matches.items() if match}
    if classes and not _numbered_twice(ways, set(classes.values())):
        return classes
    return {name: way[-1] for name, way in ways.items() if way and not _is_part(way[-1])}


def _numbered_twice(ways: dict[str, Way], classes: set[str]) -> bool:
    """Whether the names only count: all lie in the folder `dog`, as dog_0_1.jpg and dog_1_1.jpg."""
    folders = {way[-1:] for way in ways.values()}
    (folder,) = folders if len(folders) == 1 else ((),)
    return len(classes) > 2 and bool(folder) and all(
        name.casefold().startswith(folder[0].casefold()) for name in classes
    )  # fmt: skip


def _refuse_counts(found: list[str], source: str) -> None:
    spelt = defaultdict(list)
    for name in found:
        spelt[name.casefold()].append(name)
    alike = next((names for names in spelt.values() if len(names) > 1), None)
    if alike:
        raise SourceError(
            f"'{source}' holds the classes '{alike[0]}' and '{alike[1]}', which differ in case "
            "only; rename one, or put their pictures together."
        )
    if len(found) < 2:
        what = f"one class ({listed(found)})" if found else "pictures of no class"
        raise SourceError(
            f"'{source}' holds {what}, and at least two are needed; give a folder or a zip with "
            f"{LAYOUTS}."
        )
    if len(found) > MAX_CLASSES:
        raise SourceError(
            f"'{source}' holds {len(found)} classes ({listed(found)}), and at most {MAX_CLASSES} "
            f"are possible; give a folder or a zip with {LAYOUTS}."
        )


def _refuse_two_readings(
    ways, from_class, found: list[str], source: str, outer_meant: bool
) -> None:
    """Refuse class folders that may not be what was meant."""
    folders = f"'{source}' holds the folders {_and(found)}"
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
    if outer_meant:
        return
    inside = {name: way for name, way in from_class.items() if way}
    of_folder: dict[str, dict[str, Way]] = defaultdict(dict)
    for name, way in inside.items():
        of_folder[way[0]][name] = way
    for chosen in (inside, *of_folder.values()):
        below = _classes_below(chosen, others=len(inside) - len(chosen))
        if below:
            raise SourceError(
                f"{folders} and in them {_and(below)}, so that either may be the classes; give one "
                "folder alone, keep only the level that is meant, or, if it is the outer one, say "
                "--group-by folder where the inner are subjects (patients, animals), or which of "
                "two outer ones is --positive."
            )


def _and(names: list[str]) -> str:
    if len(names) > 6:
        return listed(names)
    return f"{listed(names[:-1])} and '{names[-1]}'"


def _classes_below(from_class: dict[str, Way], others: int) -> list[str]:
    """The classes that lie below these class folders, if they part the pictures in another way.

    They do if they stand in one of the folders alone, or if at least half of their names are in
    several: folders of subjects are mostly in one each. Pictures that are in none of them (`others`
    among them) have to be fewer than those in one: in any, or, where the names repeat, in the
    second largest, since a rare class makes the repetition no accident.
    """
    deeper = _from_class_folder({name: way[1:] for name, way in from_class.items()})
    counts = Counter(way[0] for way in deeper.values() if way)
    above = defaultdict(set)
    for name, way in deeper.items():
        if way:
            above[way[0]].add(from_class[name][0])
    if not 2 <= len(counts) <= MAX_CLASSES:
        return []
    in_neither = others + sum(not way for way in deeper.values())
    if len(set().union(*above.values())) == 1:
        another_way = in_neither < min(counts.values())
    else:
        repeated = sum(len(folders) > 1 for folders in above.values())
        another_way = 2 * repeated >= len(counts) and in_neither < sorted(counts.values())[-2]
    return sorted(counts) if another_way else []
