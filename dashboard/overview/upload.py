"""The form of an upload: what the names in a zip say, and how it is to be stored."""

import shlex
from dataclasses import dataclass

import streamlit as st

from dashboard import state, words
from dashboard.overview.names import suggest_name, taken
from dashboard.parts.sent import Sent, uploader
from engine.commands import prepare
from engine.commands import preview as names
from engine.commands.preview import Preview
from engine.data.dataset import Dataset
from engine.data.decode import FITS
from engine.data.subjects import TABLE, Alike
from engine.errors import CamsightError
from engine.settings import settings

FIT = {
    "stretch": "Stretch to a square",
    "pad": "Pad with grey to a square",
    "crop": "Crop to the square in the middle",
}


@dataclass(frozen=True)
class Choice:
    """How a zip is to be stored; the defaults are the engine's own.

    group_by: "folder" or an expression, None where subjects are not told so. positive: of two
    classes; None for the second by name.
    """

    name: str = "my-pictures"
    size: int = 150
    group_by: str | None = None
    positive: str | None = None
    fit: str = FITS[0]

    @property
    def options(self) -> str:
        """What the command line takes for it, defaults left out."""
        named = {
            "--name": self.name,
            "--image-size": None if self.size == Choice.size else str(self.size),
            "--positive": self.positive,
            "--group-by": self.group_by,
            "--fit": None if self.fit == Choice.fit else self.fit,
        }
        return " ".join(f"{flag} {shlex.quote(value)}" for flag, value in named.items() if value)


def form(where: str, like: Dataset | None = None, name: str = "") -> tuple[Choice, str]:
    """The upload, as far as it is filled in, and the id of the job that takes it in; "" before it
    was sent.

    Args:
        where: tells the uploads of one page apart.
        like: whose settings are suggested, of pictures that are to become more.
        name: to suggest; out of the file's name if empty.
    """
    turn = st.session_state.setdefault("_upload_turn", 0)  # a new key empties the uploader
    most = settings().upload_mb
    came = uploader("Zip of pictures", "zip", most_mb=most, key=f"zip-{where}-{turn}")
    sent = came[0] if came else None
    if sent is None and like is None:
        return Choice(), ""
    found = st.container()
    keys = f"{where}-{turn}"
    name, size = _name_and_size(sent, like, name, keys)
    choices = st.grid(2, min_column_width=190)
    fit = _choose_fit(choices, like, keys)
    told_by_table = sent is not None and _told_by_table(sent)
    group_by = None if told_by_table else _choose_subjects(like, keys)
    preview = _look_into(sent, group_by) if sent else None
    refused = not isinstance(preview, Preview)
    if refused and preview:
        st.error(words.markdown(preview))
    elif preview:
        _subjects(preview, keys)
    classes = _look_into(sent, None) if refused and sent else preview
    positive = None
    if isinstance(classes, Preview):  # also where subjects cannot be told: what is chosen stays
        found.caption(_found(classes))
        if len(classes.class_names) == 2:
            positive = _choose_positive(choices, classes.class_names, like, keys)
    choice = Choice(name, size, group_by, positive, fit)
    if st.button("**Check and store them**", icon=":material/upload:", key=f"zip-start-{where}",
                 disabled=refused) and not refused:  # fmt: skip
        return choice, _send(sent, choice, turn)
    return choice, ""


def _send(sent: Sent, choice: Choice, turn: int) -> str:
    try:
        with sent.open() as content:
            job = prepare.start(
                state.workspace(), content, choice.name, image_size=choice.size,
                group_by=choice.group_by, positive=choice.positive, fit=choice.fit, lies=sent.path,
            )  # fmt: skip
    except (CamsightError, OSError) as error:
        st.error(words.markdown(error))
        return ""
    sent.forget()
    st.session_state["_upload_turn"] = turn + 1
    return job


# --- what is chosen -------------------------------------------------------------------------------


def _name_and_size(
    sent: Sent | None, like: Dataset | None, name: str, keys: str
) -> tuple[str, int]:
    left, right = st.columns([2, 1])
    name = left.text_input(
        "Name of the dataset", name or suggest_name(sent.name, taken()), key=f"zip-name-{keys}",
        max_chars=64, help="Letters, digits, '.', '_' or '-'.",
    )  # fmt: skip
    size = right.number_input(  # without bounds: see `hyperparameters._number`
        "Pixels of a side", value=like.image_size if like else Choice.size,
        key=f"zip-size-{keys}",
        help="Each picture is stored as a square of this size; a run may use less, never more.",
    )  # fmt: skip
    return name.strip(), int(size)


def _choose_fit(place, like: Dataset | None, keys: str) -> str:
    return place.selectbox(
        "Fit", FITS, FITS.index(like.fit) if like and like.fit in FITS else 0,
        format_func=FIT.get, key=f"zip-fit-{keys}",
        help="How a picture becomes a square. Stretch changes its proportions, pad keeps all of it "
        "with grey beside it, crop loses what lies outside the square in its middle. Pictures that "
        "are explained later are fitted in the same way.",
    )  # fmt: skip


def _choose_positive(place, class_names, like: Dataset | None, keys: str) -> str | None:
    """None for the one that the engine takes by itself, the second by name."""
    usual = class_names[1]
    before = like.class_names[-1] if like else usual
    chosen = place.selectbox(
        "Which class is positive?", class_names,
        class_names.index(before if before in class_names else usual), key=f"zip-positive-{keys}",
        help="The one that is looked for. Sensitivity then counts these, specificity the others.",
    )  # fmt: skip
    return None if chosen == usual else chosen


def _choose_subjects(like: Dataset | None, keys: str) -> str | None:
    before = like.grouped_by if like and like.grouped_by != TABLE else ""
    group_by = st.text_input(
        "Subjects", before, key=f"zip-subjects-{keys}", placeholder=r"folder, or patient_(\d+)",
        help="Several pictures of one patient, animal or product belong into one part of the "
        "split: else the run is judged on subjects that it has seen. Write the word folder where "
        "each subject has a folder below its class, or a regular expression with one group on the "
        f"file's name. A {TABLE} in the zip, with the columns file and group, says it as well.",
    )  # fmt: skip
    return group_by.strip() or None


# --- what was found -------------------------------------------------------------------------------


def _look_into(sent: Sent, group_by: str | None) -> Preview | str:
    """What the zip's names say, or why it cannot be used."""
    try:
        return _preview(sent.id, group_by, sent)
    except CamsightError as error:
        return str(error)


@st.cache_data(max_entries=16, show_spinner="Looking into the zip …")
def _preview(file_id: str, group_by: str | None, _sent: Sent) -> Preview:
    with _sent.open() as content:
        return names.preview(content, group_by)


def _told_by_table(sent: Sent) -> bool:
    preview = _look_into(sent, None)
    return isinstance(preview, Preview) and preview.grouped_by == TABLE


def _found(preview: Preview) -> str:
    k, n = len(preview.class_names), words.count(preview.pictures)
    names = [words.plain(name, 24) for name in preview.class_names[: words.NAMED]]
    more = f" and {k - words.NAMED} more" if k > words.NAMED else ""
    listed = ", ".join(names) + more if more else words.listed(names)
    return words.markdown(f"{n} pictures by their names, in {k} classes: {listed}.")


def _subjects(preview: Preview, keys: str) -> None:
    """How many subjects, with the first pictures and theirs; or that there may be some."""
    if not preview.grouped_by:
        if preview.alike:
            _point_out(preview.alike, keys)
        return
    how = f", as {TABLE} in the zip says" if preview.grouped_by == TABLE else ""
    st.caption(
        f"{words.count(preview.pictures)} pictures of {words.count(preview.subjects)} subjects"
        f"{how}; those of one stay in one part of the split. The first ones:"
    )
    if preview.mixed:
        st.info(
            f"{words.count(preview.mixed)} of {words.count(preview.subjects)} subjects stand in "
            "more than one class. If their numbers start anew in each class, let the expression "
            "find more of the name.",
            icon=":material/group:",
        )
    rows = [
        {"picture": words.markdown(file, 60), "subject": words.markdown(subject, 40)}
        for file, subject in preview.first
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="The first pictures, their subjects")


def _point_out(alike: Alike, keys: str) -> None:
    """That names look like several pictures of one subject, and a button that keeps them together;
    nothing is grouped unasked."""
    st.info(
        f"The names look like several pictures of one subject, as {words.markdown(alike.one, 40)} "
        f"and {words.markdown(alike.other, 40)}. Split picture by picture, the run would be judged "
        "on subjects that it has seen.",
        icon=":material/group:",
    )
    st.button(
        "Keep those of one subject together", icon=":material/group_add:",
        key=f"zip-together-{keys}", on_click=st.session_state.__setitem__,
        args=(f"zip-subjects-{keys}", alike.expression),
    )  # fmt: skip
