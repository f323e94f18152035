"""Change one file in every small way and show what no test notices: `make mutate FILE=…`.

cosmic-ray writes each change into the file, so the work is done on a copy of the tree. The tests
are those that mirror the file (tests/ROOM/test_NAME.py, or all of the room where there is no such
file) and its own examples; `make mutate FILE=… TESTS="…"` names others. A survivor is a question:
a test is missing, or the line is not needed, or the change means the same.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cosmic_ray.commands.init import init
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "workspace", "shared", "__pycache__", ".*_cache")


def tests_of(file: Path) -> list[str]:
    """engine/data/decode.py → tests/data/test_decode.py; dashboard/x.py → tests/dashboard."""
    inside = file.relative_to("engine") if file.parts[0] == "engine" else file
    mirror = ROOT / "tests" / inside.with_name(f"test_{file.name}")
    found = next(path for path in (mirror, *mirror.parents) if path.exists())
    if found == ROOT / "tests":
        sys.exit(f'No tests mirror {file}; name some: make mutate FILE={file} TESTS="…"')
    return [found.relative_to(ROOT).as_posix()]


def show_survivors(file: Path, tests: list[str]) -> None:
    """Print the changes that the tests let through, as they are found."""
    pytest = [sys.executable, "-m", "pytest", "-xqq", "-p", "no:cacheprovider", *tests]
    command = shlex.join([*pytest, *([str(file)] if file.parts[0] == "engine" else [])])
    start = time.monotonic()
    words = shlex.split(command)
    tried = subprocess.run(words, stdout=subprocess.DEVNULL)  # nosec B603 # the developer's own
    if tried.returncode:
        sys.exit(f"The tests fail before anything is changed; mend that first: {command}")
    limit = 10 + 5 * (time.monotonic() - start)  # a change may loop for ever
    with use_db("mutations.sqlite", WorkDB.Mode.create) as session:
        init([file], session, {})
        items, survived = list(session.work_items), 0
    print(f"{len(items)} changes to {file}, each against: {command}", flush=True)
    for number, item in enumerate(items, 1):
        result = mutate_and_test(item.mutations, command, limit)
        if not result.is_killed:
            survived += 1
            line = item.mutations[0].start_pos[0]
            print(f"\n{file}:{line} survives:\n{changed(result.diff)}", flush=True)
        if sys.stderr.isatty():
            print(f"\r{number} of {len(items)}, {survived} survived ", end="", file=sys.stderr)
    print(f"\n{survived} of {len(items)} changes to {file} survive.")


def changed(diff: str) -> str:
    """The lines of a diff that differ."""
    lines = (line for line in diff.splitlines() if line[:3] not in ("---", "+++"))
    return "\n".join(line.rstrip() for line in lines if line[:1] in "+-" and line.strip())


def main() -> None:
    if len(sys.argv) < 2 or not (ROOT / sys.argv[1]).is_file():
        sys.exit("Name a file: make mutate FILE=engine/evaluation/thresholds.py")
    file = (ROOT / sys.argv[1]).resolve().relative_to(ROOT)
    tests = sys.argv[2:] or tests_of(file)
    with tempfile.TemporaryDirectory(prefix="mutate-") as place:
        copy = Path(place) / "tree"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        (copy / ".venv").symlink_to(ROOT / ".venv")
        os.chdir(copy)
        show_survivors(file, tests)


if __name__ == "__main__":
    main()
