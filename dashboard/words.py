"""Names from strangers made safe to show, and numbers written the same way everywhere."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

NAMED = 4  # classes in a sentence; of more their number is said
NOTHING = "–"  # stands where a number is not defined; the words beside it say why
_MINUS = "\u2212"
_NO_BREAK = "\u00a0"
_JOINER = "\u2060"  # invisible, no width: parts what Streamlit would read as one token

# --- names -------------------------------------------------------------------------------------

_SPACE = re.compile(r"[^\S\u00a0]+")  # but not the space of "n = 2,000"
_BIDI_CONTROLS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MARKDOWN = re.compile(r"[\\`*_\[\]<>$:~|&#]")
_BLOCK_START = re.compile(r"^(\d{1,9})?([-+.)])")
# Streamlit looks for these after Markdown's escapes are resolved: ":smile:", "www.", "a@b.c",
# "https://" and arrows such as "->". Only a character in between keeps them text.
_LATE_TOKENS = re.compile(r"(:|@|www(?=\.)|[<~>-](?=[=>-]))(?=\S)", re.IGNORECASE)


def plain(text: str, longest: int | None = None) -> str:
    """One line of text without control characters, shortened to `longest` characters.

    What a browser could not show or would obey (line breaks, reversed writing, half characters
    of broken file names) is left out or shown as a replacement character.
    """
    text = _SPACE.sub(" ", _BIDI_CONTROLS.sub("", str(text))).strip()
    text = "".join("\ufffd" if unicodedata.category(c) in {"Cc", "Cs"} else c for c in text)
    if longest is not None and len(text) > longest:
        text = text[: longest - 1].rstrip() + "…"
    return text


def markdown(text: str, longest: int | None = None) -> str:
    r"""Text that Streamlit's Markdown shows as it is, anywhere in a line.

    >>> markdown("cats_$5 [x](y)")
    'cats\\_\\$5 \\[x\\](y)'
    """
    text = _LATE_TOKENS.sub(rf"\1{_JOINER}", plain(text, longest))
    text = _MARKDOWN.sub(r"\\\g<0>", text)
    return _BLOCK_START.sub(r"\1\\\2", text)


def plotly(text: str, longest: int | None = None) -> str:
    """Text that Plotly shows as it is: in labels, titles and hover templates.

    Plotly knows a few HTML tags and entities, `%{...}` in templates and `$...$` as mathematics.
    """
    text = plain(text, longest).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("%{", "%&#123;").replace("$", "&#36;")


def distinct(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels of options, no two the same, though two may look so.

    Streamlit knows an option that was chosen by its label alone: of two names that are shortened to
    the same letters it would take the later for the earlier.

    >>> list(distinct({"a": "cat", "b": "cat"}).values()) == ["cat", "cat" + _JOINER]
    True
    """
    told: dict[str, str] = {}
    for option, label in labels.items():
        while label in told.values():
            label += _JOINER
        told[option] = label
    return told


# Only nouns that are known have a plural: "healthy" or "type 2" cannot be told from a noun, and
# "healthies" is worse than no plural at all.
_REGULAR = """
    airplane animal apple bear bee bicycle bike bird boat bottle building camel car cat chair
    chicken circle cow cup dog donkey duck eagle elephant face flower frog giraffe goat hamster hare
    hat horse house insect kitten lion lizard monkey moth motorcycle mushroom negative owl parrot
    penguin picture pig pigeon plane plant positive puppet rabbit rat road seal shark shell ship
    shoe snake spider square squirrel table tiger train tree triangle truck turtle whale zebra
"""
_PLURALS = {noun: f"{noun}s" for noun in _REGULAR.split()} | {
    "child": "children",
    "deer": "deer",
    "fish": "fish",
    "goose": "geese",
    "man": "men",
    "mouse": "mice",
    "person": "people",
    "sheep": "sheep",
    "wolf": "wolves",
    "woman": "women",
    "box": "boxes",
    "bus": "buses",
    "butterfly": "butterflies",
    "finch": "finches",
    "fox": "foxes",
    "pony": "ponies",
}


def plural(name: str) -> str:
    """The plural of a class name that is a common English noun; any other name as it is.

    >>> plural("cat"), plural("Pony"), plural("healthy"), plural("犬"), plural("type 2")
    ('cats', 'Ponies', 'healthy', '犬', 'type 2')
    """
    many = _PLURALS.get(name.lower(), name)
    return many.capitalize() if name[:1].isupper() and many != name else many


def found(name: str) -> str:
    """What a rate of hits counts: "dogs found"."""
    return f"{plural(name)} found"


def taken(true_name: str, said_name: str) -> str:
    """What a rate of mistakes counts: "cats taken for dogs"."""
    return f"{plural(true_name)} taken for {plural(said_name)}"


def kind(n: int, true_name: str, said_name: str) -> str:
    """What n mistakes are: "cat taken for dog" of one, "cats taken for dogs" of more."""
    return f"{true_name} taken for {said_name}" if n == 1 else taken(true_name, said_name)


def mistakes(n: int, true_name: str, said_name: str) -> str:
    """How many of one kind: "1 cat taken for dog", "2 cats taken for dogs"."""
    return f"{count(n)}{_NO_BREAK}{kind(n, true_name, said_name)}"


def says(class_name: str, probability: float) -> str:
    """What a model says of a picture, and its probability of that very class: "says cat 0.89".

    A number in words is always the probability of the class that is named beside it, so that a
    worse mistake has the higher number, whichever class it is.

    Args:
        class_name: what it says, as it is to be written.
    """
    return f"says {class_name} {probability:.2f}"


def listed(names: Sequence[str]) -> str:
    """Several in a sentence: "cat", "cat and dog", "cat, dog and fox"."""
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names)


def classes(names: Sequence[str]) -> str:
    """The classes in a sentence of plain text: "cat, dog and fox", or "37 classes" where there are
    more than are named."""
    if len(names) > NAMED:
        return f"{len(names)} classes"
    return listed([plain(name, 24) for name in names])


# --- numbers -----------------------------------------------------------------------------------


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _minus(text: str) -> str:
    return text.replace("-", _MINUS)


def three_digits(value: float | None) -> str:
    """AUC, Brier score and their kind: "0.968"."""
    return _minus(f"{value:.3f}") if _finite(value) else NOTHING


def percent(value: float | None) -> str:
    """A share from 0 to 1 as "90.6%"."""
    return _minus(f"{100 * value:.1f}%") if _finite(value) else NOTHING


def threshold(value: float) -> str:
    """A threshold, rounded to be read: "0.50", "0.429"; "0.00256" where less would say 0 or 1;
    "−3.1416" of scores that are no probabilities."""
    if not _finite(value):
        return NOTHING
    if not 0 <= value <= 1:
        return _minus(f"{value:.5g}")
    if value == round(value, 2):
        return f"{value:.2f}"
    from_the_end = min(value, 1 - value)
    if from_the_end <= 1e-6:
        return repr(value)
    return f"{value:.{max(3, 2 - math.floor(math.log10(from_the_end)))}f}"


def count(value: int) -> str:
    """How many: "2,000"."""
    return f"{value:,}"


def bounds(low: float, high: float, form=three_digits) -> str:
    """Both ends of an interval of shares or AUCs: "0.962–0.974", "89.2–91.8%"."""
    if not (_finite(low) and _finite(high)):
        return NOTHING
    return f"{form(low).removesuffix('%')}–{form(high)}"


def level(value: float) -> str:
    """How sure an interval is meant to be: "95%", "99.5%"."""
    return f"{100 * value:.6g}%"


def interval(
    low: float, high: float, form=three_digits, sure: float = 0.95, side: str = "both"
) -> str:
    """An interval with its level: "95% 0.962–0.974"; of one bound alone "95% at least 0.962".

    Args:
        sure: the level.
        side: "both", "lower" or "upper", as `engine.evaluation.intervals.Interval` has it.
    """
    if side == "lower":
        return f"{level(sure)} at least {form(low)}"
    if side == "upper":
        return f"{level(sure)} at most {form(high)}"
    return f"{level(sure)} {bounds(low, high, form)}"


def signed(value: float | None) -> str:
    """A difference of AUCs, always with its sign: "+0.018"."""
    return _minus(f"{value:+.3f}") if _finite(value) else NOTHING


def p_value(p: float) -> str:
    """ "p = 0.005", "p < 0.001"."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def size(n: int, of: str = "", subjects: int = 0) -> str:
    """A sample's size that never breaks at its sign: "n = 1,000 dogs".

    Args:
        subjects: of how many the pictures are, where they are of several each: then it is
            "310 subjects, 1,204 pictures".
    """
    if subjects:
        who = "subject" if subjects == 1 else "subjects"
        return f"{count(subjects)} {who}, {count(n)} {of or 'pictures'}"
    return f"n{_NO_BREAK}={_NO_BREAK}{count(n)} {of}".rstrip()


def evidence_line(
    interval_text: str, method: str, n: int, of: str = "", subjects: int = 0
) -> str:
    """What stands under a number: "95% 0.962–0.974 · Hanley-McNeil · n = 2,000"."""
    return " · ".join(part for part in (interval_text, method, size(n, of, subjects)) if part)


def duration(seconds: float | None) -> str:
    """Time that passed: "4 ms", "0.02 s", "1.3 s", "58 s", "14 min 24 s", "2 h 12 min"."""
    if not _finite(seconds) or seconds < 0:
        return NOTHING
    if 0 < seconds < 0.0095:  # which two decimals would call none
        return f"{max(1, round(1000 * seconds))} ms"
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = math.floor(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = math.floor(seconds / 60 + 0.5)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def about(seconds: float | None) -> str:
    """Time that is only estimated, no finer than it is known: "22 s", "14 min", "2 h 10 min"."""
    if not _finite(seconds) or seconds < 0:
        return NOTHING
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    minutes = 5 * round(minutes / 5)
    return f"{minutes // 60} h" + (f" {minutes % 60:02d} min" if minutes % 60 else "")


def speed(pictures_per_second: float | None) -> str:
    """How fast training goes: "226 pictures/s"."""
    if not _finite(pictures_per_second):
        return NOTHING
    digits = 0 if pictures_per_second >= 9.95 else 1
    return f"{pictures_per_second:,.{digits}f} pictures/s"
