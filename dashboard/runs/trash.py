"""Deleting with a second question, taking it back, and what lies in the trash."""

from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.parts import live, params, results, rights
from dashboard.runs import table
from engine.commands import trash
from engine.commands.trash import DAYS_KEPT
from engine.errors import CamsightError
from engine.records import Unreadable
from engine.runs.record import Run

MOST_SHOWN = 20  # of the trash


def ask_to_delete(runs: Sequence[Run | Unreadable]) -> None:
    """A button that asks again before the runs go to the trash."""
    label = "Delete" if len(runs) == 1 else f"Delete {len(runs)} runs"
    key = f"delete-{table.times_drawn()}-{','.join(run.id for run in runs)}"
    refused = rights.why_not_own("delete", *runs)
    with st.popover(
        label, icon=":material/delete:", key=key, disabled=bool(refused), help=refused or None
    ):
        active = [run.id for run in runs if isinstance(run, Run) and run.active]
        if active:
            st.markdown(
                f"{words.listed(active)} {'is' if len(active) == 1 else 'are'} still under way and "
                "cannot be deleted. Stop it on Train first."
            )
            return
        names = words.listed([words.plain(run.id, 40) for run in runs[:5]])
        more = f" and {len(runs) - 5} more" if len(runs) > 5 else ""
        st.markdown(
            f"Delete {words.markdown(names + more)}? The trash keeps "
            f"{'it' if len(runs) == 1 else 'them'} for {DAYS_KEPT} days."
        )
        if st.button("**Yes, delete**", icon=":material/delete:", key=f"yes-{key}"):
            delete([run.id for run in runs])


def delete(ids: Sequence[str]) -> None:
    """Move them to the trash, and remember them for `say_deleted`."""
    gone, reason = [], ""
    for run_id in ids:
        try:
            gone.append((run_id, trash.delete(state.workspace(), run_id)))
        except (CamsightError, OSError) as error:
            reason = str(error)
            break
    st.session_state["_deleted"] = (params.visit(), gone, reason)
    _changed(())


def say_deleted() -> None:
    """What was deleted on this visit of the page, with the way back."""
    visit, gone, reason = st.session_state.get("_deleted", (None, [], ""))
    if visit != params.visit():
        return
    if reason:
        st.error(words.markdown(reason))
    if not gone:
        return
    names = words.listed([words.plain(run_id, 40) for run_id, _ in gone[:5]])
    more = f" and {len(gone) - 5} more" if len(gone) > 5 else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{words.markdown(names + more)} {'was' if len(gone) == 1 else 'were'} deleted; the "
            f"trash keeps {'it' if len(gone) == 1 else 'them'} for {DAYS_KEPT} days.",
            width="content",
        )
        if st.button("Undo", icon=":material/undo:", key="undo"):
            put_back([token for _, token in gone])


def put_back(tokens: Sequence[str]) -> None:
    """Restore and tick them."""
    back, reason = [], ""
    for token in tokens:
        try:
            back.append(trash.restore(state.workspace(), token))
        except (CamsightError, OSError) as error:
            reason = str(error)
    st.session_state["_deleted"] = (params.visit(), [], reason)
    _changed(back)


def _changed(chosen: Sequence[str]) -> None:
    state.changed()
    table.draw_anew(chosen)
    st.rerun()


def show() -> None:
    """The trash, where there is anything in it."""
    found = trash.trashed(state.workspace())
    if not found:
        return
    folded = st.expander(
        f"Trash ({words.count(len(found))})", icon=":material/delete_sweep:", on_change="rerun",
        key="trash",
    )  # fmt: skip
    if not folded.open:
        return
    with folded:
        st.caption(f"What was deleted more than {DAYS_KEPT} days ago goes at the next start.")
        for one in found[:MOST_SHOWN]:
            run = trash.about_of(one)
            about = f" · {words.markdown(results.learned(run), 60)}" if run else ""
            name = results.called(run) if run else one.id
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{words.markdown(name, 64)}**{about}", width="content")
                st.caption(f"deleted {live.when(one.deleted)}", width="content")
                label = f"Restore {words.markdown(one.id, 40)}"
                refused = rights.why_not_own("restore", run)
                if st.button(label, icon=":material/undo:", key=f"restore-{one.token}",
                             disabled=bool(refused), help=refused or None):  # fmt: skip
                    put_back([one.token])
        if len(found) > MOST_SHOWN:
            st.caption(f"… and {words.count(len(found) - MOST_SHOWN)} more.")
