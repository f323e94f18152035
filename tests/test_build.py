"""The commands of the README: what they find, what they install, what they say if they cannot."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ["requirements", "requirements-dev", "requirements-gpu"]
SHIM = "echo 'pyenv: python3.12: command not found' >&2; exit 127"


def python_of(version):
    """A shell script that is this very Python, saying that it is `version`."""
    return f'exec "{sys.executable}" -c "import sys; sys.version_info = {version}; $2"'


def run_on_path(folder, script, programs, **variables):
    """Run a tool of ours where `programs` (name to shell script) are all that the PATH holds."""
    for name in ("sh", "id", "env", "mkdir"):  # what the scripts themselves need
        if not (folder / name).exists():
            (folder / name).symlink_to(shutil.which(name))
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return subprocess.run(
        [ROOT / "tools" / script],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": str(folder)} | variables,
    )


@pytest.mark.parametrize(
    ("programs", "chosen"),
    [
        ({"python3.11": python_of((3, 11, 2)), "python3.12": python_of((3, 12, 1))}, "python3.11"),
        (
            {"python3.11": SHIM, "python3.12": SHIM, "python3.13": python_of((3, 13, 0))},
            "python3.13",
        ),
        ({"python3.12": SHIM, "python3": python_of((3, 12, 1))}, "python3"),
        ({"python3": python_of((3, 14, 0)), "python": python_of((3, 12, 4))}, "python"),
        # Debian's python3 without python3-venv: it runs, and can make no environment.
        (
            {
                "python3.11": f'exec "{sys.executable}" -c "import sys;'
                " sys.modules['ensurepip'] = None; $2\"",
                "python3.12": python_of((3, 12, 1)),
            },
            "python3.12",
        ),
    ],
)
def test_finder_takes_the_first_python_that_really_serves(tmp_path, programs, chosen):
    found = run_on_path(tmp_path, "find-python", programs)
    assert (found.returncode, found.stdout) == (0, f"{tmp_path / chosen}\n")


@pytest.mark.parametrize(
    "programs",
    [{}, {"python3.12": SHIM, "python3": python_of((3, 14, 0)), "python": python_of((3, 10, 9))}],
)
def test_finder_says_in_a_sentence_where_none_serves(tmp_path, programs):
    found = run_on_path(tmp_path, "find-python", programs)
    assert found.returncode != 0
    assert found.stdout == ""
    assert re.fullmatch(
        r"No Python from 3\.11 to 3\.13 .* no wheel for 3\.14\); .*\n", found.stderr
    )


def test_python_variable_wins_and_is_named_where_it_does_not_serve(tmp_path):
    programs = {
        "python3.11": python_of((3, 11, 2)),
        "mine": python_of((3, 13, 1)),
        "old": python_of((3, 9, 0)),
    }
    mine = run_on_path(tmp_path, "find-python", programs, PYTHON="mine")
    assert mine.stdout == f"{tmp_path / 'mine'}\n"
    old = run_on_path(tmp_path, "find-python", {}, PYTHON="old")
    assert old.returncode != 0
    assert old.stderr.startswith("PYTHON=old is not a Python 3.11 to 3.13")
    assert old.stderr.count("\n") == 1


def test_browser_that_does_not_run_is_passed_over(tmp_path):
    programs = {"chromium-browser": "exit 1", "google-chrome": "echo Google Chrome 140"}
    found = run_on_path(tmp_path, "find-chromium", programs)
    assert (found.returncode, found.stdout) == (0, f"{tmp_path / 'google-chrome'}\n")


def test_missing_browser_is_a_failure_with_a_way_out(tmp_path):
    found = run_on_path(tmp_path, "find-chromium", {"apt-get": "exit 100", "sudo": "exit 1"})
    assert found.returncode != 0
    assert found.stdout == ""
    assert "The browser tests need a Chromium" in found.stderr
    assert "make test CHROMIUM=" in found.stderr


def test_missing_browser_is_installed_with_a_font_for_japanese(tmp_path):
    apt = (
        f'echo "$@" >> "{tmp_path}/asked"; echo chatter\n'
        f'case "$*" in *install*) printf "#!/bin/sh\\nexit 0\\n" > "{tmp_path}/chromium"\n'
        f'"{shutil.which("chmod")}" +x "{tmp_path}/chromium";; esac'
    )
    found = run_on_path(
        tmp_path, "find-chromium", {"apt-get": apt, "sudo": 'test "$1" = -n && shift && exec "$@"'}
    )
    assert (found.returncode, found.stdout) == (0, f"{tmp_path / 'chromium'}\n")
    asked = (tmp_path / "asked").read_text()
    assert re.search(r"install .*chromium .*fonts-", asked)


def test_chromium_variable_that_does_not_run_is_named(tmp_path):
    found = run_on_path(tmp_path, "find-chromium", {"chromium": "exit 0"}, CHROMIUM="/no/browser")
    assert found.returncode != 0
    assert found.stderr.startswith("CHROMIUM=/no/browser does not run")


def test_missing_caddy_is_unpacked_and_not_installed_since_it_would_start_a_server(tmp_path):
    apt = f'echo "$@" >> "{tmp_path}/asked"; : > caddy_2.deb'
    unpack = (
        f'"{shutil.which("mkdir")}" -p usr/bin; printf "#!/bin/sh\\nexit 0\\n" > usr/bin/caddy\n'
        f'"{shutil.which("chmod")}" +x usr/bin/caddy'
    )
    found = run_on_path(tmp_path, "find-caddy", {"apt-get": apt, "dpkg-deb": unpack})
    assert (found.returncode, found.stdout) == (0, f"{tmp_path}/.venv/caddy/usr/bin/caddy\n")
    assert (tmp_path / "asked").read_text() == "download -q caddy\n"
    again = run_on_path(tmp_path, "find-caddy", {"apt-get": "exit 100", "dpkg-deb": "exit 1"})
    assert again.stdout == found.stdout


@pytest.mark.parametrize("variables", [{}, {"CADDY": "/no/caddy"}])
def test_missing_caddy_is_a_failure_with_a_way_out(tmp_path, variables):
    programs = {"apt-get": "exit 100", "sudo": "exit 1", "dpkg-deb": "exit 1"}
    found = run_on_path(tmp_path, "find-caddy", programs, **variables)
    assert found.returncode != 0
    assert found.stdout == ""
    assert "CADDY=/no/caddy does not run" in found.stderr or "make test CADDY=" in found.stderr


def pins(lock):
    """Name (normalized) to a list of (version, number of hashes); the same name once a Python."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\\n]+)", block):
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            found.setdefault(name, []).append((match[2], block.count("--hash=sha256:")))
    return found


def direct(requirements):
    lines = (ROOT / requirements).read_text(encoding="utf-8").splitlines()
    return [re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in lines if line[:1].isalnum()]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_pins_every_direct_dependency_and_hashes_every_pin(name):
    locked = pins(f"{name}.lock")
    assert set(direct(f"{name}.txt")) <= set(locked)
    assert direct(f"{name}.txt")
    assert not [pin for pin, found in locked.items() if any(hashes == 0 for _, hashes in found)]


def test_lock_holds_nothing_unpinned_and_names_no_index():
    for name in LOCKS:
        for line in (ROOT / f"{name}.lock").read_text(encoding="utf-8").splitlines():
            assert re.match(r"[A-Za-z0-9._-]+(\[.*\])?==|    (--hash=sha256:|#)|#", line), line


@pytest.mark.parametrize("name", LOCKS)
def test_tests_and_images_have_the_very_versions_that_users_get(name):
    found, users = pins(f"{name}.lock"), pins("requirements.lock")
    assert {name: found.get(name) for name in users} == users


def test_every_direct_dependency_has_a_word_on_it():
    for name in LOCKS:
        for line in (ROOT / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            assert not line[:1].isalnum() or re.search(r"\S\s+# \S", line), line


def make(*arguments, cwd=ROOT, **variables):
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "HOST", "PORT"}
        and not key.startswith("CAMSIGHT_")
    }
    return subprocess.run(
        ["make", *arguments], cwd=cwd, capture_output=True, text=True, env=environment | variables
    )


def test_make_help_lists_every_target():
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)[1].split()
    listed = re.findall(r"^make (\S+) +\S", make("help").stdout, re.M)
    assert listed == phony
    known = {"help", "setup", "run", "check", "test", "mutate", "lint", "audit", "lock",
             "bench", "clean"}
    assert known == set(phony)
    assert make().stdout == make("help").stdout


@pytest.fixture
def project(tmp_path):
    """The build's own files with an empty lock: installed for real, from nowhere."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").write_text("# nothing\n")
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "__init__.py").touch()
    (tmp_path / "dashboard" / "__main__.py").write_text(
        "import os; print(os.environ['CAMSIGHT_HOST'], os.environ['CAMSIGHT_PORT'])"
    )
    return tmp_path


@pytest.mark.slow
def test_interrupted_setup_is_never_taken_for_a_complete_one(project):
    """One story, since each environment that is made takes seconds."""
    lock = project / "requirements.lock"
    venv.create(project / ".venv", symlinks=True, with_pip=False)  # stopped while it was made
    lock.write_text("gone @ file:///no/such/gone-1-py3-none-any.whl --hash=sha256:" + "0" * 64)
    broken = make("setup", cwd=project)
    assert broken.returncode != 0
    assert "Making .venv" in broken.stdout
    assert "run make again" in broken.stderr
    assert "Traceback" not in broken.stderr
    assert make("run", cwd=project).returncode != 0

    lock.write_text("# nothing\n")
    mended = make("setup", cwd=project)
    assert mended.returncode == 0, mended.stderr
    assert "Installing requirements.lock" in mended.stdout
    assert "Making .venv" not in mended.stdout

    lock.touch()  # as a checkout does: newer, and the same
    assert "Installing" not in make("setup", cwd=project).stdout
    assert make("run", cwd=project).stdout == "127.0.0.1 8501\n"
    assert make("run", "HOST=0.0.0.0", "PORT=9000", cwd=project).stdout == "0.0.0.0 9000\n"
    assert make("run", cwd=project, PORT="9001").stdout == "127.0.0.1 9001\n"


def test_make_without_a_python_says_so_and_leaves_nothing(project):
    result = make("setup", "PYTHON=/no/python", cwd=project)
    assert result.returncode != 0
    assert "PYTHON=/no/python is not a Python" in result.stderr
    assert not (project / ".venv").exists()


@pytest.fixture
def suite(tmp_path):
    """`suite(pages=…, rest=…)`: runs a suite of two tests with these bodies as `make test` does.
    None outlives the test."""
    started = []

    def start(pages: str = "pass", rest: str = "pass") -> subprocess.Popen:
        for name, body in (
            ("dashboard/test_a", pages),
            ("browser/test_b", "pass"),
            ("test_c", rest),
        ):
            file = tmp_path / "tests" / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"import pathlib, time\n\ndef {file.stem}():\n    {body}\n")
        run = subprocess.Popen(
            [sys.executable, ROOT / "tools" / "run_tests.py"],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        started.append(run)
        return run

    yield start
    for run in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()


@pytest.mark.parametrize(
    ("bodies", "fails"), [({}, False), ({"pages": "assert 0"}, True), ({"rest": "assert 0"}, True)]
)
def test_a_failure_in_either_half_of_the_tests_fails_them(suite, bodies, fails):
    run = suite(**bodies)
    told, _ = run.communicate(timeout=120)
    assert (run.returncode != 0) is fails, told
    assert told.count(" passed") == 2 - (bodies == {"rest": "assert 0"}), told
    assert ("FAILED tests/" in told) is fails


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_both_halves_of_the_tests(suite, tmp_path, until, end):
    wait = "pathlib.Path(__file__).with_suffix('.on').touch(); time.sleep(600)"
    run = suite(pages=wait, rest=wait)
    until(lambda: len(list(tmp_path.rglob("*.on"))) == 2)
    if end == signal.SIGINT:
        os.killpg(run.pid, end)  # as a terminal does
    else:
        run.send_signal(end)
    told, _ = run.communicate(timeout=120)
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert told.count("KeyboardInterrupt") >= 2


@pytest.mark.slow
@pytest.mark.parametrize(("test", "survive"), [("no(1)", True), ("assert not no(1)", False)])
def test_make_mutate_shows_what_the_tests_let_through_and_changes_nothing(tmp_path, test, survive):
    for name in ("tools", "engine", "tests"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "tools" / "mutate.py", tmp_path / "tools")
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    code = "def no(x):\n    return not x\n"
    (tmp_path / "engine" / "small.py").write_text(code)
    (tmp_path / "tests" / "test_small.py").write_text(
        f"from engine.small import no\n\ndef test_no():\n    {test}\n"
    )
    done = subprocess.run(
        [sys.executable, "tools/mutate.py", "engine/small.py"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ("engine/small.py:2 survives:\n-    return not x\n" in done.stdout) is survive
    assert f"{int(survive)} of " in done.stdout
    assert (tmp_path / "engine" / "small.py").read_text() == code


def test_ci_runs_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "make test"
