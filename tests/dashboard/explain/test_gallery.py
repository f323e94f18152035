"""What Explain draws, and how much of it is kept."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from dashboard import state
from dashboard.explain import gallery, heat
from dashboard.explain.gallery import Look
from dashboard.explain.options import Options
from dashboard.explain.pictures import Picture
from engine.cam.heatmaps import Heatmaps
from engine.cam.methods import METHODS, Cost

PIXELS = np.full((64, 64, 3), 128, np.uint8)


def picture(name: str = "a.png", score: float = 0.11) -> Picture:
    return Picture(name, PIXELS, 1, np.array([1 - score, score]), id=name)


def run(class_names=("cat", "dog")):
    return SimpleNamespace(class_names=class_names, weights_sha256="w", image_size=64)


def test_drawn_heatmaps_are_bounded_by_their_bytes(monkeypatch):
    """Two thousand of them were a gigabyte."""
    kept = state.Kept(100_000)
    monkeypatch.setattr(state, "kept", lambda: kept)
    warm = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    looks = [Look("overlay", "inferno", step / 20, "even") for step in range(20)]
    sizes = [len(gallery.shown(("key",), look, PIXELS, warm)) for look in looks]
    assert sum(sizes) > 100_000 >= kept._bytes
    assert kept._bytes == sum(sizes[-len(kept._kept) :])


def test_a_kept_drawing_is_that_of_the_same_heat_and_look(monkeypatch):
    kept = state.Kept(2**24)
    monkeypatch.setattr(state, "kept", lambda: kept)
    cold, hot = np.zeros((64, 64), np.float32), np.ones((64, 64), np.float32)
    overlay, alone = (
        Look("overlay", "inferno", 0.8, "even"),
        Look("heatmap", "inferno", 0.8, "even"),
    )
    first = gallery.shown(("cold",), overlay, PIXELS, cold)
    assert gallery.shown(("hot",), overlay, PIXELS, hot) != first
    assert gallery.shown(("cold",), alone, PIXELS, cold) != first
    assert gallery.shown(("cold",), overlay, PIXELS, cold) is first
    pixels = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(pixels.astype(int) - gallery.drawn(overlay, PIXELS, cold)).max() <= 3


def wish(**known) -> heat.Wish:
    options = {"layer": "conv", "target": heat.SAID, "methods": ("grad-cam",)}
    return heat.Wish(run(), **options | known)


def key(method: str = "grad-cam", **known) -> tuple:
    return wish(**known).key(picture(), method)


def test_heat_is_kept_by_picture_model_layer_method_target_and_options():
    assert key()[:4] == ("a.png", 0, "w", 64)
    options = [
        Options(also=("stem",)), Options(also=("stem",), combine="max"), Options(flips=True),
        Options(score="probability"), Options(eigen=True),
    ]  # fmt: skip
    keys = {
        key(), key("score-cam"), key(layer="stem"), key(target="dog"),
        *(key(options=one) for one in options),
    }  # fmt: skip
    assert len(keys) == 4 + len(options)


def test_what_a_method_does_not_look_at_does_not_make_its_map_anew(monkeypatch):
    whole = replace(METHODS["grad-cam"], name="whole", layers="none", score="")
    monkeypatch.setitem(METHODS, "whole", whole)
    assert key("whole") == key("whole", layer="stem")
    assert key("whole") == key("whole", options=Options(also=("stem",), combine="max"))
    assert key("whole") == key("whole", options=Options(score="probability"))
    assert key("grad-cam") == key("grad-cam", options=Options(score="logit"))  # its own


def test_a_method_of_several_layers_takes_those_that_were_named_or_its_own(monkeypatch):
    deep = replace(METHODS["grad-cam"], name="deep", layers="several")
    monkeypatch.setitem(METHODS, "deep", deep)
    assert wish().asked("deep")["layer"] is None
    assert wish(options=Options(also=("stem",))).asked("deep")["layer"] == ("conv", "stem")
    assert wish(options=Options(also=("stem",))).asked("grad-cam")["layer"] == ("conv", "stem")
    assert wish().asked("grad-cam")["layer"] == "conv"


def test_truth_and_answer_are_in_words_with_the_probability_of_what_it_says():
    said = gallery.verdict(run(), picture())
    assert said == "✗ truly :blue[**dog**], says :orange[**cat**] 0.89"
    own = Picture("mine.png", PIXELS, None, np.array([0.3, 0.7]), "mine")
    assert gallery.verdict(run(("<b>", "a*b")), own) == "says :blue[**a\\*b**] 0.70"


def test_progress_counts_the_slow_maps_alone_and_each_by_its_passes(monkeypatch):
    said = []
    dear = replace(METHODS["score-cam"], name="dear", cost=Cost(per_channel=3))
    monkeypatch.setitem(METHODS, "dear", dear)
    methods = ["grad-cam", "score-cam", "dear"]
    pace = heat.Pace(methods, lambda share, text: said.append((share, text)))
    pace.tell(0, 1, 1)
    assert said == []
    pace.tell(2, 1, 2)
    ((share, text),) = said
    assert text.startswith("Score-CAM, map 2 of 2, about ")
    assert share == pytest.approx((257 + 769 / 2) / (257 + 769))
    quick = heat.Pace(["grad-cam", "grad-cam"], lambda share, text: said.append((share, text)))
    quick.tell(1, 1, 1)
    assert said[-1][0] == 1


def test_a_map_that_waits_says_behind_how_many_and_one_that_has_begun_no_time():
    said = []
    pace = heat.Pace(["grad-cam", "score-cam"], lambda share, text: said.append((share, text)))
    pace.wait(1, 3)
    pace.wait(0, 1)
    pace.tell(1, 0, 128)
    assert said == [
        (0, "Score-CAM waits behind 3 others"), (0, "Grad-CAM waits behind 1 other"),
        (0, "Score-CAM, map 1 of 1"),
    ]  # fmt: skip


# --- what stands under a map ----------------------------------------------------------------------


def found(method: str = "grad-cam", **known) -> Heatmaps:
    raw = np.array([[[-0.5, 1.0], [2.0, 0.0]]], np.float32)
    facts = {"layer": "conv", "seconds": 0.2, "notes": ("",), "engine": "TensorFlow, float32"}
    scores = np.array([0.11], np.float32)
    return Heatmaps(raw, np.maximum(raw, 0) / 2, scores, method=method, **facts | known)


def test_notes_errors_and_who_computed_stand_under_a_map(monkeypatch):
    (plain,) = gallery.below(wish(target="dog"), picture(), found())
    assert plain == "probability of dog 0.110 · raw map −0.5 to 2"
    told = found(
        notes=("The heat lies on the picture's border.",),
        error=np.array([[[0.0, 0.06], [0.01, 0.0]]], np.float32),
        engine="OpenVINO 2026.4, bfloat16",
    )
    lines = gallery.below(wish(), picture(), told)
    assert lines[0] == "**The heat lies on the picture's border.**"
    assert "95% error at most ± 0.06 (3% of the maximum)" in lines
    assert lines[-1] == "computed by OpenVINO 2026.4, bfloat16"


def test_a_map_says_which_layers_it_is_of_where_it_is_not_the_one_chosen(monkeypatch):
    several = gallery.below(
        wish(options=Options(also=("stem",))), picture(), found(layer="conv + stem")
    )
    assert several[-1] == "layers: conv + stem"
    whole = replace(METHODS["grad-cam"], name="whole", layers="none")
    monkeypatch.setitem(METHODS, "whole", whole)
    assert gallery.below(wish(), picture(), found("whole", layer=""))[-1] == (
        "of the whole network, whatever the layer"
    )


# --- what it costs --------------------------------------------------------------------------------


def test_the_cost_is_told_in_passes_then_for_this_layer_and_in_seconds_once_timed(monkeypatch):
    kept = state.Kept(2**20)
    monkeypatch.setattr(state, "kept", lambda: kept)
    assert heat.costs(wish(), "grad-cam") == "1 pass forward, 1 back"
    assert heat.costs(wish(), "score-cam") == "1 pass forward and 1 for each channel"
    kept.put(("channels", "w"), {"conv": 192}, 1)
    assert heat.costs(wish(), "score-cam") == "193 passes forward"
    for seconds in (9.0, 1.3, 2.0):
        heat._time(wish(), "score-cam", seconds)
    assert heat.costs(wish(), "score-cam") == "193 passes forward, 1.3 s here"
    assert heat.costs(wish(layer="stem"), "score-cam") == "1 pass forward and 1 for each channel"
    both = Options(also=("stem",), flips=True)
    assert heat.costs(wish(options=both), "grad-cam") == "4 × (1 pass forward, 1 back)"
    rough = replace(METHODS["grad-cam"], name="rough", cost=Cost(40), exact=False)
    monkeypatch.setitem(METHODS, "rough", rough)
    assert heat.costs(wish(), "rough") == "40 passes forward, approximate"


@pytest.mark.parametrize("name", ["eigen-cam", "kpca-cam", "fem"])
def test_a_map_that_knows_no_class_speaks_for_none(name):
    """Heat that is the same for every class stood there as what speaks for Dog."""
    (line,) = gallery.below(wish(target="dog"), picture(), found(name))
    assert line == "the same for every class · raw map −0.5 to 2"
    assert key(name, target="dog") == key(name, target="cat")
    assert key("sess", target="dog") != key("sess", target="cat")


@pytest.mark.parametrize("name", ["random", "center", "edges"])
def test_a_control_that_has_seen_no_network_says_so(name):
    lines = gallery.below(wish(target="dog"), picture(), found(name, layer=""))
    assert lines == ["the same for every class · raw map −0.5 to 2", "looks at no network"]


def test_the_scale_speaks_for_a_class_where_the_methods_do():
    assert gallery._meaning(wish(target="dog")) == "hot places speak for dog, cold ones do not"
    mixed = gallery._meaning(wish(target="dog", methods=("grad-cam", "eigen-cam")))
    assert mixed == "hot places speak for dog where the method asks for a class"
    assert "dog" not in gallery._meaning(wish(target="dog", methods=("eigen-cam", "edges")))


def test_several_layers_give_a_joined_map_and_no_raw_one():
    several = wish(options=Options(also=("stem",)))
    assert "· joined map " in gallery.below(several, picture(), found())[0]
    assert "· raw map " in gallery.below(several, picture(), found("winsor-cam"))[0]
    assert "· raw map " in gallery.below(several, picture(), found("edges", layer=""))[0]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(2.09e-05, 1, "0 to 1"), (-0.0004, 0.5, "0 to 0.5"), (-0.0651, 0.43, "−0.0651 to 0.43"),
     (-3, 0.001, "−3 to 0"), (15, 302, "15 to 302"), (2e-5, 4e-5, "2e−05 to 4e−05"),
     (0, 0, "0 to 0")],
)  # fmt: skip
def test_an_end_of_the_range_that_nobody_could_see_is_zero(low, high, said):
    assert gallery.range_of(low, high) == said


# --- what a method looks at -----------------------------------------------------------------------


def test_a_choice_that_a_method_does_not_look_at_leaves_its_map_as_it_is():
    eigen, rounded = Options(eigen=True), Options(precision="auto")
    for name in ("eigen-cam", "kpca-cam", "eigengrad-cam", "rise", "edges", "fullgrad"):
        assert key(name) == key(name, options=eigen), name
    for name in ("grad-cam", "eigen-cam", "opti-cam", "fullgrad", "lift-cam", "edges"):
        assert key(name) == key(name, options=rounded), name
    for name in ("score-cam", "ablation-cam", "group-cam", "sess", "rise"):
        assert key(name) != key(name, options=rounded), name
    assert key("fem") != key("fem", options=eigen)


def test_sess_is_asked_for_the_score_that_was_chosen():
    """Its own is that of the method which it wraps, and not none."""
    assert wish().asked("sess")["score"] is None
    assert wish(options=Options(score="logit")).asked("sess")["score"] == "logit"
    scores = [key("sess", options=Options(score=one)) for one in ("", "logit", "probability")]
    assert len(set(scores)) == 3
    assert wish(options=Options(score="logit")).asked("eigen-cam")["score"] is None
