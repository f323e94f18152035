"""A zip that a browser sent: taken in by a job, of two under one name one, and none left behind."""

import io
import zipfile

import pytest

from engine import jobs, lease
from engine.commands import prepare as room
from engine.data.dataset import open_dataset
from engine.errors import DatasetError, JobError
from engine.workspace import Workspace


@pytest.fixture
def place(tmp_path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def pets(tmp_path, two_classes) -> io.BytesIO:
    """A zip of cats and dogs."""
    folder, content = two_classes(tmp_path / "pets"), io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in folder.rglob("*.png"):
            archive.write(path, path.relative_to(folder))
    content.seek(0)
    return content


def test_an_upload_becomes_a_dataset_and_its_zip_goes(place, pets, until):
    job_id = room.start(place, pets, "pets", image_size=32, fit="crop")
    with pytest.raises(DatasetError, match=r"'pets' (is being prepared|exists); choose an"):
        room.start(place, pets, "pets")
    until(lambda: not jobs.look(place, job_id).alive)
    assert jobs.look(place, job_id).error is None
    made = open_dataset(place, "pets")
    assert (made.size, made.fit) == (24, "crop")
    assert list(place.uploads.iterdir()) == []
    assert str(place.path) not in " ".join(jobs.look(place, job_id).argv)


def test_a_file_of_the_workspace_gets_a_second_name_in_place_of_a_copy(
    place, pets, monkeypatch
):
    sent = place.uploads / "sent-0a" / "1b"
    sent.parent.mkdir(parents=True)
    sent.write_bytes(pets.getvalue())
    monkeypatch.setattr(jobs, "submit", lambda *_, **__: "prepare-pets.0")
    with sent.open("rb") as content:
        room.start(place, content, "pets", image_size=32, lies=sent)
    (kept,) = place.uploads.glob("*/pets.zip")
    assert kept.samefile(sent)
    sent.unlink()  # whoever kept it has no more use for it
    assert kept.read_bytes() == pets.getvalue()


def test_a_disk_without_second_names_gets_a_copy(place, pets, monkeypatch):
    def refuse(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    monkeypatch.setattr(jobs, "submit", lambda *_, **__: "prepare-pets.0")
    room.start(place, pets, "pets", image_size=32, lies=place.path / "elsewhere")
    (kept,) = place.uploads.glob("*/pets.zip")
    assert kept.read_bytes() == pets.getvalue()


def test_of_two_under_one_name_the_second_ends_in_a_sentence_and_its_zip_goes(place, pets):
    """Both were sent at the same moment: neither saw the other when it was taken."""
    (place.uploads / "0a1b").mkdir(parents=True)
    (place.uploads / "0a1b" / "pets.zip").write_bytes(pets.read())
    place.datasets.mkdir(parents=True)
    held = lease.hold(place.datasets / ".preparing-pets.lease.json")
    says = "'pets' is being prepared by another process"
    with held, pytest.raises(DatasetError, match=says):
        room.prepare(place, "upload:0a1b/pets.zip", "pets", image_size=32)
    assert list(place.uploads.iterdir()) == []


def test_an_upload_whose_job_does_not_start_leaves_no_zip(place, pets, monkeypatch):
    def refuse(*_, **__):
        raise JobError("The job could not be started.")

    monkeypatch.setattr(jobs, "submit", refuse)
    with pytest.raises(JobError):
        room.start(place, pets, "pets", image_size=32)
    assert list(place.uploads.iterdir()) == []


@pytest.mark.parametrize("source", ["upload:../x", "upload:", "upload:a/b/c.zip", "upload:a.b/c"])
def test_a_source_that_only_looks_like_an_upload_is_refused(place, source):
    from engine.errors import SourceError

    with pytest.raises(SourceError, match="is no upload; give a folder or a zip"):
        room._place_of(place, source)


def test_an_estimate_of_a_busy_machine_is_not_kept_for_a_week(place, monkeypatch, pets, tmp_path):
    from engine.commands import estimate
    from engine.training.config import train_config

    room.prepare(place, str(tmp_path / "pets"), "pets", image_size=32)
    config, asked = train_config("quick", image_size=32), []
    monkeypatch.setattr(jobs, "submit", lambda *a, **k: asked.append(k["label"]))
    found = {"alive": False, "error": None, "argv": (), "id": "estimate.1", "label": "estimate"}

    def job(age: float, busy: bool) -> jobs.Job:
        result = {"seconds": 1.0, "busy": busy}
        return jobs.Job(**found, started=estimate.time.time() - age, result=result)

    for age, busy, again in ((30, True, 0), (3600, False, 0), (3600, True, 1)):
        asked.clear()
        monkeypatch.setattr(jobs, "find", lambda *_, a=age, b=busy: job(a, b))
        estimate.start_estimate(place, "pets", config)
        assert len(asked) == again, (age, busy)
