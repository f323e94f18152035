"""The audit log and the settings as tables."""

import pandas as pd
import streamlit as st

from dashboard import words
from dashboard.parts.params import Param
from engine.commands import server
from engine.workspace import Workspace

MOST_LINES = 500
ROW = 34  # px
TALLEST = 14  # rows
FIND = Param("audit")


def choose_text() -> str:
    """What lines of the audit log are looked for, which the address holds."""
    text = st.text_input(
        "Find", FIND.start(FIND.asked()), key=FIND.widget, placeholder="person, run or verb",
        icon=":material/search:", width="stretch",
    )  # fmt: skip
    FIND.write(text or None)
    return text or ""


def audited(place: Workspace, find: str) -> None:
    lines = server.audited(place, MOST_LINES, find)
    if not lines:
        st.caption(
            "No line fits; take the text away." if find else
            "Nothing has been started, stopped, changed or deleted yet."
        )  # fmt: skip
        return
    at = pd.to_datetime([line.get("at") for line in lines], utc=True, errors="coerce")
    told = {"When": at} | {
        title: [words.plain(line.get(name, "")) for line in lines]
        for title, name in (("Who", "by"), ("Role", "role"), ("Did", "verb"), ("To", "of"))
    }
    column = st.column_config
    _table(
        pd.DataFrame(told | {"Facts": [words.plain(server.facts(line)) for line in lines]}),
        f"{words.count(len(lines))} lines of the audit log, newest first",
        When=column.DatetimeColumn(
            format="D MMM YYYY, HH:mm:ss", timezone=st.context.timezone or "UTC", width=168
        ),
        Facts=column.TextColumn(width="large"),
    )
    if len(lines) == MOST_LINES:
        st.caption(
            f"The last {words.count(MOST_LINES)}; older ones stand in the workspace's audit log."
        )


def settings(place: Workspace) -> None:
    told = server.told(place)
    rows = [(one.variable, one.value, "environment" if one.given else "default", one.meaning)
            for one in told]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["Variable", "Value", "From", "Meaning"])
    column = st.column_config
    _table(
        frame, f"{len(rows)} settings in force",
        Variable=column.TextColumn(pinned=True, width=240),
        Meaning=column.TextColumn(width="large"),
    )  # fmt: skip
    st.caption("Of a secret it says only whether one is given.")


def _table(frame: pd.DataFrame, alt: str, **columns) -> None:
    st.dataframe(
        frame, hide_index=True, row_height=ROW, placeholder="", column_config=columns, alt=alt,
        height="content" if len(frame) <= TALLEST else ROW * (TALLEST + 1) + 2,
    )  # fmt: skip
