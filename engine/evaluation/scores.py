"""Labels and scores of any model from a CSV file: read fast, and once more with care if need be.

NumPy's reader takes a million rows in half a second, but of a bad cell it does not know the line
that an editor shows. So whatever it stumbles over, and whatever is not a label or a finite score,
sends the file to a second reader, which goes line by line and says what is wrong where.
"""

import csv
import io
import os
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from engine.errors import ScoresError
from engine.evaluation.roc import require_both_classes

LABEL, SCORE = "y_true", "y_score"
SUBJECTS = ("group", "subject")  # names under which files tell whose picture each is
WEIGHTS = ("weight", "weights", "sample_weight")
NO_SCORES = {LABEL, "", "y_pred", "file", "picture", "truth", "says", "fold", "id", "index",
             *SUBJECTS}  # fmt: skip
Source = str | os.PathLike[str] | bytes
Cells = tuple[list[NDArray[np.float64]], NDArray[np.int64] | None]


@dataclass(frozen=True, eq=False)
class Scores:
    """What a file holds, row by row.

    Attributes:
        y_true: `(n,)` labels 0 and 1, both present.
        columns: by its name, the finite scores `(n,)` of each model: in the order in which they
            were asked for, or `y_score` first and then in the order of the file.
        groups: `(n,)` numbers of subjects, 0 for the first that occurs; None where not asked for.
        header: the names of all columns.
        passed_over: of those that are neither labels nor scores nor subjects.
    """

    y_true: NDArray[np.int8]
    columns: dict[str, NDArray[np.float64]]
    groups: NDArray[np.int64] | None
    header: tuple[str, ...]
    passed_over: tuple[str, ...]


@dataclass(frozen=True)
class _Layout:
    """Where in a row the numbers lie (the label, then the scores), and the subject if any."""

    header: tuple[str, ...]
    numbers: tuple[int, ...]
    subject: int | None

    @property
    def passed_over(self) -> tuple[str, ...]:
        used = {*self.numbers, self.subject}
        return tuple(name for at, name in enumerate(self.header) if at not in used)


def read_scores(
    source: Source,
    *,
    columns: Sequence[str] = (),
    groups: str | None = None,
    called: str | None = None,
) -> Scores:
    """Labels and scores of one model or several from a CSV file in UTF-8, with a header.

    The labels are in the column `y_true`. Without `columns`, `y_score` is a model, and so is every
    further column that begins with a number, unless its name says that it is something else, as
    `y_pred`, `fold` or `subject` do; the others are passed over, as are blank lines. Rows cannot be
    weighted, since no interval here would be right: a column of weights is refused, unless
    `columns` pass it over. Line numbers in errors count as an editor does, the header being line 1.

    Args:
        source: a path, or what a file holds.
        columns: names of those that hold scores.
        groups: the name of the column that tells whose picture each is, in any words.
        called: the file's name in errors; the path itself if None.

    Raises:
        ScoresError: the file cannot be read; a column is missing, stands there twice or holds
            weights; a line has more cells or fewer than the header, a label other than 0 and 1, a
            score that is not a finite number, or no subject; or only one class is there.
    """
    if isinstance(source, bytes):
        called = called or "The file"
    else:
        called = called or str(source)
        source = _content(Path(source), called)
    try:
        with _open(source) as text:
            layout = _layout(csv.reader(text), tuple(columns), groups, called)
        with _open(source) as text:
            cells = _fast(text, layout)
        if cells is None:
            with _open(source) as text:
                cells = _careful(csv.reader(text), layout, called)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(error, called) from None
    (labels, *scores), subjects = cells
    require_both_classes(labels, f"The rows of {called}")
    named = zip((layout.header[at] for at in layout.numbers[1:]), scores, strict=True)
    return Scores(
        labels.astype(np.int8), dict(named), subjects, layout.header, layout.passed_over
    )


def _content(path: Path, called: str) -> Path | bytes:
    """A pipe can be read once, so what it holds; the path of a file."""
    try:
        return path if path.is_file() else path.read_bytes()
    except FileNotFoundError:
        raise ScoresError(
            f"There is no file {called}; give a CSV with the columns y_true and y_score."
        ) from None
    except OSError as error:
        raise _unreadable(error, called) from None


def _open(source: Path | bytes) -> TextIO:
    binary = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    return io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")


def _unreadable(error: Exception, called: str) -> ScoresError:
    reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text with commas"
    return ScoresError(
        f"{called} cannot be read ({reason}); give a CSV with the columns y_true and y_score."
    )


# --- what its columns are -------------------------------------------------------------------------


def _layout(
    rows: Iterable[list[str]], columns: tuple[str, ...], groups: str | None, called: str
) -> _Layout:
    """By the header, and by the first row for what was not named."""
    header = tuple(name.strip() for name in next(iter(rows), []))
    _require((LABEL, *(columns or [SCORE]), *([groups] if groups else [])), header, called)
    first = next((cells for cells in rows if _holds(cells)), None)
    if first is None:
        raise ScoresError(
            f"{called} is empty below its header; give it a row for each picture, some of each "
            "class."
        )
    if not columns:
        if weight := next((name for name in header if name in WEIGHTS), None):
            raise ScoresError(
                f"{called} has a column {weight}, and rows cannot be weighted here; take it out, "
                "or choose the columns to judge by their names."
            )
        named = {*NO_SCORES, SCORE, groups}
        further = zip(header, first, strict=False)
        columns = (SCORE, *(name for name, cell in further if name not in named and _number(cell)))
    columns = tuple(dict.fromkeys(columns))
    used = (LABEL, *columns, *([groups] if groups else []))
    if twice := next((name for name in used if header.count(name) + used.count(name) > 2), None):
        raise ScoresError(
            f"The column {_short(twice)} of {called} is to be two things at once, or stands there "
            "twice; give each column a name and a use of its own."
        )
    at = tuple(header.index(name) for name in (LABEL, *columns))
    return _Layout(header, at, header.index(groups) if groups else None)


def _require(wanted: Iterable[str], header: tuple[str, ...], called: str) -> None:
    missing = [_short(name) for name in wanted if name not in header]
    if not missing:
        return
    what = f"Line 1 of {called} has no column {' and no column '.join(missing)}"
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if any(mark in cell for cell in header):
            raise ScoresError(
                f"{what}, since its columns are parted by {name}; let them be separated by a "
                "comma, and write decimals with a point."
            )
    there = ", ".join(_short(name) for name in header[:8] if name)
    named = f", but {there}{', …' if len(header) > 8 else ''}" if LABEL in header else ""
    raise ScoresError(
        f"{what}{named}; its first line must name the columns y_true and y_score, or those asked "
        "for, separated by a comma."
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def _holds(cells: list[str]) -> bool:
    return any(cell.strip() for cell in cells)


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


# --- its rows -------------------------------------------------------------------------------------


class _Subjects(dict[str, int]):
    """Numbers of subjects by their names, in the order in which they occur."""

    def number(self, cell: str) -> int:
        """Raises ValueError for an empty cell."""
        if not (name := cell.strip()):
            raise ValueError
        return self.setdefault(name, len(self))


def _fast(text: TextIO, layout: _Layout) -> Cells | None:
    """By NumPy's reader; None where anything is not as it must be."""
    next(csv.reader(text))
    kinds = ["U1"] * len(layout.header)  # what is passed over costs no more
    for at in layout.numbers:
        kinds[at] = "f8"
    told = {}
    if layout.subject is not None:
        kinds[layout.subject] = "i8"
        told = {layout.subject: _Subjects().number}
    row = np.dtype([(str(at), kind) for at, kind in enumerate(kinds)])
    try:
        table = np.loadtxt(
            text, row, comments=None, delimiter=",", quotechar='"', converters=told, ndmin=1
        )
    except ValueError:  # so is UnicodeDecodeError, which the careful reader meets again
        return None
    labels, *scores = (np.ascontiguousarray(table[str(at)]) for at in layout.numbers)
    right = ((labels == 0) | (labels == 1)).all() and all(np.isfinite(one).all() for one in scores)
    subjects = None if layout.subject is None else table[str(layout.subject)].copy()
    return ([labels, *scores], subjects) if right else None


def _careful(rows, layout: _Layout, called: str) -> Cells:
    """Line by line, to say what is wrong where.

    Args:
        rows: `csv.reader` at the header.
    """
    next(rows)
    found, codes, subjects = [array("d") for _ in layout.numbers], array("q"), _Subjects()
    for cells in filter(_holds, rows):
        where = f"Line {rows.line_num} of {called}"
        if len(cells) != len(layout.header):
            raise ScoresError(
                f"{where} has {len(cells)} cell{'s' if len(cells) != 1 else ''} and its first line "
                f"{len(layout.header)}; write decimals with a point, and text with commas in "
                "quotes."
            )
        found[0].append(_label(cells[layout.numbers[0]], where))
        for column, at in zip(found[1:], layout.numbers[1:], strict=True):
            column.append(_score(cells[at], layout.header[at], where))
        if layout.subject is not None:
            try:
                codes.append(subjects.number(cells[layout.subject]))
            except ValueError:
                raise ScoresError(
                    f"{where} has no subject in the column {_short(layout.header[layout.subject])};"
                    " name whose picture it is, or remove the line."
                ) from None
    numbers = [np.array(column) for column in found]
    return numbers, None if layout.subject is None else np.array(codes, np.int64)


def _label(cell: str, where: str) -> float:
    try:
        return {0.0: 0.0, 1.0: 1.0}[float(cell)]
    except (ValueError, KeyError):
        raise ScoresError(
            f"{where} has the label {_short(cell)!r} in the column {LABEL}; write 0 for negative "
            "or 1 for positive."
        ) from None


def _score(cell: str, name: str, where: str) -> float:
    try:
        score = float(cell)
    except ValueError:
        score = np.nan
    if not isfinite(score) or "_" in cell:  # Python's own notation, and no other program's
        what = "write decimals with a point" if "," in cell else "correct it"
        raise ScoresError(
            f"{where} has the score {_short(cell)!r}, which is not a finite number, in the column "
            f"{_short(name)}; {what}, remove the line, or leave the column out."
        )
    return score
