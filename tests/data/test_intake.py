"""From files to rows of one array: what is kept, what it is called, and where there is no room."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.data.decode import decode
from engine.data.intake import _allocate, draw_in, take_in
from engine.data.sources import open_source
from engine.errors import SourceError
from engine.settings import settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _one_process(monkeypatch):
    monkeypatch.setattr(settings(), "processes", 1)


def taken_in(path: Path, images: Path, size: int = 32):
    source, told = open_source(path), []
    report = take_in(source, size, images, lambda *numbers: told.append(numbers))
    assert told[-1] == (len(source.files), len(source.files), len(report.refused) - extra(report))
    return source, report


def extra(report) -> int:
    """Pictures that are refused only when all are known: those that lie in both classes."""
    return sum("which is in the other class" in reason for _, reason in report.refused)


def test_a_picture_is_known_by_the_hash_of_its_pixels(tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets", 40)
    (folder / "cat/0.png").write_bytes(b"")
    source, report = taken_in(folder, tmp_path / "images.npy")
    images = np.load(tmp_path / "images.npy")
    assert (report.hashes.dtype, report.hashes.shape) == (np.dtype("U64"), (80,))
    assert report.hashes[0] == ""
    for pixels, known, i in zip(images, report.hashes[1:], range(1, 80), strict=True):
        assert (pixels == decode((folder / source.files[i]).read_bytes(), 32).pixels).all()
        assert known == hashlib.sha256(pixels.tobytes()).hexdigest()


def test_drawn_pictures_are_known_alike(tmp_path):
    report, _ = draw_in(20, 32, 1, tmp_path / "i.npy", tmp_path / "m.npy", lambda *told: None)
    for pixels, known in zip(np.load(tmp_path / "i.npy"), report.hashes, strict=True):
        assert known == hashlib.sha256(pixels.tobytes()).hexdigest()


@pytest.mark.parametrize("kept", [(), (3,), range(0, 150, 2), range(149), range(1, 150)])
def test_refused_rows_leave_no_gap_and_no_second_file(tmp_path, kept):
    folder = tmp_path / "pets"
    expected = []
    for i in range(150):
        path = folder / ("cat", "dog")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((32, 32, 3), i, np.uint8)
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes() if i in kept else b"")
    source, report = taken_in(folder, tmp_path / "images.npy")
    expected = [int(Path(f).stem) for f, k in zip(source.files, report.kept, strict=True) if k]
    assert sorted(expected) == list(kept)
    images = np.load(tmp_path / "images.npy", mmap_mode="r" if kept else None)
    assert images.shape == (len(kept), 32, 32, 3)
    assert [int(image[0, 0, 0]) for image in images] == expected
    assert (tmp_path / "images.npy").stat().st_size == 128 + images.size
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images.npy", "pets"]


def test_files_that_no_decoder_should_see_are_refused_by_name(tmp_path, two_classes):
    folder = two_classes(tmp_path / "pets")
    with (folder / "cat/sparse.jpg").open("wb") as file:
        file.truncate(2 * 2**30)
    (folder / "dog/link.jpg").symlink_to(folder / "cat/0.png")
    source, report = taken_in(folder, tmp_path / "images.npy")
    assert report.kept.sum() == 24
    assert [(source.files[i], why) for i, why in report.refused] == [
        ("cat/sparse.jpg", "larger than 64 MB")
    ]
    assert [name for name, _ in source.refused] == ["dog/link.jpg"]


def test_an_entry_of_a_zip_that_unpacks_to_a_gigabyte_is_refused_by_name(tmp_path, two_classes):
    folder, path = two_classes(tmp_path / "pets"), tmp_path / "pets.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, file.relative_to(folder))
        archive.writestr("cat/bomb.jpg", bytes(100 * 2**20))
    source, report = taken_in(path, tmp_path / "images.npy")
    assert [(source.files[i], why) for i, why in report.refused] == [
        ("cat/bomb.jpg", "larger than 64 MB")
    ]
    assert report.kept.sum() == 24


FULL = """
import resource, sys
from pathlib import Path
from engine.data.intake import _allocate, draw_in, take_in
from engine.data.sources import open_source
from engine.errors import SourceError
if __name__ == "__main__":
    place = Path(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    try:
        if sys.argv[1] == "drawn":
            draw_in(20, 64, 1, place / "images.npy", place / "masks.npy", print)
        else:
            take_in(open_source(Path(sys.argv[1])), 64, place / "images.npy", print)
    except SourceError as error:
        print(error)
"""


@pytest.mark.parametrize("drawn", [True, False])
def test_a_full_disk_is_told_before_the_first_picture(tmp_path, two_classes, drawn):
    """A limit on files stands for a full disk."""
    source = "drawn" if drawn else two_classes(tmp_path / "pets")
    (tmp_path / "full.py").write_text(FULL)
    done = subprocess.run(
        [sys.executable, tmp_path / "full.py", source, tmp_path],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    count = 20 if drawn else 24
    assert (
        f"has no room for {count} pictures of 64 pixels (File too large): 0 MB are" in done.stdout
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_room_on_the_disk_is_taken_and_not_only_promised(tmp_path):
    # a row written where a sparse file has no room ends its process (SIGBUS)
    _allocate(tmp_path / "images.npy", (50, 64, 64, 3))
    taken = (tmp_path / "images.npy").stat()
    assert taken.st_blocks * 512 >= taken.st_size > 50 * 64 * 64 * 3


def test_a_disk_with_too_little_room_names_what_is_needed_and_what_is_free(tmp_path):
    with pytest.raises(SourceError, match=r"\(No space left on device\): 60,000,000 MB are needed"):
        draw_in(20, 10**6, 1, tmp_path / "i.npy", tmp_path / "m.npy", lambda *told: None)
    assert list(tmp_path.iterdir()) == []
