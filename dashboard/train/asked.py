"""The question of a new run: which of a dataset's classes are told from which."""

import streamlit as st

from dashboard import words
from dashboard.parts.params import Param
from engine.data.dataset import Dataset
from engine.data.question import Question, ask
from engine.errors import ConfigError

POSITIVE, NEGATIVE = Param("positive"), Param("negative")


def choose_question(dataset: Dataset) -> tuple[Question | None, bool]:
    """The question, None for all classes; and whether it can be asked. Where there are two classes
    there is nothing to choose."""
    if len(dataset.class_names) == 2:
        _leave_out(dataset)
        return None, True
    with st.grid(2, min_column_width=150):
        positive = _side(
            POSITIVE, "Positive classes", dataset,
            "What is looked for: the run says how sure it is of these, and sensitivity counts "
            "them. Several count as one.",
        )  # fmt: skip
        negative = _side(
            NEGATIVE, "Negative classes", dataset,
            "What the positive classes are told from. Several count as one. Classes in neither "
            "list are left out.",
        )  # fmt: skip
    remarks = [one for param in (POSITIVE, NEGATIVE) if (one := param.remarked(dataset.name))]
    for remark in remarks:
        st.warning(remark, icon=":material/link_off:")
    try:
        question = ask(dataset, positive, negative)
    except ConfigError as error:
        st.error(words.markdown(error))
        return None, False
    st.caption(_says(dataset, question))
    return question, True


def _side(param: Param, label: str, dataset: Dataset, meaning: str) -> list[str]:
    """One side of the question, kept in the address class by class."""
    known = dataset.class_names
    asked = [name for name in st.query_params.get_all(param.key) if name]
    arrived = param.widget not in st.session_state
    wanted = [name for name in param.start(asked or None) or [] if name in known]
    chosen = st.multiselect(
        label, known, default=None if param.overrule(wanted) else wanted, key=param.widget,
        placeholder="none", help=meaning,
    )  # fmt: skip
    param.write(chosen or None)
    if arrived and (gone := [name for name in asked if name not in known]):
        names = words.markdown(words.listed([words.plain(name, 24) for name in gone[:3]]))
        param.remark(f"There is no class {names} in {words.markdown(dataset.name)}.", dataset.name)
    return chosen


def _leave_out(dataset: Dataset) -> None:
    """A question that the address asks about two classes, which are told apart as they are."""
    if st.query_params.get_all(POSITIVE.key) or st.query_params.get_all(NEGATIVE.key):
        first, second = (words.markdown(name, 24) for name in dataset.class_names)
        st.caption(f"{first} and {second} are told apart as they are, with no further question.")
    for param in (POSITIVE, NEGATIVE):
        param.write(None)


def _says(dataset: Dataset, question: Question | None) -> str:
    if question is None:
        return (
            f"All {len(dataset.class_names)} classes are told apart. Or choose what to look for "
            "and what to tell it from; other classes are left out."
        )
    sides = (words.markdown(words.plain(name, 60)) for name in reversed(question.class_names))
    n, learned = pictures(dataset, question), pictures(dataset, question, ("train",))
    return (
        f"Asked is {' against '.join(sides)}: {words.count(n)} pictures, {words.count(learned)} of "
        "them to train on."
    )


def pictures(dataset: Dataset, question: Question | None, parts=None) -> int:
    """How many pictures of these parts, of all by default, a question is about."""
    names = question.positive + question.negative if question else dataset.class_names
    return sum(
        n
        for part in parts or dataset.counts
        for name, n in zip(dataset.class_names, dataset.counts[part], strict=True)
        if name in names
    )
