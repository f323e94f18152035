"""What whoever looks at a page may do, and whose a run is.

The engine refuses by itself; what is asked here says so before the click. Streamlit takes a click
on a button that is greyed from whoever makes one by hand.
"""

from dashboard import state, words
from engine.errors import AccessError
from engine.people import Role, require, require_own
from engine.records import Unreadable
from engine.runs.record import Run
from engine.settings import settings

ICON = ":material/lock:"


def why_not(what: str) -> str:
    """Why whoever looks may not do what takes a trainer, as a sentence in Markdown; "" if they may.

    Args:
        what: as "train a run".
    """
    return _refusal(lambda: require(state.person(), Role.TRAINER, what))


def why_not_own(what: str, *runs: Run | Unreadable | None) -> str:
    """As `why_not`, of what takes an admin or the owner of each run; whose one is that cannot be
    read, nobody knows.

    Args:
        what: as "delete", which the run's id follows.
    """

    def ask() -> None:
        person = state.person()
        require(person, Role.TRAINER, f"{what} a run")
        for run in runs:
            owner = run.owner if isinstance(run, Run) else ""
            require_own(person, owner, f"{what} {run.id}" if run else f"{what} this")

    return _refusal(ask)


def _refusal(ask) -> str:
    try:
        ask()
    except AccessError as error:
        return words.markdown(error)
    return ""


def owner(run: Run) -> str:
    """Whose the run is, where people sign in; "" where they do not, and of one that is nobody's.
    Not for Markdown as it is."""
    return "" if settings().sign_in == "none" else words.plain(run.owner, 64)


def by(run: Run, before: str = "") -> str:
    """ "by ann@example.com", with `before` before it; "" where `owner` is."""
    whose = owner(run)
    return f"{before}by {whose}" if whose else ""
