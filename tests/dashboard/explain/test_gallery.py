"""What Explain draws, and how much of it is kept."""

from types import SimpleNamespace

import numpy as np

from dashboard import state
from dashboard.explain import gallery, heat
from dashboard.explain.gallery import Look
from dashboard.explain.pictures import Picture

PIXELS = np.full((64, 64, 3), 128, np.uint8)


def picture(name: str = "a.png", score: float = 0.11) -> Picture:
    return Picture(name, PIXELS, 1, np.array([1 - score, score]), id=name)


def run(class_names=("cat", "dog")):
    return SimpleNamespace(class_names=class_names, weights_sha256="w", image_size=64)


def test_drawn_heatmaps_are_bounded_by_their_bytes(monkeypatch):
    """Two thousand of them were a gigabyte."""
    kept = state.Kept(3 * gallery.SHOWN**2 * 4)  # four drawn pictures
    monkeypatch.setattr(state, "kept", lambda: kept)
    warm = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    for step in range(20):
        gallery._drawn(("key",), Look("overlay", "inferno", step / 20, "even"), PIXELS, warm)
    assert kept._bytes == 3 * gallery.SHOWN**2 * 4
    assert len(kept._kept) == 4


def test_a_kept_drawing_is_that_of_the_same_heat_and_look(monkeypatch):
    kept = state.Kept(2**24)
    monkeypatch.setattr(state, "kept", lambda: kept)
    cold, hot = np.zeros((64, 64), np.float32), np.ones((64, 64), np.float32)
    overlay, alone = (
        Look("overlay", "inferno", 0.8, "even"),
        Look("heatmap", "inferno", 0.8, "even"),
    )
    first = gallery._drawn(("cold",), overlay, PIXELS, cold)
    assert (gallery._drawn(("hot",), overlay, PIXELS, hot) != first).any()
    assert (gallery._drawn(("cold",), alone, PIXELS, cold) != first).any()
    assert gallery._drawn(("cold",), overlay, PIXELS, cold) is first


def test_heat_is_kept_by_picture_model_layer_method_and_target():
    wish = heat.Wish(run(), "conv", heat.SAID, ("grad-cam",))
    assert wish.key(picture(), "grad-cam") == ("a.png", "w", 64, "conv", "grad-cam", 0)
    dog = heat.Wish(run(), "conv", "dog", ("grad-cam",))
    assert dog.key(picture(), "grad-cam")[-1] == 1


def test_truth_and_answer_are_in_words_with_the_probability_of_what_it_says():
    said = gallery.verdict(run(), picture())
    assert said == "✗ truly :blue[**dog**], says :orange[**cat**] 0.89"
    own = Picture("mine.png", PIXELS, None, np.array([0.3, 0.7]), "mine")
    assert gallery.verdict(run(("<b>", "a*b")), own) == "says :blue[**a\\*b**] 0.70"


def test_progress_counts_the_slow_maps_alone():
    said = []
    pace = heat.Pace(["grad-cam", "score-cam", "score-cam"], lambda share, text: said.append(text))
    pace.tell(0, 1, 1)
    assert said == []
    pace.tell(2, 1, 2)
    assert said[0].startswith("Score-CAM, picture 2 of 2, about ")
