"""Where datasets, runs and jobs lie: one folder, handed down to whoever reads or writes it."""

from dataclasses import dataclass, field
from pathlib import Path

from engine.people import WHOEVER, Person


@dataclass(frozen=True)
class Workspace:
    """The folder of everything that Camsight writes; it can be moved as a whole.

    by: who asks for something in it.
    """

    path: Path
    by: Person = field(default=WHOEVER, compare=False)

    @property
    def datasets(self) -> Path:
        return self.path / "datasets"

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def jobs(self) -> Path:
        return self.path / "jobs"

    @property
    def queue(self) -> Path:
        """The tickets of runs in line (see `engine.jobs.queue`)."""
        return self.path / "queue"

    @property
    def dispatcher(self) -> Path:
        """The lease of the process that starts them, one after the other."""
        return self.queue / "worker.lease.json"

    @property
    def uploads(self) -> Path:
        """Zips that a browser sent and no job has taken in yet."""
        return self.path / "uploads"

    @property
    def trash(self) -> Path:
        """Runs that were deleted less than a week ago."""
        return self.path / "trash"
