"""Run every test, in two halves beside each other: one process leaves a core idle half of the time,
while a server starts, a browser draws or a child imports TensorFlow.

The first half is seen as it runs, the second when both have ended. Exit status 0 where both passed.
"""

import signal
import subprocess
import sys
import tempfile

PYTEST = [sys.executable, "-m", "pytest"]
PAGES = ["tests/dashboard", "tests/browser"]
REST = [f"--ignore={folder}" for folder in PAGES]


def main() -> int:
    # What a shell starts in the background ignores Ctrl-C, and so would all that is started here.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with tempfile.TemporaryFile() as told:
        halves = [
            subprocess.Popen([*PYTEST, *PAGES]),  # nosec B603 # our own words
            subprocess.Popen(  # nosec B603 # our own words
                [*PYTEST, *REST], stdout=told, stderr=subprocess.STDOUT
            ),
        ]
        # Ctrl-C reaches both, and each ends what it started; SIGTERM is passed on as a Ctrl-C.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(
            signal.SIGTERM, lambda *_: [half.send_signal(signal.SIGINT) for half in halves]
        )
        statuses = [half.wait() for half in halves]
        told.seek(0)
        print(f"\nAll but {' and '.join(PAGES)}:", flush=True)
        sys.stdout.buffer.write(told.read())
    return next((status for status in statuses if status), 0)


if __name__ == "__main__":
    sys.exit(main())
