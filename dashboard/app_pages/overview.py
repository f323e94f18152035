"""Overview: where things stand, and what to do next."""

import numpy as np
import streamlit as st

from dashboard import evidence, first_steps, live, pictures, state, words
from dashboard.evidence import RunRow
from dashboard.figures import METHODS
from engine.commands import prepare
from engine.commands.evaluate import THRESHOLD
from engine.data.dataset import Dataset
from engine.runs import store
from engine.runs.store import Run
from engine.settings import settings

WIDE = 0.1  # of a 95% interval: too wide to rank runs by


def overview(runs: list[Run]) -> None:
    judged = [run for run in runs if run.judged]
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left.container(gap="xxsmall"):
        st.title("Overview")
        st.caption("Where things stand, and what to do next.")
    with right.container(horizontal=True, horizontal_alignment="right"):
        if st.button("**Train a new run**", icon=":material/add:"):
            st.switch_page("app_pages/train.py")
    newest = judged[-1]
    best = max(comparable(judged, newest), key=lambda run: run.figures["auc"])
    st.header(headline(best), anchor=False)
    left, right = st.columns([1.85, 1], gap="large")
    with left:
        runs_by_auc(judged)
        runs_under_way(runs)
        runs_without_figures(runs)
        datasets_there(runs)
    with right:
        newest_pictures(newest)
        st.header("What to do next", anchor=False)
        for icon, label, page, query, reason in what_next(runs, best):
            with st.container(gap="xxsmall"):
                if page:
                    st.page_link(page, label=f"**{label}**", icon=icon, query_params=query)
                else:
                    st.markdown(f":small[{icon} **{label}**]")
                st.caption(reason)
    with st.expander("Add pictures of your own", icon=":material/add_photo_alternate:",
                     expanded=only_drawn() or "job" in st.query_params):  # fmt: skip
        pictures.own_pictures()


def comparable(judged: list[Run], run: Run) -> list[Run]:
    """Runs judged on the very same pictures."""
    return [one for one in judged if one.dataset_fingerprint == run.dataset_fingerprint]


def headline(best: Run) -> str:
    told = best.figures
    interval = words.interval(told["auc_low"], told["auc_high"])
    return (
        f"The best run on {words.markdown(best.dataset)} has an AUC of "
        f"{words.three_digits(told['auc'])} ({interval}) on {words.count(judged_on(best))} "
        "pictures it never saw." + (" That may be chance." if told["auc_low"] <= 0.5 else "")
    )


def judged_on(run: Run) -> int:
    return run.figures["n_positive"] + run.figures["n_negative"]


def runs_by_auc(judged: list[Run]) -> None:
    st.header("Runs by AUC", anchor=False)
    methods = sorted({METHODS[run.figures["interval"]] for run in judged})
    names = groups(judged)
    newest_first = list(dict.fromkeys(names[run.id] for run in reversed(judged)))
    order = sorted(judged, key=lambda run: (newest_first.index(names[run.id]), -run.figures["auc"]))
    rows = [
        RunRow(
            run=run.id, dataset=names[run.id], auc=run.figures["auc"], low=run.figures["auc_low"],
            high=run.figures["auc_high"], n=judged_on(run), remark=remark(run),
            started=live.when(run.started),
        )
        for run in order
    ]  # fmt: skip
    notes = {names[run.id]: note(run, comparable(judged, run)) for run in judged}
    clicked = evidence.forest(rows, "runs", method=" and ".join(methods), notes=notes)
    if clicked:
        st.switch_page("app_pages/evaluate.py", query_params={"run": clicked})


def groups(judged: list[Run]) -> dict[str, str]:
    """For each run the name its pictures go by; replaced pictures are told apart."""
    there = {(one.name, one.fingerprint) for one in state.datasets()}
    names = {}
    for run in judged:
        current = (run.dataset, run.dataset_fingerprint) in there
        older = f"{run.dataset}, earlier pictures {run.dataset_fingerprint[:6]}"
        names[run.id] = run.dataset if current else older
    return names


def note(run: Run, group: list[Run]) -> str:
    n = words.count(judged_on(run))
    if state.dataset_of(run) is None:
        return f"{n} test pictures, no longer stored"
    return (
        f"same {n} test pictures: these may be compared" if len(group) > 1 else f"{n} test pictures"
    )


def remark(run: Run) -> str:
    stopped = ", stopped" if run.status == "stopped" else ""
    return f"{run.image_size} px · {run.config['epochs']} epochs{stopped}"


def runs_under_way(runs: list[Run]) -> None:
    active = live.queue(runs)
    if not active:
        return
    seen = [(run.id, run.status) for run in active]

    def body() -> None:
        now = store.list_runs()
        if [(run.id, run.status) for run in live.queue(now)] != seen:
            st.rerun()
        st.header("Under way", anchor=False)
        for run in live.queue(now):
            with st.container(horizontal=True, vertical_alignment="center"):
                live.link(run)
                live.badge(live.status(run, now))
            stage = live.stage(run, now)
            batch = f" · {stage.batch_line}" if stage.batch_line else ""
            text = stage.says.removesuffix(".") + batch
            st.progress(stage.done, text=words.markdown(text))

    state.poll(body, active=True)


def runs_without_figures(runs: list[Run]) -> None:
    """Failed, lost and stopped runs, the newest three, each with its reason."""
    ended = [run for run in runs if not run.active and (not run.judged or run.error)]
    if not ended:
        return
    st.header("Ended without a result", anchor=False)
    for run in ended[:-4:-1]:
        with st.container(horizontal=True, vertical_alignment="center"):
            live.link(run)
            live.badge(run.status)
        st.caption(words.markdown(live.why(run)))
    if len(ended) > 3:
        st.caption(f"… and {len(ended) - 3:,} older ones; `python -m engine runs` lists all.")


def datasets_there(runs: list[Run]) -> None:
    st.header("Datasets", anchor=False)
    rows = [
        {
            "dataset": one.name,
            "pictures": words.count(one.size),
            "classes": " / ".join(one.class_names),
            "pixels": str(one.image_size),
            "refused": words.count(one.refused),
            "runs": str(sum(trained_on(run, one) for run in runs)),
            "fingerprint": one.fingerprint[:12],
        }
        for one in state.datasets()
    ]
    st.dataframe(rows, hide_index=True, row_height=34, alt="Datasets of this workspace")


def trained_on(run: Run, dataset: Dataset) -> bool:
    """By name as well: the same pictures may stand under two names."""
    return (run.dataset, run.dataset_fingerprint) == (dataset.name, dataset.fingerprint)


def newest_pictures(run: Run) -> None:
    """The surest right answer of each class and the worst mistake, without any computing."""
    st.header(f"What {run.id} says", anchor=False)
    dataset = state.dataset_of(run)
    if dataset is None:
        st.caption("Its pictures are no longer stored.")
        return
    told = state.predictions(run.id, run.weights_sha256, "test")
    truth, score = told["y_true"], told["y_score"]
    off = np.abs(score - truth)
    picks = [int(np.where(truth == label, off, np.inf).argmin()) for label in (0, 1)]
    picks.append(int(off.argmax()))
    with st.grid(3, min_column_width=100):
        for pick in dict.fromkeys(picks):
            said = int(score[pick] >= THRESHOLD)
            sure = score[pick] if said else 1 - score[pick]
            names = [words.plain(name, 16) for name in run.class_names]
            says = f"says {names[said]}, {sure:.2f}"
            with st.container(gap="xsmall"):
                st.image(
                    np.array(dataset.images[told["indices"][pick]]), width="stretch",
                    alt=f"truly {names[truth[pick]]}, {says}",
                )  # fmt: skip
                wrong = said != truth[pick]
                mark = ":red[✗]" if wrong else ":green[✓]"
                truly = words.markdown(f"truly {names[truth[pick]]}")
                st.caption(f"{truly}  \n{mark} {words.markdown(says)}")
    st.page_link(
        "app_pages/explain.py", label="See its heatmaps", icon=":material/center_focus_strong:",
        query_params={"run": run.id},
    )  # fmt: skip


def what_next(runs: list[Run], best: Run) -> list[tuple[str, str, str, dict, str]]:
    """(icon, label, page or "" for this one, query, reason), the most pressing four."""
    judged = [run for run in runs if run.judged]
    told, steps = best.figures, []
    for one in state.datasets():
        if not any(run.dataset_fingerprint == one.fingerprint for run in runs):
            name = words.markdown(one.name, 40)
            reason = f"Its {words.count(one.size)} pictures are ready and no run has learned yet."
            steps.append((":material/model_training:", f"Train on {name}", "app_pages/train.py",
                          {"dataset": one.name}, reason))  # fmt: skip
    width = told["auc_high"] - told["auc_low"]
    if width > WIDE:
        reason = (
            f"{best.id} was judged on {words.count(judged_on(best))}; its interval is "
            f"{width:.2f} wide. Four times as many pictures halve it."
        )
        steps.append((":material/add_photo_alternate:",
                      f"Give {words.markdown(best.dataset, 40)} more pictures",
                      "", {}, reason))  # fmt: skip
    steps.append((":material/center_focus_strong:", f"Look inside {best.id}",
                  "app_pages/explain.py", {"run": best.id},
                  "Is it right for the right reason? Grad-CAM and Score-CAM show where it "
                  "looks."))  # fmt: skip
    wrong = round(judged_on(best) * (1 - told["accuracy"]))
    if wrong:
        reason = (
            f"It takes {words.count(wrong)} of {words.count(judged_on(best))} for the other class "
            "at a threshold of 0.5. Another threshold trades one mistake for the other."
        )
        steps.append((":material/monitoring:", f"Judge the mistakes of {best.id}",
                      "app_pages/evaluate.py", {"run": best.id}, reason))  # fmt: skip
    if only_drawn():
        reason = "Everything here was drawn by the program so far. The upload is below."
        steps.append((":material/add_photo_alternate:", "Bring pictures of your own",
                      "", {}, reason))  # fmt: skip
    elif len(comparable(judged, best)) == 1:
        reason = f"{best.id} is the only run on these pictures, so nothing says what helps."
        steps.append((":material/model_training:", "Train a second run", "app_pages/train.py",
                      {"dataset": best.dataset}, reason))  # fmt: skip
    return steps[:4]


def only_drawn() -> bool:
    return all(one.source == prepare.DRAWN for one in state.datasets())


# --- the page -------------------------------------------------------------------------------------


def machine_line() -> None:
    told = state.machine()
    training = live.queue(store.list_runs())
    parts = [
        words.markdown(told["device"]["name"]) if told else "looking at the device",
        f"{training[0].id} is training" if training else "nothing is training",
        f"{told['free_gb']:,.1f} GB free" if told else "",
        f"workspace {words.markdown(settings().workspace)}",
    ]
    st.caption(" · ".join(part for part in parts if part))


all_runs = store.list_runs()
if any(run.judged for run in all_runs):
    overview(all_runs)
else:
    first_steps.welcome()
    evidence.cards([], key="theme")  # so that a change of theme is noticed
state.poll(machine_line, active=state.machine() is None)
