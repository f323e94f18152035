"""Whether one run is better than another: the difference of their AUCs, its interval and test."""

from collections.abc import Sequence

import streamlit as st

from dashboard import state, words
from dashboard.parts import downloads, evidence, results
from dashboard.parts.evidence import Card, Track
from dashboard.parts.params import Param
from engine.commands import difference
from engine.commands.difference import Many
from engine.errors import RunError
from engine.evaluation.compare import DEFAULT, FEW, NEAR_ONE, Difference, Pair
from engine.evaluation.differences import DIFFERENCES
from engine.evaluation.level import LEVEL
from engine.runs.record import Run

METHOD = Param("test", list(DIFFERENCES), DEFAULT)
SAME = "Both were judged on the same test pictures, and neither was trained on any of them."
OTHER = "Each was judged on test pictures of its own, and neither was trained on the other's."


# --- two ------------------------------------------------------------------------------------------


def choose_method() -> str:
    asked = METHOD.asked()
    return METHOD.select_box(
        "Test", METHOD.options, METHOD.start(asked if asked in DIFFERENCES else None),
        format_func=lambda name: DIFFERENCES[name].title + (" (default)" * (name == DEFAULT)),
        help="How the difference's interval is made. "
        + " ".join(f"{one.title}: {one.idea}" for one in DIFFERENCES.values()),
    )  # fmt: skip


def show(
    first: Run,
    second: Run,
    *,
    method: str = DEFAULT,
    target: str | None = None,
    level: float = LEVEL,
    key: str = "difference",
) -> Difference | None:
    """The difference with its verdict, or why there is none; None then.

    Args:
        target: of runs of many classes, the one that is judged against the rest.

    Raises:
        CamsightError: if what they said of their pictures cannot be read.
    """
    try:
        found = computed(first, second, method=method, target=target, level=level)
    except RunError as error:  # a refusal, not a fault
        st.warning(words.markdown(error))
        return None
    evidence.cards([card(found, first.id, second.id)], key=key)
    st.markdown(verdict(found, first.id, second.id))
    totals = [results.judged_on(run) for run in (first, second)]
    if found.paired and found.n < max(totals):
        st.caption(
            f"Of {words.count(totals[0])} and {words.count(totals[1])} test pictures, the "
            f"{words.count(found.n)} that both have count."
        )
    for remark in remarks(found, method):
        st.caption(remark)
    if found.too_narrow:
        safer = computed(first, second, method="mover", target=target, level=level)
        st.caption(
            f"With fewer than {FEW} of a class and an AUC above {NEAR_ONE}, "
            f"{DIFFERENCES[found.method].title}'s interval holds the truth less often than it "
            f"says; {DIFFERENCES['mover'].title.lower()} gives {bounds(safer)}."
        )
    return found


def computed(
    first: Run,
    second: Run,
    *,
    method: str = DEFAULT,
    target: str | None = None,
    level: float = LEVEL,
) -> Difference:
    """Computed once for each pair of weights.

    Raises:
        CamsightError: if they cannot be compared.
    """
    key = ("difference", method, target, level, *_weights([first, second]))
    found = state.kept().get(key)
    if found is None:
        found = difference.of_runs(
            first, second, state.look().datasets, target=target, method=method, level=level
        )
        state.kept().put(key, found, 1024)
    return found


def _weights(runs: Sequence[Run]) -> list[str | None]:
    return [part for run in runs for part in (str(run.folder), run.weights_sha256)]


def bounds(found: Difference) -> str:
    """ "95% −0.010 to +0.042"."""
    return f"{words.level(found.level)} {words.signed(found.low)} to {words.signed(found.high)}"


def card(found: Difference, a: str, b: str) -> Card:
    reach = max(abs(found.low), abs(found.high))
    edge = next(edge for edge in (0.05, 0.1, 0.2, 0.5, 1.0) if reach <= edge)
    of = "shared test pictures" if found.paired else "test pictures"
    line = words.evidence_line(bounds(found), evidence_of(found), found.n, of, found.subjects)
    return Card(
        "Difference in AUC", words.signed(found.difference), line, remark=f"{a} − {b}",
        track=Track(found.difference, found.low, found.high, -edge, edge, reference=0.0),
    )  # fmt: skip


def evidence_of(found: Difference) -> str:
    """ "DeLong, paired · z = 1.39, p = 0.16"."""
    how = "paired" if found.paired else "unpaired"
    letter = "z" if found.degrees_of_freedom is None else "t"
    z = f"{found.z:.2f}".replace("-", "−")
    return f"{DIFFERENCES[found.method].title}, {how} · {letter} = {z}, {words.p_value(found.p)}"


def verdict(found: Difference, a: str, b: str) -> str:
    both = SAME if found.paired else OTHER
    if found.low > 0:
        return f"Yes, {words.markdown(a)} is better: the interval leaves out zero. {both}"
    if found.high < 0:
        return f"No, {words.markdown(b)} is better: the interval leaves out zero. {both}"
    return f"That cannot be told: the interval holds zero. {both}"


def remarks(found: Difference, asked: str) -> list[str]:
    """What else must be known of it, in a sentence each."""
    told = []
    if found.method != asked:
        told.append(
            f"{DIFFERENCES[asked].title} finds no width here, which would claim certainty: the "
            f"interval is that of {DIFFERENCES[found.method].title.lower()}."
        )
    if found.naive:
        low, high = (words.signed(one) for one in found.naive)
        told.append(
            "Pictures of one subject are alike, and the test is by subject. Were each picture "
            f"taken for one of its own, the interval would be {low} to {high}."
        )
    return told


def figures(found: Difference, a: str, b: str) -> list[tuple[str, str]]:
    """Every number of it, with its name."""
    rows = [
        (f"AUC of {a}", f"{found.auc_a:.4f}"),
        (f"AUC of {b}", f"{found.auc_b:.4f}"),
        (f"{a} − {b}", f"{found.difference:+.4f}"),
        (f"{words.level(found.level)} interval", f"{found.low:+.4f} to {found.high:+.4f}"),
        ("Standard error", f"{found.standard_error:.4f}"),
        ("z" if found.degrees_of_freedom is None else "t", f"{found.z:.3f}"),
        ("p, two-sided", f"{found.p:.3g}"),
        ("Test", f"{DIFFERENCES[found.method].title}, {'' if found.paired else 'un'}paired"),
        ("Pictures", f"{words.count(found.n_positive)} + {words.count(found.n_negative)}"),
    ]
    if found.degrees_of_freedom is not None:
        rows.insert(6, ("Degrees of freedom", f"{found.degrees_of_freedom:.1f}"))
    if found.subjects:
        rows.append(("Subjects", words.count(found.subjects)))
    return [(name, value.replace("-", "−")) for name, value in rows]


# --- many -----------------------------------------------------------------------------------------


def show_many(runs: Sequence[Run]) -> None:
    """Each two of several runs, tested with Holm's correction, so that nobody crowns the luckiest.

    Raises:
        CamsightError: if what they said of their pictures cannot be read.
    """
    found = computed_many(runs)
    if not found.pairs:
        st.warning(words.markdown(next(iter(found.refused.values()))))
        return
    columns = table(found.pairs)
    downloads.files("Which differ", columns, "pairs", "-".join(["differences", *by_id(runs)][:5]))
    st.dataframe(
        columns, hide_index=True, height="content" if len(found.pairs) <= 12 else 420,
        alt=f"{len(found.pairs)} pairs of runs, the most different first", key="pairs",
    )  # fmt: skip
    st.caption(
        "p is of DeLong's test of a pair alone. Of many pairs one differs by luck sooner or later; "
        "Holm's correction keeps the chance of any such mistake at 5% over the whole table."
    )
    if found.refused:
        n, why = len(found.refused), next(iter(found.refused.values()))
        more = f"{words.count(n)} further pairs are" if n > 1 else "One further pair is"
        st.caption(f"{more} not compared. {words.markdown(why)}")


def show_headline(runs: Sequence[Run]) -> None:
    """Whether the best of several is more than the luckiest, in a sentence; see `show_many`."""
    found = computed_many(runs)
    if found.pairs:
        st.markdown(headline(found, runs))


def by_id(runs: Sequence[Run]) -> dict[str, Run]:
    return {run.id: run for run in runs}


def computed_many(runs: Sequence[Run]) -> Many:
    key = ("differences", *_weights(runs))
    found = state.kept().get(key)
    if found is None:
        found = difference.of_many(runs, state.look().datasets)
        state.kept().put(key, found, 1024 * (1 + len(found.pairs)))
    return found


def apart(pair: Pair) -> bool:
    """Whether a pair differs after the correction."""
    return pair.p_holm < 1 - pair.found.level


def headline(found: Many, runs: Sequence[Run]) -> str:
    """How many pairs differ, and whether the highest AUC is more than luck."""
    differ = sum(map(apart, found.pairs))
    n = len(found.pairs)
    among = {name for pair in found.pairs for name in (pair.a, pair.b)}
    best = max((run for run in runs if run.id in among), key=lambda run: run.figures["auc"]).id
    beside = [pair for pair in found.pairs if best in (pair.a, pair.b)]
    equals = [pair.b if pair.a == best else pair.a for pair in beside if not apart(pair)]
    pairs = "pair differs" if n == 1 else "pairs differ"
    said = f"After Holm's correction, {differ} of {n} {pairs}."
    if found.refused:  # one that is in no pair may well have a higher AUC
        said += f" Of those that can be compared, {best} has the highest AUC"
        others = "each that it is compared with"
    else:
        said += f" {best} has the highest AUC"
        others = "each of the others"
    if not equals:
        return f"{said}, and is told apart from {others}."
    named = words.listed(equals) if len(equals) <= 3 else f"{len(equals)} others"
    return f"{said}, but cannot be told from {named}."


def table(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """The most different first, each cell as it is to be read."""
    rows = sorted(pairs, key=lambda pair: (pair.p_holm, pair.found.p))
    level = words.level(rows[0].found.level)
    return {
        "A": [words.plain(pair.a) for pair in rows],
        "B": [words.plain(pair.b) for pair in rows],
        "A − B": [words.signed(pair.found.difference) for pair in rows],
        f"{level} interval": [bounds(pair.found).partition(" ")[2] for pair in rows],
        "p": [_rounded(pair.found.p) for pair in rows],
        "p after Holm": [_rounded(pair.p_holm) for pair in rows],
        "n": [words.count(pair.found.n) + ("" if pair.found.paired else ", unpaired")
              for pair in rows],
        "After Holm": [_which(pair) for pair in rows],
    }  # fmt: skip


def _rounded(p: float) -> str:
    return words.p_value(p).removeprefix("p ").removeprefix("= ")


def _which(pair: Pair) -> str:
    if not apart(pair):
        return "not told apart"
    return f"{words.plain(pair.a if pair.found.difference > 0 else pair.b)} is better"
