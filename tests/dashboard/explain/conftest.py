"""A run of three classes that was not trained, and Explain opened on it."""

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import state
from dashboard.parts import links
from engine import files
from engine.runs import store
from engine.runs.record import Run
from tests.dashboard import pages


@pytest.fixture(scope="session")
def with_weights() -> Callable[[Run], Run]:
    """`with_weights(run)`: the run with a network that has learned nothing, which makes heat."""

    def give(run: Run) -> Run:
        from engine.models.build import build, spatial_layers

        model = build(run.preset, run.image_size, len(run.class_names), l2=run.config["l2"])
        model.save_weights(run.folder / "best.weights.h5")
        sha = files.sha256(run.folder / "best.weights.h5")
        return store.save(run, weights_sha256=sha, layers=tuple(spatial_layers(model)))

    return give


@pytest.fixture(scope="session")
def untrained_run(tmp_path_factory, add_many, with_weights) -> Run:
    """A run of cat, dog and fox that has learned nothing."""
    return with_weights(add_many(tmp_path_factory.mktemp("untrained"), ("cat", "dog", "fox")))


@pytest.fixture
def untrained(untrained_run, use_workspace) -> Run:
    """That run in the workspace of this process, and no heatmap kept of it."""
    use_workspace(untrained_run.folder.parents[1])
    st.cache_data.clear()
    state.kept.clear()
    yield untrained_run
    st.cache_data.clear()
    state.kept.clear()


@pytest.fixture
def open_untrained(untrained) -> Callable[..., AppTest]:
    """A function that opens Explain of that run, at one picture unless `pics` says otherwise."""
    picture = store.predictions(untrained, "test")["picture"][0][:16]

    def opened(**query) -> AppTest:
        return pages.opened(links.EXPLAIN, **{"pics": picture} | query)

    return opened
