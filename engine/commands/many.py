"""many: runs that belong together, put in line with one word: a sweep, and a repetition with other
seeds, which tells how much of an AUC is the seed's chance."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, product
from math import sqrt

from engine.commands import compare, line, train
from engine.commands.learn import question_of
from engine.data.dataset import Dataset, open_dataset
from engine.data.question import Question, task_of
from engine.errors import ConfigError, DatasetError
from engine.people import Role, require
from engine.runs import store
from engine.runs.record import Run
from engine.training.config import OF_NO_USE, TrainConfig, stored_config
from engine.workspace import Workspace

VARIED = ("preset", "learning_rate", "batch_size", "seed")  # what a sweep may have several of
MOST = 50
SEEDS = (2, 20)
SEED = ("seed",)
QUESTION = "Is this run better, or luckier?"  # what a spread answers, wherever it is shown


# --- a sweep ------------------------------------------------------------------------------------


def combinations(
    dataset: Dataset, several: Mapping[str, Sequence], **fixed
) -> list[TrainConfig]:
    """A configuration for each combination of values, each once; the last name changes fastest.
    Those that would train the very same head on a backbone's features are one.

    Args:
        several: values by hyperparameter; a name with none has its default, see `config_for`.
        fixed: one value each, as `config_for` takes it.

    Raises:
        ConfigError: if a value cannot be used.
    """
    named = {name: values for name, values in several.items() if values}
    chosen = (dict(zip(named, values, strict=True)) for values in product(*named.values()))
    found: dict[TrainConfig, TrainConfig] = {}
    for one in chosen:
        config = train.config_for(dataset, **(fixed | one))
        same = dict.fromkeys(OF_NO_USE, None) if config.head_alone else {}
        found.setdefault(config.model_copy(update=same), config)
    return list(found.values())


def sweep(
    workspace: Workspace,
    dataset_name: str,
    configs: Sequence[TrainConfig],
    question: Question | None = None,
) -> list[Run]:
    """A run in line for each configuration; which of them is best, validation will say.

    Raises:
        ConfigError: if there are none or more than 50, or one cannot be used; no run is made then.
        CamsightError: as `train.create_runs`; no run is made then either.
    """
    require(workspace.by, Role.TRAINER, "queue a sweep")
    check_number(len(configs))
    varies = tuple(name for name in VARIED if len({getattr(one, name) for one in configs}) > 1)
    series = f"sweep-{secrets.token_hex(6)}"
    return _queue(workspace, dataset_name, configs, question, series, varies)


def check_number(n: int) -> None:
    """Raise a ConfigError if a sweep may not have so many runs."""
    if not 1 <= n <= MOST:
        raise ConfigError(
            f"A sweep of {n} runs cannot be queued; choose values that make 1 to {MOST}."
        )


def swept_with(run: Run, runs: Iterable[Run]) -> list[Run]:
    """The runs of its sweep; none where it was started alone, or repeated with other seeds."""
    return [one for one in runs if run.series and run.varies != SEED and one.series == run.series]


# --- a repetition -------------------------------------------------------------------------------


def repeat(workspace: Workspace, run_id: str, n: int) -> list[Run]:
    """Put n further runs in line that differ from that run in nothing but their seed.

    Raises:
        ConfigError: if n is not 2 to 20, the run's configuration cannot be read, or its seed has no
            part in what is trained.
        RunError: if there is no such run.
        DatasetError: if its dataset is gone, or holds other pictures by now.
        AccessError: if whoever asks may not train.
    """
    require(workspace.by, Role.TRAINER, f"repeat {run_id}")
    if not SEEDS[0] <= n <= SEEDS[1]:
        raise ConfigError(
            f"A run cannot be repeated with {n} seeds; choose {SEEDS[0]} to {SEEDS[1]}."
        )
    run = store.require_training(store.open_run(workspace, run_id))
    config, question = stored_config(run.config), question_of(run)
    if config.head_alone:
        raise ConfigError(
            f"The head of '{run.id}' is fitted to its end whatever its seed, so other seeds would "
            "give the same run; repeat one that fine-tunes blocks of its backbone."
        )
    dataset = open_dataset(workspace, run.dataset)
    same = dataset.fingerprint == run.dataset_fingerprint
    if not same or run.split_id not in ("", task_of(dataset, question).split_id):
        raise DatasetError(
            f"The dataset '{run.dataset}' was replaced after '{run.id}' was trained; train a new "
            "run on it and repeat that."
        )
    taken = {one.config.get("seed") for one in repeated_with(run, store.list_runs(workspace))}
    free = (seed % 2**31 for seed in count(config.seed + 1) if seed % 2**31 not in taken)
    configs = [config.model_copy(update={"seed": next(free)}) for _ in range(n)]
    return _queue(workspace, run.dataset, configs, question, _first(run), SEED)


def repeated_with(run: Run, runs: Iterable[Run]) -> list[Run]:
    """The runs that differ from it in nothing but their seed, one for each seed, itself, too.

    It matters not whether they were made by a repetition, by a sweep or one by one: twice the same
    seed is no second chance, and a run that was judged comes before one that was not.
    """
    runs = list(runs)
    by_seed = {run.config["seed"]: run.id}
    for one in sorted(runs, key=lambda one: not one.judged):
        if _alike(one, run):
            by_seed.setdefault(one.config["seed"], one.id)
    found = set(by_seed.values())
    return [one for one in runs if one.id in found]


def _first(run: Run) -> str:
    """What the runs of its repetition share: the id of the run that was repeated."""
    return run.series if run.varies == SEED else run.id


def _alike(one: Run, other: Run) -> bool:
    """Whether nothing but the seed, and the name of the dataset, tells them apart."""
    if (one.preset, one.dataset_fingerprint) != (other.preset, other.dataset_fingerprint):
        return False
    if one.of or other.of:
        return False
    if one.split_id != other.split_id:
        return False
    but = {"seed": None, "dataset": None}
    return compare.settings(one) | but == compare.settings(other) | but


@dataclass(frozen=True)
class Spread:
    """The test AUCs of n runs that differ in their seed alone: mean, lowest, highest, and their
    sample standard deviation."""

    n: int
    mean: float
    low: float
    high: float
    sd: float

    @property
    def luck(self) -> float:
        """How far two such runs may lie apart by the seed alone, in 19 of 20 pairs: t · sd · √2,
        with Student's t for n - 1 degrees of freedom."""
        from scipy.stats import t

        return float(t.ppf(0.975, self.n - 1)) * self.sd * sqrt(2)

    @property
    def sentence(self) -> str:
        return (
            f"{self.n} runs that differ in nothing but their seed have AUCs from {self.low:.3f} "
            f"to {self.high:.3f}, {self.mean:.3f} on average with a standard deviation of "
            f"{self.sd:.3f}. Two such runs may lie {min(self.luck, 1):.3f} apart by chance alone."
        )


def spread(runs: Iterable[Run]) -> Spread | None:
    """The spread of the test AUC over the judged ones of these runs; None of fewer than two."""
    aucs = [run.figures["auc"] for run in runs if run.judged]
    if len(aucs) < 2:
        return None
    mean = sum(aucs) / len(aucs)
    sd = sqrt(sum((auc - mean) ** 2 for auc in aucs) / (len(aucs) - 1))
    return Spread(len(aucs), mean, min(aucs), max(aucs), sd)


def _queue(
    workspace: Workspace,
    dataset_name: str,
    configs: Sequence[TrainConfig],
    question: Question | None,
    series: str,
    varies: tuple[str, ...],
) -> list[Run]:
    runs = train.create_runs(
        workspace, dataset_name, configs, question, series=series, varies=varies
    )
    line.put(workspace, runs)
    return runs
