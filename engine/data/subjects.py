"""Which subject a picture shows (a patient, an animal, a product), where anything tells.

A groups.csv in the source tells it, or the folder below the class, or an expression on the file's
name. Nothing else does: names that only look as if they did are pointed out, and never grouped.
One name is one subject, in whatever class it stands: to take two subjects for one costs a little
freedom of the split, to take one for two would judge a model on what it has seen.
"""

import csv
import io
import json
import re
import subprocess
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from engine.data.layout import composed, listed
from engine.errors import SourceError

TABLE = "groups.csv"
FOLDER = "folder"
MIN_PER_CLASS = 3  # one subject for each part of the split
MATCH_SECONDS = 5.0  # for all names; a hundred thousand take a tenth of a second
LONGEST = 200  # characters of an expression, and of a subject's name


def check(group_by: str | None) -> None:
    """Refuse what is neither None, nor "folder", nor an expression with exactly one group.

    Raises:
        SourceError: saying what is wrong with the expression.
    """
    if group_by is None or group_by == FOLDER:
        return
    if len(group_by) > LONGEST or not group_by.isprintable():
        raise SourceError(
            f"An expression for subjects has up to {LONGEST} characters that can be seen; write a "
            "shorter one, or a groups.csv."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what later versions of Python may read otherwise
            groups = re.compile(group_by).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise SourceError(
            f"The expression '{group_by}' for subjects cannot be read ({error}); write one like "
            r"patient_(\d+), or the word folder."
        ) from None
    if groups != 1:
        raise SourceError(
            f"The expression '{group_by}' for subjects has {groups or 'no'} "
            f"{'groups' if groups > 1 else 'group'} in brackets and needs one, the subject; write "
            r"one like patient_(\d+), with (?:…) for brackets that are none, or the word folder."
        )


def by_expression(files: Sequence[str], expression: str) -> tuple[str, ...]:
    """What the expression's group finds in each file's name (its last part).

    Raises:
        SourceError: if it finds nothing, nothing in some, or is not done in time.
    """
    found = _searched(expression, [composed(PurePosixPath(name).name) for name in files])
    found = [one_line(subject or "") for subject in found]
    without = [name for name, subject in zip(files, found, strict=True) if not subject]
    if len(without) == len(files):
        raise SourceError(
            f"The expression '{expression}' for subjects finds nothing in any name, as in "
            f"'{without[0]}'; write one that does."
        )
    if without:
        raise SourceError(
            f"The expression '{expression}' for subjects finds nothing in {len(without):,} of "
            f"{len(files):,} names, the first '{without[0]}'; write one that does, or a groups.csv."
        )
    return tuple(found)


# Some expressions take longer than the universe is old, and none can be stopped within a process.
SEARCH = """
import json, re, sys, warnings
warnings.simplefilter("ignore")
asked = json.load(sys.stdin)
search = re.compile(asked["expression"]).search
found = (search(name) for name in asked["names"])
json.dump([match and match[1] for match in found], sys.stdout)
"""


def _searched(expression: str, names: list[str]) -> list[str | None]:
    try:
        done = subprocess.run(  # nosec B603 # our own words; the stranger's is its input
            [sys.executable, "-I", "-S", "-c", SEARCH],
            input=json.dumps({"expression": expression, "names": names}).encode(),
            capture_output=True,
            timeout=MATCH_SECONDS,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise SourceError(
            f"The expression '{expression}' for subjects was not done with {len(names):,} names in "
            f"{MATCH_SECONDS:g} s; write one without repetitions inside repetitions."
        ) from None
    return json.loads(done.stdout)


def by_folder(files: Sequence[str], folders: Mapping[str, str]) -> tuple[str, ...]:
    """The folder of each file directly below its class folder.

    Raises:
        SourceError: if some lie in none.
    """
    found = [one_line(folders[name]) for name in files]
    without = [name for name, subject in zip(files, found, strict=True) if not subject]
    if without:
        raise SourceError(
            f"{len(without):,} of {len(files):,} pictures lie in no folder below the one of their "
            f"class, the first '{without[0]}'; put each into the folder of its subject, or group "
            "them in another way."
        )
    return tuple(found)


# --- groups.csv -----------------------------------------------------------------------------------


def find_table(inside: Mapping[str, str], files: Sequence[str]) -> str | None:
    """The groups.csv that lies in the source itself or in a folder that wraps all of `files`.

    Args:
        inside: name -> why it is refused or "", of everything in the source.

    Raises:
        SourceError: if there is one elsewhere, more than one, or one that is not to be opened: to
            pass it over would split its subjects.
    """
    tables = [name for name in inside if _is_table(name)]
    if not tables:
        return None
    table, folder = tables[0], PurePosixPath(tables[0]).parent
    if len(tables) > 1:
        raise SourceError(f"There are {len(tables)} groups.csv ({listed(tables)}); keep one.")
    if inside[table]:
        raise SourceError(f"{table} is not read: it is {inside[table]}; put a file in its place.")
    outside = [name for name in files if folder not in PurePosixPath(name).parents]
    if outside:
        raise SourceError(
            f"{table} lies where not all pictures are, as '{outside[0]}'; put it where the class "
            "folders are."
        )
    return table


def _is_table(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.name.casefold() == TABLE and not hidden


def by_table(
    data: bytes, table: str, files: Sequence[str], inside: Iterable[str]
) -> tuple[str, ...]:
    """The subject of each of `files` by a groups.csv.

    Args:
        data: its bytes; columns `file`, with a name as seen from the table or from the source, and
            `group`.
        table: its name inside the source.
        inside: names of everything in the source: what is no picture of a class may stand in the
            table, too.

    Raises:
        SourceError: if it cannot be read so, names a file that is not there, says no subject or two
            of one, or leaves out a picture.
    """
    names = {composed(name): name for name in inside} | {name: name for name in inside}
    folder, groups = PurePosixPath(table).parent, {}
    for line, told, group in _rows(data, table):
        file = _name_in(names, folder, told)
        if file is None:
            raise SourceError(
                f"Line {line} of {table} names '{told}', which is not there; write names as seen "
                "from the folder of groups.csv, as cat/1.jpg."
            )
        if not group:
            raise SourceError(
                f"Line {line} of {table} gives '{told}' no group; write its subject, or one of its "
                "own where it is not known."
            )
        if groups.setdefault(file, group) != group:
            raise SourceError(
                f"Line {line} of {table} puts '{told}' into the group '{group}', and a line before "
                f"into '{groups[file]}'; leave one."
            )
    without = [name for name in files if name not in groups]
    if without:
        raise SourceError(
            f"{table} leaves out {len(without):,} of {len(files):,} pictures, the first "
            f"'{without[0]}'; add them, each with a subject of its own where it is not known."
        )
    return tuple(groups[name] for name in files)


def _rows(data: bytes, table: str) -> Iterable[tuple[int, str, str]]:
    """(line, file, group) of each row."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        what = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise SourceError(
            f"{table} cannot be read as a table ({what}); store it as CSV in UTF-8."
        ) from None
    columns = [word.strip().casefold() for word in rows[0][1]] if rows else []
    if "file" not in columns or "group" not in columns:
        told = f"the columns {listed(rows[0][1])}" if rows else "no columns"
        raise SourceError(f"{table} has {told}; its first line has to be file,group, with a comma.")
    places = columns.index("file"), columns.index("group")
    for line, row in rows[1:]:
        file, group = (row[at] if at < len(row) else "" for at in places)
        yield line, file, one_line(group)


def _name_in(names: Mapping[str, str], folder: PurePosixPath, told: str) -> str | None:
    """The name inside the source that a table means by `told`, as seen from its folder or from the
    source, with / or \\ between folders."""
    for written in (told, told.replace("\\", "/")):
        for place in (folder, PurePosixPath()):
            name = str(place / written)
            found = names.get(name) or names.get(composed(name))
            if found:
                return found
    return None


def one_line(subject: str) -> str:
    """A subject's name on one line, without what cannot be seen around it."""
    return " ".join(composed(subject).split())


# --- enough of them, and names that look like them ------------------------------------------------


def check_enough(labels: Sequence[int], groups: Sequence[str], class_names: Sequence[str]) -> None:
    """Refuse classes with fewer than three subjects, one for each part of the split, and a subject
    whose name is too long: in an array each name takes the room of the longest.

    Raises:
        SourceError: naming them.
    """
    longest = max(groups, key=len)
    if len(longest) > LONGEST:
        raise SourceError(
            f"The subject '{longest[:40]}…' has a name of {len(longest):,} characters; name it in "
            f"{LONGEST} or fewer."
        )
    counts = Counter(label for label, _ in set(zip(labels, groups, strict=True)))
    few = [(name, counts[i]) for i, name in enumerate(class_names) if counts[i] < MIN_PER_CLASS]
    if few:
        told = ", ".join(f"'{name}' has {count}" for name, count in few[:6])
        more = f", and {len(few) - 6} other classes have no more" if len(few) > 6 else ""
        raise SourceError(
            f"A class needs pictures of at least {MIN_PER_CLASS} subjects, one for each part of "
            f"the split: {told}{more}; add others, or group them in another way."
        )


def in_several(labels: Iterable[int], groups: Iterable[str]) -> int:
    """How many subjects have pictures of more than one class; right for patients, and where an
    expression finds a number that starts anew in each class, wrong."""
    of_one = Counter(group for _, group in set(zip(labels, groups, strict=True)))
    return sum(classes > 1 for classes in of_one.values())


# A name up to its first or second number, and not a hash: no number right behind it.
STEMS = (r"\D*\d+", r"\D*\d+\D+\d+")
NO_HASH = r"(?![A-Za-z]*\d)"
MANY = 0.2  # of the files share a stem: more than chance and the odd "IMG_1 (2).jpg"


@dataclass(frozen=True)
class Alike:
    """Two names that look like pictures of one subject, and the expression that would find it."""

    one: str
    other: str
    expression: str


def look_alike(files: Sequence[str], labels: Sequence[int]) -> Alike | None:
    """Whether names look like several pictures of a subject, as patient_12_3.jpg, IMG_0012a.png or
    12_left.jpg do.

    Of what fits, the shortest stem with subjects enough for a split: larger groups leak less.
    """
    names = [name.rpartition("/")[2] for name in files]
    fitting = [found for stem in STEMS if (found := _alike(names, labels, stem))]
    if not fitting:
        return None
    expression, (one, other), _ = next((found for found in fitting if found[2]), fitting[0])
    return Alike(one, other, expression)


def _alike(names: list[str], labels: Sequence[int], stem: str):
    """(expression, two names of one subject, whether each class has enough) or None."""
    strict = re.compile(f"({stem}){NO_HASH}")
    members: dict[int, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for name, label in zip(names, labels, strict=True):
        without_suffix = name.rpartition(".")[0]  # which may stand in several folders
        found = strict.match(without_suffix)
        members[label][found[1] if found else without_suffix][without_suffix] = name
    shared = {
        label: [sorted(of_one.values()) for of_one in stems.values() if len(of_one) > 1]
        for label, stems in members.items()
    }
    several = [of_one for found in shared.values() if len(found) > 1 for of_one in found]
    if sum(map(len, several)) <= MANY * len(names):
        return None
    simple = re.compile(f"^({stem})")
    same = all((a := simple.match(n)) and (b := strict.match(n)) and a[1] == b[1] for n in names)
    expression = simple.pattern if same else f"^({stem}{NO_HASH}|.+)"
    enough = all(len(stems) >= MIN_PER_CLASS for stems in members.values())
    return expression, min(several)[:2], enough
