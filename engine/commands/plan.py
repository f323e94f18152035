"""power: how many pictures to judge on, before they are collected."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from engine.errors import ConfigError
from engine.evaluation import power as powers
from engine.evaluation.level import LEVEL


@dataclass(frozen=True)
class Wanted:
    """What is assumed, and what is to be had.

    Attributes:
        auc: of the model; other: of another one that is to be told apart from it, or None.
        positives: their share of the pictures.
        width: of the AUC's interval, at most; power: to tell the two apart, at least.
        correlation: of the two models' scores within a class; paired: judged on the same pictures.
    """

    auc: float
    other: float | None = None
    positives: float = 0.5
    width: float = 0.1
    power: float = 0.8
    correlation: float = powers.CORRELATION
    paired: bool = True
    level: float = LEVEL

    def widths_of(self, n_positive: int, n_negative: int) -> tuple[float, float]:
        """By Hanley & McNeil, and by Newcombe."""
        asked = self.auc, n_positive, n_negative, self.level
        return powers.width(*asked), powers.newcombe_width(*asked)

    def power_of(self, n_positive: int, n_negative: int) -> float:
        return powers.power_of_difference(
            self.auc, self.other, n_positive, n_negative, self.correlation, self.paired, self.level
        )


@dataclass(frozen=True)
class Size:
    """What so many pictures give; powers are None where there is one model.

    width: by Hanley & McNeil; newcombe_width: by Newcombe, wider near an AUC of 1.
    """

    n: int
    n_positive: int
    n_negative: int
    width: float
    newcombe_width: float
    power: float | None = None
    simulated_width: float | None = None
    simulated_power: float | None = None


@dataclass(frozen=True)
class Plan:
    """for_width, for_power: the fewest pictures `(positive, negative)` that give what is wanted, a
    width by both formulas."""

    wanted: Wanted
    sizes: tuple[Size, ...]
    for_width: tuple[int, int]
    for_power: tuple[int, int] | None = None

    @property
    def facts(self) -> dict:
        """What `--json` prints."""
        return {
            **asdict(self.wanted),
            "n_for_width": sum(self.for_width),
            "n_for_power": sum(self.for_power) if self.for_power else None,
            "sizes": [asdict(one) for one in self.sizes],
        }

    def sentences(self) -> list[str]:
        wanted = self.wanted
        said = [
            f"An interval of {wanted.width:g} at an AUC of {wanted.auc:g} needs "
            f"{_pictures(self.for_width)}, by the wider of Hanley & McNeil's and Newcombe's."
        ]
        if self.for_power:
            how = "the same pictures" if wanted.paired else "different pictures, so many for each"
            said.append(
                f"To tell {wanted.auc:g} from {wanted.other:g} in {wanted.power:.0%} of cases, "
                f"judged on {how}, needs {_pictures(self.for_power)}."
            )
        said.append(
            "These are pictures to judge on: a test part is a tenth of a dataset, and a "
            "cross-validation judges on all of them."
        )
        return said


def _pictures(counts: tuple[int, int]) -> str:
    return f"{sum(counts):,} pictures ({counts[0]:,} positive, {counts[1]:,} negative)"


def plan(wanted: Wanted, sizes: Iterable[int], *, simulate: bool = False) -> Plan:
    """Widths and powers against the number of pictures, and how many give what is wanted.

    Args:
        sizes: pictures of both classes.
        simulate: whether to simulate them, too, which takes a second or a few.

    Raises:
        ConfigError: if what is assumed or wanted is not possible.
    """
    _check(wanted)
    p, n = powers.needed(
        lambda p, n: max(wanted.widths_of(p, n)) <= wanted.width, wanted.positives
    )
    for_power = None
    if wanted.other is not None:
        for_power = powers.needed(
            lambda p, n: wanted.power_of(p, n) >= wanted.power, wanted.positives
        )
    return Plan(wanted, tuple(_size(wanted, one, simulate) for one in sizes), (p, n), for_power)


def _size(wanted: Wanted, size: int, simulate: bool) -> Size:
    if size < 2:
        raise ConfigError(f"{size} pictures are not of two classes; ask for 2 or more.")
    if size > powers.MOST:
        raise ConfigError(
            f"{size:,} pictures are too many to be planned for; ask for {powers.MOST:,} at most."
        )
    p, n = powers.counts(size, wanted.positives)
    two = wanted.other is not None
    simulated_width = simulated_power = None
    if simulate:
        simulated_width = powers.simulated_width(wanted.auc, p, n, wanted.level)
    if simulate and two:
        simulated_power = powers.simulated_power(
            wanted.auc, wanted.other, p, n, wanted.correlation, wanted.paired, wanted.level
        ).value
    return Size(
        size, p, n, *wanted.widths_of(p, n), wanted.power_of(p, n) if two else None,
        simulated_width, simulated_power,
    )  # fmt: skip


def _check(wanted: Wanted) -> None:
    if not 0 < wanted.width < 1:
        raise ConfigError(
            f"An interval cannot be {wanted.width:g} wide; ask for a width between 0 and 1, as 0.1."
        )
    if wanted.other is None:
        return
    if not 0 < wanted.power < 1:
        raise ConfigError(f"A power of {wanted.power:g} is no chance; give one between 0 and 1.")
    if wanted.other == wanted.auc:
        raise ConfigError(
            f"Two models with the AUC {wanted.auc:g} cannot be told apart; assume another for one "
            "of them."
        )
