"""Install a lock file into .venv: `python tools/install.py requirements.lock .venv/.installed`.

Makes .venv where there is none that works. The stamp is written last, so that an interrupted
install is never taken for a complete one, and a second start waits for the first.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

VENV = Path(".venv")
PYTHON = VENV / "bin" / "python"


def install(lock: Path, stamp: Path) -> None:
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        if stamp.exists() and stamp.read_text() == digest:
            stamp.touch()  # only the date of the lock had changed, or another start was first
            return
        if not works():
            make_venv()
        stamp.unlink(missing_ok=True)
        print(f"Installing {lock} into {VENV}", flush=True)
        pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        install = [*pip, "install", "--require-hashes", "--requirement", lock]
        subprocess.run(install, check=True)  # nosec B603 # our own words
        stamp.write_text(digest)


def works() -> bool:
    """Whether .venv was made to its end, its Python is still there and is one that fits."""
    fits = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    try:
        told = subprocess.run([PYTHON, "-c", fits], capture_output=True)  # nosec B603 # our own words
        return told.returncode == 0
    except OSError:
        return False


def make_venv() -> None:
    print(f"Making {VENV} with {sys.executable}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)  # nosec B603 # our own words


if __name__ == "__main__":
    try:
        install(Path(sys.argv[1]), Path(sys.argv[2]))
    except subprocess.CalledProcessError as error:
        what = " ".join(map(str, error.cmd[:3]))
        sys.exit(f"{what} failed for the reason above; mend it and run make again.")
