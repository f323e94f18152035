"""note: a name, a note or tags for a run, by whoever may change it."""

from collections.abc import Iterable

from engine import audit
from engine.people import require_own
from engine.runs import store
from engine.runs.about import About, write_about
from engine.workspace import Workspace


def note(
    workspace: Workspace,
    run_id: str,
    name: str | None = None,
    text: str | None = None,
    tags: Iterable[str] | None = None,
) -> About:
    """Change what is given and keep the rest; see `write_about`.

    Raises:
        RunError: as `write_about`, or if there is no such run.
        AccessError: if it is not theirs who ask.
    """
    run = store.open_run(workspace, run_id)
    require_own(workspace.by, run.owner, f"write about {run.id}")
    audit.note(workspace, "note", run.id)
    return write_about(run.folder, name, text, tags)
