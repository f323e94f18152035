"""Names and numbers as a person reads them."""

import pytest

from dashboard import words


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.968, "0.968"), (1, "1.000"), (-0.0041, "−0.004"), (None, "–"), (float("nan"), "–")],
)
def test_three_digits(value, written):
    assert words.three_digits(value) == written


@pytest.mark.parametrize(
    ("value", "written"), [(0.906, "90.6%"), (1, "100.0%"), (0, "0.0%"), (float("nan"), "–")]
)
def test_percent(value, written):
    assert words.percent(value) == written


def test_interval_joins_with_an_en_dash():
    assert words.interval(0.962, 0.974) == "95% 0.962\u20130.974"
    assert words.interval(0.892, 0.918, words.percent) == "95% 89.2\u201391.8%"


def test_an_interval_says_its_level_and_a_bound_on_one_side_stands_alone():
    assert words.interval(0.962, 0.974, sure=0.9) == "90% 0.962\u20130.974"
    assert words.interval(0.962, 1.0, sure=0.975, side="lower") == "97.5% at least 0.962"
    assert words.interval(0.0, 0.974, words.percent, side="upper") == "95% at most 97.4%"


def test_pictures_of_fewer_subjects_say_both_where_n_stands():
    assert words.size(1204, subjects=310) == "310 subjects, 1,204 pictures"
    assert words.evidence_line("", "Wilson", 9, "dogs", subjects=1) == "Wilson · 1 subject, 9 dogs"


def test_an_interval_that_is_not_defined_is_not_written_as_numbers():
    assert words.interval(float("nan"), 1) == "95% –"


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0.00 s"),
        (0.0001, "1 ms"),
        (0.0094, "9 ms"),
        (0.0096, "0.01 s"),
        (0.02, "0.02 s"),
        (0.996, "1.0 s"),
        (1.3, "1.3 s"),
        (9.96, "10 s"),
        (58, "58 s"),
        (59.6, "1 min 00 s"),
        (241, "4 min 01 s"),
        (864, "14 min 24 s"),
        (3599.7, "1 h 00 min"),
        (7920, "2 h 12 min"),
        (None, "–"),
    ],
)
def test_duration(seconds, written):
    assert words.duration(seconds) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.2, "1 s"),
        (22.4, "22 s"),
        (340, "6 min"),
        (864, "14 min"),
        (7100, "2 h"),
        (7920, "2 h 10 min"),
    ],
)
def test_an_estimate_is_no_finer_than_it_can_be_known(seconds, written):
    assert words.about(seconds) == written


def test_count_and_speed():
    assert words.count(2000) == "2,000"
    assert words.speed(226.4) == "226 pictures/s"
    assert words.speed(1.44) == "1.4 pictures/s"


def test_evidence_line_never_breaks_inside_n():
    line = words.evidence_line(words.interval(0.962, 0.974), "DeLong-logit", 2000)
    assert line == "95% 0.962–0.974 · DeLong-logit · n\u00a0=\u00a02,000"
    assert words.evidence_line("", "Wilson", 1000, "dogs") == "Wilson · n\u00a0=\u00a01,000 dogs"


@pytest.mark.parametrize(
    ("name", "many"),
    [
        ("cat", "cats"),
        ("Dog", "Dogs"),
        ("fox", "foxes"),
        ("finch", "finches"),
        ("pony", "ponies"),
        ("donkey", "donkeys"),
        ("cats", "cats"),
        ("mouse", "mice"),
        ("Person", "People"),
        ("healthy", "healthy"),
        ("Cancer", "Cancer"),
        ("golden retriever", "golden retriever"),
        ("犬", "犬"),
        ("猫 cat", "猫 cat"),
        ("type 2", "type 2"),
        ("class_b", "class_b"),
        ("", ""),
    ],
)
def test_only_a_known_noun_has_a_plural(name, many):
    assert words.plural(name) == many


def test_words_for_rates_come_from_the_class_names():
    assert words.found("dog") == "dogs found"
    assert words.found("healthy") == "healthy found"
    assert words.taken("cat", "dog") == "cats taken for dogs"
    assert words.taken("healthy", "cancer") == "healthy taken for cancer"
    assert words.taken("猫", "犬") == "猫 taken for 犬"
    assert words.mistakes(1, "cat", "dog") == "1\u00a0cat taken for dog"
    assert words.mistakes(1200, "cat", "dog") == "1,200\u00a0cats taken for dogs"


def test_a_number_beside_a_class_is_its_probability():
    assert words.says("cat", 0.894) == "says cat 0.89"


def test_classes_are_named_up_to_four_and_then_counted():
    assert words.classes(("cat", "dog")) == "cat and dog"
    assert words.classes(("a", "b", "c", "d")) == "a, b, c and d"
    assert words.classes([str(at) for at in range(37)]) == "37 classes"
    assert words.listed(["Newcombe"]) == "Newcombe"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.5, "0.50"),
        (0, "0.00"),
        (1, "1.00"),
        (0.29, "0.29"),
        (0.4287, "0.429"),
        (0.00256, "0.00256"),
        (0.99744, "0.99744"),
        (1e-12, "1e-12"),
        (float("nan"), "–"),
    ],
)
def test_a_threshold_is_rounded_but_never_to_what_it_is_not(value, written):
    assert words.threshold(value) == written


def test_plain_is_one_line_that_a_browser_can_send():
    assert words.plain("a\n  b\tc") == "a b c"
    assert words.plain("gpj\u202e.exe") == "gpj.exe"
    words.plain("broken \udcff name").encode()
    assert words.plain("x\x00y") == "x\ufffdy"
    assert words.plain("a" * 30, longest=10) == "a" * 9 + "…"


def test_ordinary_names_stay_readable_in_markdown():
    for name in ("dogs-vs-cats", "cat.0.jpg", "quick-1", "犬", "Müller (2)", ""):
        assert words.markdown(name) == name


@pytest.mark.parametrize("character", list("\\`*_[]<>$:~|&#"))
def test_every_character_of_markdown_is_escaped(character):
    assert "\\" + character in words.markdown(f"a{character}b")


@pytest.mark.parametrize(
    ("name", "safe"), [("- x", "\\- x"), ("+ x", "\\+ x"), ("1. x", "1\\. x"), ("12) x", "12\\) x")]
)
def test_no_name_starts_a_list(name, safe):
    assert words.markdown(name) == safe


@pytest.mark.parametrize(
    ("name", "token"),
    [
        (":material/home:", ":material"),
        ("https://evil.example", "://"),
        ("www.evil.example", "www."),
        ("me@evil.example", "@evil"),
        ("a -> b", "->"),
    ],
)
def test_what_streamlit_reads_after_the_escapes_is_parted(name, token):
    rendered = words.markdown(name).replace("\\", "")
    assert token not in rendered
    assert rendered.replace("\u2060", "") == name


def test_plotly_shows_tags_and_templates_as_text():
    assert words.plotly("<b>x</b> & y") == "&lt;b&gt;x&lt;/b&gt; &amp; y"
    assert "%{" not in words.plotly("%{x}")
    assert "$" not in words.plotly("$a$")
