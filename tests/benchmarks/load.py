"""Many people at one dashboard: how long their clicks take, and whether each sees what is theirs.

    python -m tests.benchmarks.load WORKSPACE [--sessions 20] [--seconds 180] [--training]

The workspace, with a few judged runs and their datasets, is copied, and a dashboard started on it
at a free port of loopback. Every session is a tab of its own (`tests.benchmarks.tab`): first each
goes through all pages at once ("cold": nothing is loaded yet), then each clicks about at random,
2 to 6 seconds after the click before has been answered ("warm"), and with --training so again
while three runs stand in line to train ("beside"). At last they leave and as many new ones come,
make the clicks that were the first ones' first, and leave: what the server has grown by then, with
nothing new to keep for all, is what growth by a session means here.

A click ends when the script that it started has; the pictures of its page are fetched after that.
Of what is asked of Explain, one in ten is Score-CAM, where a last layer has channels few enough for
it to end; all else are methods of a few passes. What Explain showed is compared with what
`engine.commands.explain` makes of the same pictures when the dashboard has ended.
"""

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np

from engine.commands import line
from engine.commands.train import config_for, create_run
from engine.data import dataset as datasets
from engine.runs import store
from engine.workspace import Workspace
from tests.benchmarks import load_pictures
from tests.benchmarks.load_pictures import Asked, Pool, Seen
from tests.benchmarks.tab import Dropped, Tab, opened

THINK = 2.0, 6.0  # seconds between an answer and the next click
RUNS_IN_LINE = 3
PAGES = ("train", "runs", "evaluate", "overview")
KINDS = (
    *PAGES, "evaluate, another run", "evaluate, threshold", "evaluate, a tab",
    "explain, outcomes", "explain, a picture", "explain, a picture", "explain, opacity",
)  # fmt: skip
TABS = "Mistakes", "Precision", "Calibration"
WITH_HEAT = "explain"  # how the kinds of click begin that need heatmaps
LINKS = {
    "evaluate, another run": "Evaluate", "explain, outcomes": "Explain",
    "explain, a picture": "Explain",
}  # fmt: skip
SLOW = 0.1  # of what is asked of Explain


@dataclass
class Told:
    """What happened, of all sessions.

    clicks: kind, phase, seconds. computed: seconds of a core by the server until each moment
    of `memory`. active: the most runs that trained at one moment.
    """

    clicks: list[tuple[str, str, float]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    bad: Counter = field(default_factory=Counter)
    computed: list[float] = field(default_factory=list)
    memory: list[tuple[str, dict[str, float]]] = field(default_factory=list)
    active: int = 0
    phase: str = "cold"


# --- what a person does ---------------------------------------------------------------------------


async def go_through(tab: Tab, pool: Pool, rng, told: Told) -> None:
    """All pages, once."""
    for kind in ("overview", *PAGES, "explain, outcomes", "explain, a picture"):
        await click(tab, kind, pool, rng, told)


async def wander(tab: Tab, pool: Pool, rng, told: Told, until: float) -> None:
    while time.monotonic() < until:
        await asyncio.sleep(rng.uniform(*THINK))
        await click(tab, str(rng.choice(KINDS)), pool, rng, told)


async def click(tab: Tab, kind: str, pool: Pool, rng, told: Told) -> None:
    """One click of that kind, from where the tab is; it is noted with what went wrong."""
    before = len(tab.bad)
    try:
        asked, phase = None, told.phase
        here = titles(tab)
        if kind in LINKS and LINKS[kind] in here:  # a link leads to a page from another one
            await click(tab, "runs", pool, rng, told)
        match kind:
            case "evaluate, another run":
                seconds = await tab.go("evaluate", f"run={rng.choice([*pool.runs])}")
            case "evaluate, threshold" | "evaluate, a tab":
                if "Evaluate" not in here:
                    await click(tab, "evaluate", pool, rng, told)
                if kind == "evaluate, a tab":
                    seconds = await tab.open_tab(tab_label(tab, rng))
                else:
                    seconds = await tab.slide("Threshold", round(rng.uniform(0.1, 0.9), 2))
            case "explain, outcomes":
                quick = "&".join(f"m={method}" for method in load_pictures.FAST[:2])
                seconds = await tab.go("explain", f"run={rng.choice([*pool.runs])}&{quick}")
            case "explain, a picture":
                asked = pool.draw(rng, slow=rng.random() < SLOW)
                kind = "explain, a slow method" if load_pictures.SLOW in asked.methods else kind
                seconds = await tab.go("explain", asked.query)
            case "explain, opacity":
                if "Explain" not in here:
                    await click(tab, "explain, outcomes", pool, rng, told)
                seconds = await tab.slide("Opacity", float(rng.choice(range(50, 75, 5))))
            case _:
                seconds = await tab.go(kind)
        told.clicks.append((kind, phase, seconds))
        told.clicks.append(("pictures of a page", phase, await tab.fetch()))
        if asked:
            look(tab, asked, told)
    except StopIteration:
        told.bad[f"{kind}: what was to be clicked was not there"] += 1
    for sentence in tab.bad[before:]:
        told.bad[f"{kind}: {sentence}"] += 1


def look(tab: Tab, asked: Asked, told: Told) -> None:
    seen, wrong = load_pictures.on_page(tab, asked)
    told.seen += seen
    told.bad.update(wrong)


def titles(tab: Tab) -> list[str]:
    return [one.body for one in tab.of_kind("heading")]


def tab_label(tab: Tab, rng) -> str:
    return str(rng.choice([one for one in tab.tabs() if one.startswith(TABS)]))


# --- the sessions ---------------------------------------------------------------------------------


async def people(base: str, pool: Pool, asked, server: "Server", told: Told) -> None:
    """All that the sessions do, phase by phase."""
    rngs = [np.random.default_rng((7, at)) for at in range(asked.sessions)]
    server.measure("before anybody came", told)
    tell("all go through the pages")
    tabs = [await opened(base) for _ in rngs]
    await together(go_through(tab, pool, rng, told) for tab, rng in zip(tabs, rngs, strict=True))
    server.measure("all have been everywhere", told)
    tell(f"warm, {asked.seconds:.0f} s")
    told.phase = "warm"
    await everybody(tabs, pool, rngs, told, asked.seconds)
    server.measure("after the warm time", told)
    if asked.training:
        tell("beside a training")
        await train(server.workspace, told)
        told.phase = "beside"
        watching = asyncio.create_task(watch(server.workspace, told))
        try:
            await everybody(tabs, pool, rngs, told, asked.seconds)
        finally:
            watching.cancel()
            stop(server.workspace)
        server.measure("after the training", told)
    await together(tab.leave() for tab in tabs)
    tell("as many come and go")
    told.phase = "new"
    server.measure("all have left", told)
    rngs = [np.random.default_rng((7, at)) for at in range(asked.sessions)]  # the same clicks again
    tabs = [await opened(base) for _ in rngs]
    await together(go_through(tab, pool, rng, told) for tab, rng in zip(tabs, rngs, strict=True))
    await together(tab.leave() for tab in tabs)
    server.measure("as many have come and gone", told)


def tell(what: str) -> None:
    print(f"{time.strftime('%X')} {what}", file=sys.stderr, flush=True)


async def everybody(tabs, pool: Pool, rngs, told: Told, seconds: float) -> None:
    until = time.monotonic() + seconds
    await together(wander(tab, pool, rng, told, until) for tab, rng in zip(tabs, rngs, strict=True))


async def together(coroutines) -> None:
    """All at once; who was dropped does not keep the others from going on."""
    for found in await asyncio.gather(*coroutines, return_exceptions=True):
        if isinstance(found, BaseException) and not isinstance(found, Dropped):
            raise found


async def train(workspace: Workspace, told: Told) -> None:
    """Put runs in line, and wait until one of them trains."""
    data = next(one for one in datasets.list_datasets(workspace) if one.name == "drawn")
    config = config_for(data, "quick", epochs=400)
    runs = [create_run(workspace, data.name, config) for _ in range(RUNS_IN_LINE)]
    line.put(workspace, runs)
    while not training(workspace):
        await asyncio.sleep(0.5)


def training(workspace: Workspace) -> list[str]:
    return [run.id for run in store.list_runs(workspace) if run.status == "running"]


async def watch(workspace: Workspace, told: Told) -> None:
    while True:
        told.active = max(told.active, len(training(workspace)))
        await asyncio.sleep(0.5)


def stop(workspace: Workspace) -> None:
    for run in reversed(store.list_runs(workspace)):
        if run.active:
            store.ask_to_stop(run)
    while any(run.active for run in store.list_runs(workspace)):
        time.sleep(0.5)


# --- the server -----------------------------------------------------------------------------------


class Server:
    """A dashboard on a copy of a workspace, from `with` to its end."""

    def __init__(self, workspace: Path, code: Path, scratch: Path):
        self.workspace = Workspace(scratch / "workspace")
        shutil.copytree(workspace, self.workspace.path)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.base, self.code, self._log = f"http://127.0.0.1:{self.port}", code, scratch / "log"

    def __enter__(self) -> "Server":
        told = {
            "CAMSIGHT_WORKSPACE": str(self.workspace.path), "CAMSIGHT_HOST": "127.0.0.1",
            "CAMSIGHT_PORT": str(self.port),
            "CAMSIGHT_REQUESTS_A_MINUTE": "100000",  # all sessions come from one address here
        }  # fmt: skip
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "dashboard"]
            self.process = subprocess.Popen(
                command, cwd=self.code, env=os.environ | told, stdout=log, stderr=log
            )
        until = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"The dashboard did not start:\n{self._log.read_text()}")
            time.sleep(0.2)
        return self

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.base}/_stcore/health").text == "ok"
        except httpx2.TransportError:
            return False

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def measure(self, when: str, told: Told) -> None:
        """Note the memory of the server and of the process that serves models, in MiB."""
        serving = [pid for pid in children(self.process.pid) if "serve-models" in command(pid)]
        of = {"server": [self.process.pid], "models": serving}
        told.memory.append((when, {name: sum(map(resident, pids)) for name, pids in of.items()}))
        told.computed.append(sum(map(computed, of["server"])))


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    direct = [int(one) for path in found for one in path.read_text().split()]
    return direct + [below for one in direct for below in children(one)]


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:  # it has ended
        return ""


def resident(pid: int) -> float:
    """MiB, without the files of the workspace that it has mapped."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(one.split()[1]) for one in lines if one.startswith("RssAnon:")) / 1024


def computed(pid: int) -> float:
    """Seconds of a core that it has taken."""
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


# --- what is said ---------------------------------------------------------------------------------


def say(told: Told, sessions: int, wrong: list[str], far: str) -> None:
    print("| click | phase | n | p50 s | p95 s | most s |\n| --- | --- | --- | --- | --- | --- |")
    phases = list(dict.fromkeys(phase for _, phase, _ in told.clicks))
    kinds = sorted({kind for kind, _, _ in told.clicks})
    plain = [one for one in kinds if not one.startswith((WITH_HEAT, "pictures"))]
    for title, members in [("**a page without heatmaps**", plain), *((k, [k]) for k in kinds)]:
        for phase in phases:
            took = [s for kind, when, s in told.clicks if kind in members and when == phase]
            if took:
                figures = *np.percentile(took, [50, 95]), max(took)
                row = " | ".join(f"{one:.2f}" for one in figures)
                print(f"| {title} | {phase} | {len(took)} | {row} |")
    print("\nmemory in MiB, and seconds of a core that the server has taken:")
    for (when, found), took in zip(told.memory, told.computed, strict=True):
        sizes = ", ".join(f"{name} {size:.0f}" for name, size in found.items())
        print(f"  {when}: {sizes}; {took:.1f} s")
    before, after = (found["server"] for _, found in told.memory[-2:])
    print(f"growth by a session: {(after - before) / sessions:.2f} MiB")
    print(f"most runs that trained at one moment: {told.active}")
    print(f"pictures looked at: {load_pictures.tally(told.seen)}; wrong: {len(wrong)}")
    print(f"  they are {far}")
    for sentence in wrong[:10]:
        print(f"  {sentence}")
    print(f"errors and drops: {sum(told.bad.values())}")
    for sentence, times in told.bad.most_common(20):
        print(f"  {times} × {sentence}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--code", type=Path, default=Path(), help="another checkout to serve")
    asked, told = parser.parse_args(), Told()
    folder = tempfile.TemporaryDirectory(prefix="camsight-load-", ignore_cleanup_errors=True)
    with folder as scratch:
        server = Server(asked.workspace, asked.code.resolve(), Path(scratch))
        pool = Pool(server.workspace)
        with server:
            asyncio.run(people(server.base, pool, asked, server, told))
        (made := Path(scratch) / "made").mkdir()
        wrong, far = load_pictures.wrong_ones(server.workspace, pool, told.seen, made)
        say(told, asked.sessions, wrong, far)
        print(f"\nthe server's log ends with:\n{server.log()[-1500:]}")
    sys.exit(1 if wrong or told.bad or told.active > 1 else 0)


if __name__ == "__main__":
    main()
