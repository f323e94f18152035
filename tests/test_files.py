"""Files written whole or not at all, and what killed writers leave."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import files

ROOT = Path(__file__).resolve().parents[1]


def test_the_content_is_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        done.append(("synced", os.pread(descriptor, 100, 0), (tmp_path / "a").exists()))
        fsync(descriptor)

    def renamed(source, target):
        done.append(("renamed", Path(source).read_bytes(), (tmp_path / "a").exists()))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    files.write_bytes(tmp_path / "a", b"whole")
    assert done == [("synced", b"whole", False), ("renamed", b"whole", False)]
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_beside(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"é": 1})

    def fill(beside):
        assert beside.suffix == ".json"
        beside.write_text("half")
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        files.write(path, fill)
    assert files.read_json(path) == {"é": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_threads_that_write_one_file_at_once_do_not_take_each_other_s(tmp_path):
    path = tmp_path / "a.txt"
    texts = [f"{i}" * 1000 for i in range(10)] * 30
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: files.write_text(path, text, sync=False), texts))
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_is_no_value(tmp_path):
    assert files.read_json(tmp_path / "none.json") is None


def test_what_a_killed_writer_left_is_swept_and_a_living_one_s_stays(tmp_path, listing):
    path = tmp_path / "best.weights.h5"
    code = (
        "import os, signal; from pathlib import Path; from engine import files\n"
        f"def fill(beside): beside.touch(); os.kill(os.getpid(), signal.SIGKILL)\n"
        f"files.write(Path({str(path)!r}), fill)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode < 0
    assert len(listing(tmp_path)) == 1

    def fill(beside):
        beside.write_text("living")
        files.sweep(tmp_path)
        assert listing(tmp_path) == [beside.name]

    files.write(path, fill)
    files.sweep(tmp_path)
    assert listing(tmp_path) == ["best.weights.h5"]


def test_what_the_first_version_left_is_swept_once_it_is_old(tmp_path, listing):
    stay = [".123", ".gitignore", ".preparing-a", ".2a.notes", "4.txt", ".new-a.0123"]
    old, young = ".99999999.run.json", ".99999998.run.json"
    elsewhere = ".99999997-00000000-4.run.json"
    for name in (*stay, old, young, elsewhere):
        (tmp_path / name).touch()
    for name in (*stay, old):
        long_ago = time.time() - files.SILENT_SECONDS - 60
        os.utime(tmp_path / name, (long_ago, long_ago))
    files.sweep(tmp_path)
    assert listing(tmp_path) == sorted([*stay, young, elsewhere])


def test_a_folder_that_has_gone_needs_no_sweeping(tmp_path):
    files.sweep(tmp_path / "none")
    assert not (tmp_path / "none").exists()
