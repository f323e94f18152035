"""Who may do what on the pages: said before a click, and refused to whoever makes one by hand."""

import io
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import readiness, state
from dashboard.parts import links, rights
from engine import files, jobs, lease, people
from engine.commands import first_run, many, prepare, snapshot, train, trash
from engine.errors import AccessError
from engine.jobs import queue
from engine.people import WHOEVER, Person, Role
from engine.runs import store
from engine.settings import settings
from engine.training.config import train_config
from engine.workspace import Workspace
from tests.dashboard import pages
from tests.dashboard.pages import texts

VIEWER = Person("vic@example.com", Role.VIEWER)
ANN, BOB = Person("ann@example.com", Role.TRAINER), Person("bob@example.com", Role.TRAINER)
ADMIN = Person("eve@example.com", Role.ADMIN)
SMALL = train_config("quick", image_size=32)


@pytest.fixture(autouse=True)
def on_any_machine(monkeypatch):
    monkeypatch.setattr(state, "machine", lambda: None)


@pytest.fixture
def started(monkeypatch) -> list[tuple[Person, str]]:
    """For whom which jobs would have been started, in place of starting them."""
    told = []

    def submit(place, argv, *, label="", once=False, **_) -> str:
        told.append((place.by, label or argv[0]))
        return f"{label or argv[0]}.0"

    monkeypatch.setattr(jobs, "submit", submit)
    return told


@pytest.fixture
def signed_in(monkeypatch, started) -> Iterator[None]:
    """A dashboard behind a proxy that says who somebody is."""
    monkeypatch.setenv("CAMSIGHT_SIGN_IN", "proxy")
    settings.cache_clear()
    yield
    monkeypatch.delenv("CAMSIGHT_SIGN_IN", raising=False)
    settings.cache_clear()


@pytest.fixture
def place(empty_workspace, add_many, monkeypatch, signed_in) -> Iterator[Workspace]:
    """Ann's: "zoo" of three classes, the judged quick-1, quick-2 that failed, quick-3 in the trash,
    and in line quick-4, which is about to train, quick-5 and quick-6."""
    monkeypatch.setattr(train, "check_size", lambda config, dataset: None)
    add_many(empty_workspace, ("cat", "dog", "fox"))
    place = Workspace(empty_workspace, ANN)
    store.save(store.open_run(place, "quick-1"), owner=ANN.name)
    for _ in range(2):
        store.save(train.create_run(place, "zoo", SMALL), status="failed", error="It broke.")
    trash.delete(place, "quick-3")
    with lease.hold(place.dispatcher):
        many.sweep(place, "zoo", [SMALL] * 3)
        yield place


@pytest.fixture
def large(place) -> None:
    """The form can be used: the pictures are as large as a network needs."""
    folder = place.datasets / "zoo"
    np.save(folder / "images.npy", np.load(folder / "images.npy").repeat(2, 1).repeat(2, 2))
    told = files.read_json(folder / "dataset.json")
    files.write_json(folder / "dataset.json", told | {"image_size": 32, "source": prepare.DRAWN})


def opened(by: Person, page: str | None = None, **query) -> AppTest:
    """A page as somebody sees it."""
    at = AppTest.from_file(pages.APP, default_timeout=120)
    at.user = {state.PERSON: people.write(by)}
    at.run()
    for key, value in query.items():
        at.query_params[key] = value
    at = at.switch_page(page).run() if page else at
    assert not at.exception, at.exception
    return at


def button(at: AppTest, label: str):
    (found,) = [one for one in at.button if label in one.label]
    return found


@pytest.fixture
def forged(monkeypatch):
    """`forged(at, "Resume")`: what is said to whoever clicks on it, on a page that greyed it with
    the reason: by Streamlit, which takes no click on what is greyed, nothing; so once more on a
    page that greys nothing, as one that was drawn before somebody lost the right."""

    def click(at: AppTest, label: str) -> str:
        greyed = button(at, label)
        assert greyed.proto.disabled
        assert "ask " in greyed.proto.help
        with monkeypatch.context() as blind:
            blind.setattr(rights, "_refusal", lambda ask: "")
            at = button(at.run(), label).click().run()
        assert not at.exception, at.exception
        return errors(at)

    return click


ONES_OWN = [  # where, the button, and what is refused
    (links.TRAIN, {"job": "quick-5"}, "Do not start it", "stop quick-5"),
    (links.TRAIN, {"job": "quick-2"}, "Resume", "resume quick-2"),
]
ANYBODYS = [
    (links.TRAIN, {"job": "quick-2"}, "Start it again", "train a run"),
    (links.EVALUATE, {"run": "quick-1", "tab": "Cross-validation"}, "Cross-validate",
     "cross-validate quick-1"),
]  # fmt: skip


def unchanged(place: Workspace) -> None:
    runs = [(run.id, run.status, run.owner) for run in store.list_runs(place)]
    assert runs == [
        (f"quick-{n}", status, ANN.name)
        for n, status in ((1, "finished"), (2, "failed"), (4, "queued"), (5, "queued"),
                          (6, "queued"))
    ]  # fmt: skip
    assert queue.in_line(place) == ["quick-4", "quick-5", "quick-6"]
    assert not any(store.asked_to_stop(run) for run in store.list_runs(place))
    assert [one.id for one in trash.trashed(place)] == ["quick-3"]


@pytest.mark.parametrize(("page", "query", "label", "what"), ONES_OWN + ANYBODYS)
def test_a_viewer_who_forges_a_click_ends_at_the_sentence(
    place, started, forged, page, query, label, what
):
    said = forged(opened(VIEWER, page, **query), label)
    assert (
        f"vic@example.com is a viewer and may not {what}, which takes a trainer; ask an admin for "
        "that role."
    ) in said
    unchanged(place)
    assert started == []


@pytest.mark.parametrize(("page", "query", "label", "what"), ONES_OWN)
def test_a_trainer_who_forges_a_click_on_another_s_run_ends_at_the_sentence(
    place, started, forged, page, query, label, what
):
    said = forged(opened(BOB, page, **query), label)
    assert (
        f"bob@example.com may not {what}, which belongs to ann@example.com; ask the owner or an "
        "admin."
    ) in said
    unchanged(place)


@pytest.mark.parametrize("by", [VIEWER, BOB], ids=lambda by: by.role)
def test_a_click_in_a_menu_that_is_greyed_is_refused_as_well(place, started, by):
    """Deleting, and a name: what lies in such a menu is drawn, and takes a click."""
    at = opened(by, links.RUNS, runs="quick-2")
    menus = {one.proto.popover.label: one.proto.popover for one in at.get("popover")}
    assert menus["Delete"].disabled
    assert menus["Name and note"].disabled
    for label, what in (("Save", "write about quick-2"), ("Yes, delete", "delete quick-2")):
        at = button(at, label).click().run()
        assert f"{by.name} " in errors(at)
        assert f"may not {what}, which" in errors(at)
    unchanged(place)
    assert not store.open_run(place, "quick-2").about.name


@pytest.mark.parametrize("by", [VIEWER, BOB], ids=lambda by: by.role)
def test_the_line_and_the_trash_are_their_owners_too(place, started, forged, by):
    at = opened(by)
    for label in ("Up", "Cancel"):
        at.session_state["_moved"] = ["quick-5"]
        at.switch_page(links.TRAIN).run()
        verb = "stop" if label == "Cancel" else "move"
        assert f"may not {verb} quick-5, which" in forged(at, label)
    at.session_state["trash"] = True
    at.switch_page(links.RUNS).run()
    assert "may not restore quick-3, which" in forged(at, "Restore quick-3")
    unchanged(place)


def test_a_viewer_repeats_no_run_with_other_seeds(place, started):
    at = opened(VIEWER, links.TRAIN, job="quick-1")
    at = button(at, "Repeat with 4 seeds").click().run()
    assert "may not repeat quick-1, which takes a trainer" in errors(at)
    unchanged(place)


def test_a_trainer_does_not_go_before_another_and_is_told_so(place, started):
    mine = train.start(Workspace(place.path, BOB), "zoo", SMALL)
    at = opened(BOB)
    at.session_state["_moved"] = [mine.id]
    at.switch_page(links.TRAIN).run()
    at = button(at, "Up").click().run()
    assert f"may not let {mine.id} train before quick-6, which belongs to ann" in errors(at)
    assert queue.in_line(place)[-2:] == ["quick-6", mine.id]
    at = button(at, "Cancel").click().run()
    assert store.open_run(place, mine.id).status == "stopped"


def test_a_viewer_has_no_forms_and_is_told_why(place, started):
    """Neither of a new run, whose cost would be measured, nor of a zip."""
    at = opened(VIEWER, links.TRAIN)
    assert "may not train a run, which takes a trainer" in infos(at)
    assert [one.key for one in at.button if one.key in ("start", "queue-several")] == []
    at = opened(VIEWER, links.OVERVIEW, add="own")
    assert "may not prepare pictures, which takes a trainer" in infos(at)
    assert not at.get("file_uploader")
    assert not [one for one in at.button if "Train" in one.label]
    links_to = {one.proto.label for one in at.get("page_link")}
    assert "Add pictures" not in links_to
    assert not [label for label in links_to if "Train" in label]
    assert any("Look inside quick-1" in label for label in links_to)
    assert str(place.path) not in texts(at)
    at = opened(VIEWER, links.RUNS, runs="quick-1")
    assert {one.proto.label for one in at.get("page_link")} == {
        "Evaluate", "Explain", "Log and settings",
    }  # fmt: skip
    assert started == []


def test_one_who_is_no_trainer_any_more_starts_nothing_from_a_form_that_is_still_there(
    place, large, started
):
    at = opened(ANN, links.TRAIN, job="quick-1", dataset="zoo")
    at.user = {state.PERSON: people.write(Person(ANN.name, Role.VIEWER))}
    at = at.button(key="start").click().run()
    assert "may not train a run" in infos(at)
    unchanged(place)


def test_a_zip_is_not_taken_from_a_viewer(place, started):
    """As the service says where a page would be wrong."""
    content = io.BytesIO()
    zipfile.ZipFile(content, "w").close()
    with pytest.raises(AccessError, match="may not prepare pictures"):
        prepare.start(Workspace(place.path, VIEWER), content, "more")
    assert not place.uploads.exists()


def test_a_viewer_does_not_start_the_first_run(empty_workspace, signed_in, started, forged):
    assert "may not start the first run" in forged(opened(VIEWER), "Draw them and train")
    assert started == []
    button(opened(ANN), "Draw them and train").click().run()
    assert started == [(ANN, first_run.JOB)]


def test_nobody_sees_anything_before_they_are_known(place):
    at = AppTest.from_file(pages.APP, default_timeout=120).run()
    assert errors(at) == "Nobody is signed in on this page; load it again to sign in."
    assert not at.dataframe
    assert "quick-" not in texts(at)


# --- whose it is, and what they may ---------------------------------------------------------------


def test_the_owner_and_an_admin_may(place, started):
    button(opened(ANN, links.TRAIN, job="quick-5"), "Do not start it").click().run()
    assert store.open_run(place, "quick-5").status == "stopped"
    button(opened(ADMIN, links.TRAIN, job="quick-6"), "Do not start it").click().run()
    assert store.open_run(place, "quick-6").status == "stopped"
    at = opened(ADMIN, links.RUNS, runs="quick-2")
    button(at, "Yes, delete").click().run()
    assert {one.id for one in trash.trashed(place)} == {"quick-2", "quick-3"}


def test_a_new_run_is_theirs_who_clicked(place, large, started):
    at = opened(BOB, links.TRAIN, job="quick-1", dataset="zoo")
    at.button(key="start").click().run()
    newest = store.list_runs(place)[-1]
    assert (newest.id, newest.owner) == ("quick-7", BOB.name)


def test_the_pages_say_whose_a_run_is(place):
    store.save(store.open_run(place, "quick-2"), owner="<b>eve</b>_*x*")
    rows = opened(VIEWER, links.RUNS, runs="quick-2")
    table = rows.dataframe[0].value.set_index("Run")
    assert table.loc["quick-1", "By"] == ANN.name
    assert "by <b>eve</b>_*x*" in unescaped(texts(rows))
    assert "<b>" not in texts(rows)
    said = texts(opened(VIEWER, links.TRAIN, job="quick-4"))
    assert "Started by ann@example.com." in unescaped(said)
    (forest,) = pages.drawn(opened(VIEWER), "forest")
    assert "by ann@example.com" in str(forest)


def test_where_nobody_signs_in_nobody_is_named_and_everything_may_be_done(place, monkeypatch):
    monkeypatch.delenv("CAMSIGHT_SIGN_IN")
    settings.cache_clear()
    at = AppTest.from_file(pages.APP, default_timeout=120).run()
    at.query_params["runs"] = "quick-2"
    at.switch_page(links.RUNS).run()
    assert "By" not in at.dataframe[0].value
    assert "ann@example.com" not in texts(at)
    button(at, "Yes, delete").click().run()
    assert {one.id for one in trash.trashed(place)} == {"quick-2", "quick-3"}


# --- what serves everybody holds nobody's rights --------------------------------------------------


def test_what_all_sessions_share_is_not_the_first_one_s(place, started, forged):
    opened(ADMIN, links.RUNS)
    assert {looker._workspace.by for looker in snapshot._lookers.values()} == {WHOEVER}
    at = opened(VIEWER, links.TRAIN, job="quick-5")
    assert "may not stop quick-5" in forged(at, "Do not start it")


def test_the_server_asks_about_its_machine_itself_whoever_comes_first(place, started):
    readiness._asked.cache_clear()
    try:
        readiness.doctor()
    finally:
        readiness._asked.cache_clear()
    assert started == [(WHOEVER, "doctor")]


# --- of a page ------------------------------------------------------------------------------------


def errors(at: AppTest) -> str:
    return unescaped("\n".join(one.value for one in at.error))


def infos(at: AppTest) -> str:
    return unescaped("\n".join(one.value for one in at.info))


def unescaped(text: str) -> str:
    """As a reader sees it: without what keeps it from being Markdown."""
    return text.replace("\\", "").replace("\u2060", "")
