"""This machine, and whether a very process still lives on it.

A process number alone is no identity: numbers are used again, after a restart at once. Number and
start together are one.
"""

import platform
from functools import cache
from pathlib import Path


@cache
def machine() -> str:
    """Where a process number means something: the node, its boot, and the numbers' namespace.

    Two containers of one node, or a node before and after it was started anew, are two machines.
    """
    parts = [platform.node()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        pass  # not Linux, or it does not tell
    return " ".join(parts)


def started(pid: int) -> float | None:
    """When that process of this machine began, in a unit of the system's; None if it has ended.

    A zombie has ended: its files are closed, and it only waits to be asked how.
    """
    if Path("/proc/self/stat").exists():
        return _started_linux(pid)
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def _started_linux(pid: int) -> float | None:
    """Ticks since boot (proc_pid_stat(5), field 22).

    psutil makes a time of day out of them, which moves when the clock is set: a process that lives
    would then look like another.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(b")")[2].split()  # a name before it may hold anything, ")" too
    state, ticks = fields[0], fields[19]
    return None if state in b"ZXx" else float(ticks)
