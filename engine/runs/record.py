"""What `run.json` says of a run, as this version knows it and as earlier ones wrote it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from engine import identity, records
from engine.errors import RecordError
from engine.runs import outcome
from engine.runs.about import About

Status = Literal["queued", "running", "stopping", "finished", "stopped", "failed", "lost"]
ACTIVE = ("queued", "running", "stopping")


@with_config(ConfigDict(extra="allow"))
class Figures(TypedDict):
    """What a run scored on its test part; `validation_auc` is what runs are chosen by."""

    auc: float  # of many classes: the mean of Hand & Till
    auc_low: float
    auc_high: float
    interval: str
    n_positive: NotRequired[int]  # where there are two classes
    n_negative: NotRequired[int]
    n: NotRequired[int]  # where there are more
    accuracy: float


@with_config(ConfigDict(extra="allow"))
class Crossed(TypedDict):
    """What a cross-validation found, of all pictures of its dataset."""

    auc: float
    auc_low: float
    auc_high: float
    standard_error: float
    interval: str
    n: int


@with_config(ConfigDict(extra="allow"))
class Hyperparameters(TypedDict):
    """What everyone reads of a configuration; `TrainConfig` knows all of it."""

    epochs: int
    seed: int
    l2: float
    precision: str


@dataclass(frozen=True)
class Run:
    """What `run.json` says, with the status as it is now. extra: keys of another version."""

    id: str
    preset: str
    dataset: str
    dataset_fingerprint: str
    split_id: str  # what is in the test part; "" where the first version's run does not tell
    dataset_image_size: int
    class_names: tuple[str, ...]  # what its labels are called: of two, the second is positive
    image_size: int
    config: Hyperparameters
    status: Status
    created: str
    folder: Path
    dataset_fit: Literal["stretch", "pad", "crop"] = "stretch"
    positive: tuple[str, ...] = ()  # of a question about more classes: those of the dataset that
    negative: tuple[str, ...] = ()  # stand for class 1 and for class 0
    subjects: dict[str, int] = field(default_factory=dict)  # part -> how many, where known
    started: str | None = None
    ended: str | None = None
    seconds: float | None = None  # of training alone
    best_epoch: int | None = None
    figures: Figures | None = None
    layers: tuple[str, ...] = ()
    weights_sha256: str | None = None
    pictures_per_second: float | None = None
    device: str | None = None
    features_by: str = ""  # what computed a backbone's features: "OpenVINO 2026.4, bfloat16"
    versions: dict[str, str] = field(default_factory=dict)
    git_commit: str | None = None
    error: str | None = None
    diverged: bool = False  # whether its loss became no number, as it would be another time
    resumed: int | None = None  # how often by itself, after a loss; None: made before that was
    went_on: tuple[tuple[int, str], ...] = ()  # epoch that was the first anew, and when
    precision: str | None = None  # that it was trained in, once known: a configuration may say auto
    series: str = ""  # what runs of one sweep or repetition share
    varies: tuple[str, ...] = ()  # the hyperparameters in which they differ
    of: str = ""  # of a cross-validation: the run whose configuration it trains on each fold
    folds: int = 0
    repeats: int = 0
    crossed: Crossed | None = None  # and what it found; it has no weights, and no figures
    owner: str = ""  # who asked for it; "" where nobody signed in, and of runs before that was
    about: About = field(default_factory=About)  # what people wrote; a file of its own
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> int:
        return number_of(self.id)

    @property
    def question(self) -> str:
        """ "dog against cat, fox"; empty for a run on all classes of its dataset."""
        return f"{self.class_names[1]} against {self.class_names[0]}" if self.positive else ""

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def judged(self) -> bool:
        """Whether there are weights and predictions to look at."""
        return self.figures is not None


def number_of(run_id: str) -> int:
    return int(run_id.rsplit("-", 1)[1])


def _split_by_rows(stored: dict, folder: Path) -> dict:
    """Schema 1 to 2: a split id, no figures as none and not as {}."""
    try:
        told = outcome.read_predictions(folder, "test", classes=2)
        split_id = identity.of_rows(stored["dataset_fingerprint"], told["row"], told["y_true"])
    except (RecordError, FileNotFoundError):
        split_id = ""
    return stored | {"split_id": split_id, "figures": stored["figures"] or None}


KIND = records.Kind(Run, steps=(_split_by_rows,))
