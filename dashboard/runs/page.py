"""Runs: everything that was trained; choose one to see it, two or more to compare them."""

import streamlit as st

from dashboard import state, words
from dashboard.parts import choose, evidence, links, params
from dashboard.runs import one, several, table, trash
from dashboard.runs.table import CHOSEN
from engine.commands.snapshot import Snapshot
from engine.records import Unreadable


def show() -> None:
    seen = state.look()
    left, bar = st.columns([1.35, 3], vertical_alignment="bottom")
    with left.container(gap=None):
        st.title("Runs")
        st.caption("Everything that was trained. Tick two to compare them.")
    everything = table.newest_first(seen)
    if not everything:
        nothing_trained()
        trash.show()
        evidence.cards([], key="theme")
        return
    with bar.container(horizontal=True, vertical_alignment="bottom"):
        wanted = table.choose_filters(seen)
    params.keep()
    found = [run for run in everything if wanted.fits(run)]
    say_unfound({run.id for run in everything}, {run.id for run in found})
    trash.say_deleted()
    chosen = table.show(found) if found else nothing_fits()
    by_id = {run.id: run for run in found}
    picked = [by_id[run_id] for run_id in chosen]
    say_shown(len(found), len(everything), bool(picked))
    if len(picked) == 1:
        one.show(picked[0], seen)
    elif picked:
        several.show(picked, seen)
    trash.show()
    evidence.cards([], key="theme")  # so that a change of theme is noticed
    look_again(seen)


def say_unfound(known: set[str], shown: set[str]) -> None:
    """Of runs that a link asks for: which are not there, and which the filters hide."""
    asked = [run for run in (CHOSEN.asked() or "").split(",") if run][: table.MOST_IN_ADDRESS]
    missing = [run for run in asked if run not in known]
    hidden = [run for run in asked if run in known and run not in shown]
    if missing:
        sentences = " ".join(choose.unfound(run) for run in missing[:3])
        st.warning(sentences, icon=":material/link_off:")
    if hidden:
        names = words.markdown(words.listed([words.plain(run, 24) for run in hidden[:5]]))
        st.caption(f"Hidden by the filters: {names}.")


def nothing_fits() -> list[str]:
    st.caption("No run fits these filters; take one of them away.")
    return []


def say_shown(shown: int, of: int, picked: bool) -> None:
    if shown and not picked:
        these = words.count(shown) + (f" of {words.count(of)}" if shown < of else "")
        st.caption(
            f"{these} run{'' if of == 1 else 's'}. Tick one to see it, two or more to compare "
            "them; a click on a column's name sorts by it."
        )


def nothing_trained() -> None:
    if asked := CHOSEN.asked():
        st.warning(choose.unfound(asked))
    with st.container(border=True):
        st.markdown("**Nothing has been trained yet.** Every run stands here once it was started.")
        st.page_link(links.TRAIN, label="Train", icon=":material/arrow_forward:")


def look_again(seen: Snapshot) -> None:
    """Draw the table anew when a run changes its state."""

    def states(of: Snapshot) -> list[tuple[str, str]]:
        return [(run.id, "" if isinstance(run, Unreadable) else run.status)
                for run in table.newest_first(of)]  # fmt: skip

    def body() -> None:
        if states(state.look()) != states(seen):
            st.rerun()

    if any(run.active for run in seen.runs):
        state.poll(body, active=True)


show()
