"""A notice in the browser when a run ends: title and icon of the tab, until it is looked at.

Streamlit sets both once for each run of the script. So a component does it in the document itself,
and puts back what was there as soon as the tab is visible.
"""

import streamlit as st

from dashboard import words
from engine.runs.record import Run

MARKS = {"finished": "✓", "stopped": "■"}  # of any other end: "✗"

_component = st.components.v2.component(
    "camsight_ended",
    html="<span></span>",
    js="""
const ICON = "link[rel~='icon']"
const badge = color => "data:image/svg+xml," + encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">` +
  `<circle cx="8" cy="8" r="7" fill="${color}"/></svg>`)

export default function({data}) {
  if (!data.ended || !document.hidden) return
  if (window.camsightEnded === data.ended) return      // said already, and looked at
  window.camsightEnded = data.ended
  const icon = document.querySelector(ICON)
  // of two that end unseen, the second must not take the first one's words for the page's own
  window.camsightBefore ??= {title: document.title, icon: icon && icon.href}
  document.title = data.title
  if (icon) icon.href = badge(data.color)
  const seen = () => {
    if (document.hidden) return
    document.removeEventListener("visibilitychange", seen)
    const before = window.camsightBefore
    if (!before) return
    window.camsightBefore = undefined
    document.title = before.title
    if (icon) icon.href = before.icon
  }
  document.addEventListener("visibilitychange", seen)
}
""",
)


def notice(run: Run) -> None:
    """Mounted beside a run that is watched; it speaks when a run that this tab saw training has
    ended."""
    watched = st.session_state.setdefault("_saw_training", set())
    if run.active:
        watched.add(run.id)
    ended = run.id in watched and not run.active
    mark, good = MARKS.get(run.status, "✗"), run.status in MARKS
    _component(
        key="ended",
        data={
            "kind": "ended",
            "ended": f"{run.id} {run.ended}" if ended else "",
            "title": words.plain(f"{mark} {run.id} {run.status} · Camsight"),
            "color": "#0B6B60" if good else "#B3261E",
        },
        height=1,
    )
