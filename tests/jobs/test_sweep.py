"""What ended jobs and forgotten uploads leave is removed, and nothing else."""

import os
import time
from pathlib import Path

from engine import jobs, lease
from engine.jobs import local


def make_old(folder: Path, seconds: float) -> None:
    long_ago = time.time() - seconds - 60
    for path in (*folder.iterdir(), folder):
        os.utime(path, (long_ago, long_ago))


def test_old_jobs_are_swept_and_young_and_living_ones_kept(place, started, stand_in, ended):
    stand_in("exec sleep 60")
    living = started(["runs"], label="living")
    stand_in("true")
    old, young = (ended(started(["runs"], label=name)).id for name in ("old", "young"))
    begun, left = place.jobs / ".new-begun.0123", place.jobs / ".new-left.0123"
    held = place.jobs / ".new-held.0123"
    for folder in (begun, left, held):
        folder.mkdir()
    lease.grant(held / "lease.json", lease.holder(place.jobs / living / "lease.json").pid)
    for folder in (place.jobs / living, place.jobs / old, left, held):
        make_old(folder, local.KEPT_SECONDS)
    jobs.sweep(place)
    assert {path.name for path in place.jobs.iterdir() if path.is_dir()} == {
        living, young, begun.name, held.name,
    }  # fmt: skip
    assert jobs.look(place, living).alive


def test_uploads_that_no_living_job_names_are_swept(place, started, stand_in, ended):
    uploads = {name: place.uploads / name for name in ("named", "served", "nobody", "young")}
    for folder in uploads.values():
        folder.mkdir(parents=True)
        (folder / "small.zip").touch()
        if folder.name != "young":
            make_old(folder, local.LEFTOVER_SECONDS)
    stand_in("exec sleep 60")
    living = started(["prepare", "upload:named/small.zip"])
    served = started(["prepare", "upload:served/small.zip"])
    jobs.stop(place, served)
    ended(served)
    jobs.sweep(place)
    assert {path.name for path in place.uploads.iterdir()} == {"named", "young"}
    assert jobs.look(place, living).alive


def test_there_may_be_nothing_to_sweep(place):
    jobs.sweep(place)
    assert list(place.path.iterdir()) == []
