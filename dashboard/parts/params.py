"""What stands in the address: each value is declared once, by the page that it belongs to.

Keys are the application's, since Streamlit's binding writes a widget's key into the address. So
one key is declared in one place: by its page, or here where several pages mean the same by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx


@dataclass(frozen=True)
class Param:
    """A value in the address, and the widget that shows it.

    Three kinds of value use it. A widget bound to the address takes `key=PARAM.carry(...)` and
    `bind="query-params"`; its default stays out of the address. A widget is not bound where its
    options are shown by other words than their ids, since Streamlit would write the words, or where
    several pages have it, since Streamlit takes away what another page has bound: it starts with
    `PARAM.start(...)`, and is drawn by `PARAM.select_box`, or by hand with the key `PARAM.widget`
    and `PARAM.write` after it. A value without a widget (a job, a cell that was clicked) is
    `PARAM.asked()` and `PARAM.write` alone.

    Args:
        key: in the address, and of a bound widget.
        options: what may be chosen, as it stands in the address; empty where only a run says, or
            where any number will do.
        default: stays out of the address; None is the first option, or none.
    """

    key: str
    options: Sequence = ()
    default: object = None

    @property
    def widget(self) -> str:
        """The key of a widget that is not bound: a new one on each visit of a page, so that what
        was chosen on another page does not override what a link asks for."""
        return f"{self.key} {visit()}"

    def asked(self) -> str | None:
        """What the address says, unchecked: anybody may have written it."""
        return st.query_params.get(self.key)

    def last(self):
        """What it was when the page before was drawn; None if nothing."""
        return st.session_state.get("_last", {}).get(self.key)

    def carry(self, options: Sequence = ()) -> str:
        """The key of a widget bound to the address, with its value kept across pages.

        Streamlit keeps what was touched and forgets what came from the address, or whose page was
        left while it still ran: before the widget is drawn on a new page, such a value is set
        again, in the address as well, so that a reload finds it. So is one that the address has
        lost: what an earlier run of the page wrote there came after it was chosen. After Back or
        Forward the address alone speaks: what is not in it is the default.

        Args:
            options: what the widget offers, where only the run says it.
        """
        _note(self.key, self.key)
        options = options or self.options
        arrived = st.session_state.get("_drawn") != st.session_state.get("_here")
        value = self.last() if arrived else st.session_state.get(self.key)
        fits = value is not None and (not options or value in options)
        if not fits or self.key in st.query_params or went_back():
            return self.key
        if arrived or value != self._usual(options):  # a default would undo what is chosen by now
            st.session_state[self.key] = value
        if arrived:
            self.write(value, options)
        return self.key

    def start(self, asked):
        """What a widget that is not bound starts with: what it shows, was asked for, was before.

        After Back or Forward it is what was asked for, whatever it shows.

        Args:
            asked: what the address says, checked; None for nothing.
        """
        _note(self.key, self.widget)
        if self.key in (chosen := st.session_state.get("_chosen", {})):
            return chosen.pop(self.key)
        if self.widget in st.session_state and not went_back():
            return st.session_state[self.widget]
        if asked is None and not (went_back() and self.default is not None):
            asked = self.last()
        return self.default if asked is None else asked

    def choose(self, value) -> None:
        """Let a button choose it, for a widget that is not bound; called before that is drawn."""
        st.session_state.setdefault("_chosen", {})[self.key] = value

    def overrule(self, value) -> bool:
        """Let a widget that is drawn already, and shows another value, show this one.

        Returns:
            whether that was so; then it takes no default, since Streamlit warns of both.
        """
        shown = st.session_state.get(self.widget, value)
        if shown != value:
            st.session_state[self.widget] = value
        return shown != value

    def select_box(self, label: str, options: Sequence, value, **more):
        """Draw the select box of a value that is not bound, and let the address say its choice.

        Args:
            value: what it starts with, one of `options`.
            more: Streamlit's own arguments.
        """
        at = 0 if self.overrule(value) else list(options).index(value)
        chosen = st.selectbox(label, options, at, key=self.widget, width="stretch", **more)
        self.write(chosen)
        return chosen

    def write(self, value, options: Sequence = ()) -> None:
        """Let the address say it; the default, and None, stay out."""
        if value is None or value == self._usual(options):
            st.query_params.pop(self.key, None)
            return
        values = [str(one) for one in (value if isinstance(value, list) else [value])]
        if st.query_params.get_all(self.key) != values:
            st.query_params[self.key] = values

    def _usual(self, options: Sequence):
        """What stays out of the address."""
        options = options or self.options
        return options[0] if self.default is None and options else self.default

    def remark(self, sentence: str, shown) -> None:
        """Why the address is not followed; it is kept, since the address is about to change.

        Args:
            shown: the value that is shown instead.
        """
        st.session_state.setdefault("_remarks", {})[self.key] = (visit(), shown, sentence)

    def remarked(self, shown) -> str:
        """What was remarked on this visit of the page, while the same is shown; else ""."""
        when, value, sentence = st.session_state.get("_remarks", {}).get(self.key, (0, None, ""))
        return sentence if (when, value) == (visit(), shown) else ""


def begin(page: str) -> None:
    """Note which page is about to be drawn; called before each."""
    state = st.session_state
    state["_here"] = page
    if state.get("_drawn") != page:
        state["_visit"] = visit() + 1


def keep() -> None:
    """Remember the values of the widgets, which `carry` and `start` may need on the next page.

    Called after each page, and as soon as its widgets are drawn where more work follows.
    """
    state = st.session_state
    noted = state.get("_noted", {})
    values = {key: state[widget] for key, widget in noted.items() if widget in state}
    state["_last"] = state.get("_last", {}) | values
    state["_drawn"] = state.get("_here")


def went_back() -> bool:
    """Whether the browser's Back or Forward led here, so that the address says what to show."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def visit() -> int:
    """Counts the visits of pages."""
    return st.session_state.get("_visit", 0)


def _note(key: str, widget: str) -> None:
    """What `keep` remembers. A dict keeps their order."""
    st.session_state.setdefault("_noted", {})[key] = widget


RUN = Param("run")  # always in the address: which run is the newest changes
DATASET = Param("dataset")
JOB = Param("job")  # a run that is watched on Train, or an intake on Overview
