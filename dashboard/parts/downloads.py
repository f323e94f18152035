"""Charts and tables with their files: CSV, HTML, and PNG or SVG as they are drawn.

Every chart and table has a button beside its heading that opens these. CSV and HTML are made by the
server at a click. PNG and SVG are made in the browser (`downloads.js`), since a server would need a
browser of its own to draw a chart.
"""

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from dashboard import words
from dashboard.parts import charts

_HERE = Path(__file__).parent
_component = st.components.v2.component(
    "camsight_downloads",
    html='<div class="root"></div>',
    css=(_HERE / "downloads.css").read_text(encoding="utf-8"),
    js=(_HERE / "downloads.js").read_text(encoding="utf-8"),
)
Columns = Mapping[str, Sequence]


def chart(
    title: str,
    figure: go.Figure,
    key: str,
    alt: str,
    name: str,
    columns: Columns | Callable[[], Columns],
) -> None:
    """A figure under its heading, with its files.

    Args:
        title: the heading, as plain text.
        key, alt: as `charts.show`.
        name: of the files, without an ending.
        columns: what is drawn, by column; a function is called when somebody asks for it.
    """
    place = _heading(title, f"{key}-files")
    if place.open:
        theme = charts.theme()
        with place:
            data = {"chart": _css(charts.themed(key)), "name": file_name(name)}
            _component(key=f"{key}-picture", data=data)
            _files(
                name,
                lambda: written(columns() if callable(columns) else columns),
                lambda: figure_html(figure, alt, theme),
            )
    charts.show(figure, key, alt)


def table(title: str, columns: Columns, key: str, name: str) -> None:
    """A table of text under its heading, with its files.

    Args:
        title: the heading, as plain text.
        columns: by name, each cell as it is to be read.
        name: of the files, without an ending.
    """
    cells = {name: [str(cell) for cell in column] for name, column in columns.items()}
    files(title, cells, key, name)
    shown = {name: [words.markdown(cell) for cell in column] for name, column in cells.items()}
    st.table(shown, border="horizontal", hide_index=True)


def files(title: str, columns: Columns, key: str, name: str) -> None:
    """A heading with the files of a table that is drawn by another below it."""
    place = _heading(title, f"{key}-files")
    if place.open:
        with place:
            rows = [[str(cell) for cell in row] for row in zip(*columns.values(), strict=True)]
            data = {"columns": list(columns), "rows": rows, "name": file_name(name)}
            _component(key=f"{key}-picture", data=data)
            _files(name, lambda: written(columns), lambda: table_html(title, columns))


def _heading(title: str, key: str):
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(f"## {words.markdown(title)}", width="stretch")
        return st.popover(
            "Files", icon=":material/download:", type="tertiary", key=key, on_change="rerun",
        )  # fmt: skip


def _files(name: str, as_csv: Callable[[], str], as_html: Callable[[], str]) -> None:
    with st.container(horizontal=True):
        for label, data, mime in (("CSV", as_csv, "text/csv"), ("HTML", as_html, "text/html")):
            st.download_button(
                label, data, f"{file_name(name)}.{label.lower()}", mime, width="stretch",
                key=f"{name}-{label}", on_click="ignore",
            )  # fmt: skip


def _css(key: str) -> str:
    """The name of the class that Streamlit gives an element of that key."""
    return re.sub(r"[^0-9A-Za-z_-]", "-", key)


# --- files ----------------------------------------------------------------------------------------


def file_name(text: str) -> str:
    """ "quick-1-test-roc": letters, digits and signs that any disk takes."""
    return re.sub(r"[^0-9A-Za-z_-]+", "-", text).strip("-")[:80] or "camsight"


def written(columns: Columns) -> str:
    """Columns as CSV."""
    return written_rows(columns, zip(*columns.values(), strict=True))


def written_rows(header: Iterable[str], rows: Iterable[Sequence]) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(header)
    lines.writerows(rows)
    return text.getvalue()


def figure_html(figure: go.Figure, alt: str, theme: str) -> str:
    """A page of its own, which needs no network: Plotly's code is in it (4 MB)."""
    colored = go.Figure(json.loads(charts.colored(figure.to_json(), theme)))
    colored.update_layout(font={"family": "IBM Plex Sans, system-ui, sans-serif"})
    colored.update_layout(template="none", paper_bgcolor=charts.background(theme))
    page = colored.to_html(include_plotlyjs=True, config={"displaylogo": False})
    said, ink = html.escape(alt), st.get_option(f"theme.{theme}.textColor")
    style = f"font:15px system-ui,sans-serif;color:{ink};background:{charts.background(theme)}"
    head = f'<head><title>{said}</title><meta name="viewport" content="width=device-width">'
    return page.replace("<head>", head, 1).replace(
        "<body>", f'<body style="{style}"><p>{said}</p>', 1
    )


def table_html(title: str, columns: Columns) -> str:
    def row(tag: str, cells: Iterable) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"

    body = "\n".join(row("td", cells) for cells in zip(*columns.values(), strict=True))
    return (
        '<!doctype html>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"<table><caption>{html.escape(title)}</caption>\n{row('th', columns)}\n{body}\n</table>\n"
    )


_STYLE = (
    "table{border-collapse:collapse;font:15px system-ui,sans-serif}"
    "td,th{text-align:left;padding:.3em 1em .3em 0;border-bottom:1px solid #ddd}"
    "caption{text-align:left;font-weight:600;padding-bottom:.5em}"
)
