"""Value, interval, method and n stand on the page together; asserted without a browser."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts import evidence
from dashboard.parts.evidence import Card, Track

SOURCE = Path(evidence.__file__).parent


def drawn(page) -> list[dict]:
    """What each evidence element of a page was given to draw."""
    at = AppTest.from_function(page, default_timeout=30).run()
    assert not at.exception, at.exception
    return [json.loads(element.proto.json) for element in at.get("bidi_component")]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.962, 0.974, (0.9, 1)),
        (0.9, 1, (0.9, 1)),
        (0.893, 0.918, (0.8, 1)),
        (0.681, 0.726, (0.5, 1)),
        (0.47, 0.6, (0, 1)),
        (0, 0.1, (0, 1)),
    ],
)
def test_scale_is_the_narrowest_that_holds_the_interval(low, high, expected):
    assert evidence.scale(low, high) == expected


def test_track_is_none_where_no_interval_exists():
    assert evidence.track(float("nan"), float("nan"), float("nan")) is None
    assert evidence.track(0.97, 0.96, 0.98) == Track(0.97, 0.96, 0.98, 0.9, 1.0)


def test_cards_carry_value_interval_method_and_n_in_one_mount():
    def page():
        from dashboard import words
        from dashboard.parts import evidence
        from dashboard.parts.evidence import Card

        line = words.evidence_line(words.interval(0.95, 0.97), "Hanley-McNeil", 2000)
        auc = Card("AUC", "0.960", line, "0.5 is chance", evidence.track(0.96, 0.95, 0.97))
        kept = Card("Pictures kept", "9,997", "of 10,000 files · fingerprint 3f9a")
        evidence.cards([auc, kept], key="cards")

    (data,) = drawn(page)
    auc, kept = data["cards"]
    assert data["kind"] == "cards"
    assert (auc["label"], auc["remark"], auc["value"]) == ("AUC", "0.5 is chance", "0.960")
    assert auc["interval"] == "95% 0.950–0.970"
    assert auc["evidence"] == " · Hanley-McNeil · n\u00a0=\u00a02,000"
    assert auc["track"]["ends"] == ["0.9", "1"]
    assert [auc["track"][k] for k in ("low", "value", "high")] == pytest.approx([0.5, 0.6, 0.7])
    assert auc["track"]["reference"] is None
    assert kept["track"] is None
    assert (kept["interval"], kept["evidence"]) == ("", "of 10,000 files · fingerprint 3f9a")


@pytest.mark.parametrize(
    ("line", "strong"),
    [
        ("99.9% 0.5–0.7 · Newcombe", "99.9% 0.5–0.7"),
        ("95% at least 0.912 · DeLong", "95% at least 0.912"),
        ("95% −0.004 to +0.022 · paired", "95% −0.004 to +0.022"),
        ("12% of cats · 7 in all", ""),
    ],
)
def test_an_interval_of_any_level_and_side_is_set_apart_from_where_it_comes_from(line, strong):
    card = evidence._card(Card("a", "b", line))
    assert card["interval"] == strong
    assert card["interval"] + card["evidence"] == line


def test_a_track_of_rates_ends_in_percent_and_never_leaves_its_scale():
    card = evidence._card(Card("a", "b", track=Track(0.4, -0.2, 1.4, 0, 1, percent=True)))
    assert card["track"]["ends"] == ["0%", "100%"]
    assert (card["track"]["low"], card["track"]["high"]) == (0, 1)
    difference = evidence.positions(Track(0.018, 0.01, 0.027, -0.05, 0.05, reference=0))
    assert difference["ends"] == ["\u22120.05", "0.05"]
    assert difference["reference"] == pytest.approx(0.5)


def test_a_name_that_could_break_the_page_arrives_as_one_clean_line():
    card = evidence._card(Card("a\n<b>", "x\u202e", "broken \udcff"))
    assert card["label"] == "a <b>"
    assert card["value"] == "x"
    json.dumps(card, ensure_ascii=False).encode()


def test_forest_groups_runs_by_dataset_on_one_scale():
    def page():
        import streamlit as st

        from dashboard.parts import evidence
        from dashboard.parts.evidence import RunRow

        rows = [
            RunRow("quick-2", "drawn", 0.97, 0.951, 0.982, 400, "seed 1", "today 09:41"),
            RunRow("classic-1", "photos", 0.907, 0.893, 0.918, 2000),
            RunRow("quick-1", "drawn", 0.929, 0.848, 0.968, 80),
        ]
        notes = {"drawn": "drawn by the program"}
        clicked = evidence.forest(rows, "runs", method="Hanley-McNeil", notes=notes)
        st.write(f"clicked {clicked}")

    (data,) = drawn(page)
    assert data["head"] == "AUC with 95% interval (Hanley-McNeil)"
    assert data["ends"] == ["0.8", "1"]
    assert [(g["name"], g["note"]) for g in data["groups"]] == [
        ("drawn", "drawn by the program"),
        ("photos", ""),
    ]
    assert [r["id"] for r in data["groups"][0]["rows"]] == ["quick-2", "quick-1"]
    best = data["groups"][0]["rows"][0]
    assert (best["auc"], best["bounds"], best["n"]) == ("0.970", "0.951–0.982", "400")
    assert (best["remark"], best["started"]) == ("seed 1", "today 09:41")
    assert best["track"]["value"] == pytest.approx(0.85)
    assert all(r["track"]["ends"] == ["0.8", "1"] for g in data["groups"] for r in g["rows"])
    at = AppTest.from_function(page, default_timeout=30).run()
    assert at.markdown[0].value == "clicked None"


def test_forest_draws_chance_where_the_scale_reaches_below_it():
    row = evidence.RunRow("a-1", "d", 0.5, 0.4, 0.6, 20)
    assert evidence._run_row(row, 0.0, 1.0)["track"]["reference"] == 0.5
    assert evidence._run_row(row, 0.5, 1.0)["track"]["reference"] is None


def test_no_runs_draw_no_table():
    def page():
        from dashboard.parts import evidence

        assert evidence.forest([], "runs") is None

    assert drawn(page) == []


def test_matrix_shares_are_of_the_true_class():
    def page():
        from dashboard.parts import evidence

        evidence.confusion_matrix(924, 76, 112, 888, ("cat", "dog"), key="m", chosen="fp")

    (data,) = drawn(page)
    cats, dogs = data["rows"]
    assert (cats["name"], dogs["name"], data["names"]) == ("cat", "dog", ["cat", "dog"])
    assert [c["count"] for c in cats["cells"] + dogs["cells"]] == ["924", "76", "112", "888"]
    assert [c["percent"] for c in cats["cells"]] == ["92.4%", "7.6%"]
    assert [c["says"] for c in cats["cells"]] == ["cat, right", "cat taken for dog"]
    assert [c["says"] for c in dogs["cells"]] == ["dog taken for cat", "dog, right"]
    pressed = [c["id"] for row in data["rows"] for c in row["cells"] if c["pressed"]]
    assert pressed == ["fp"]
    assert data["choose"] is True


def test_matrix_of_a_class_without_pictures_divides_by_nothing():
    def page():
        from dashboard.parts import evidence

        evidence.confusion_matrix(0, 0, 1, 3, ("猫", "犬"), key="m", choose=False)

    (data,) = drawn(page)
    assert [c["percent"] for c in data["rows"][0]["cells"]] == ["–", "–"]
    assert data["rows"][1]["cells"][0]["says"] == "犬 taken for 猫"
    assert data["choose"] is False


def test_the_browser_half_makes_text_nodes_only():
    script = (SOURCE / "evidence.js").read_text(encoding="utf-8")
    for way_in in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way_in not in script


def test_the_style_sheet_takes_every_color_from_the_theme():
    style = (SOURCE / "evidence.css").read_text(encoding="utf-8")
    assert "#" not in style
    assert "rgb(" not in style
