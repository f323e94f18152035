"""Files of charts and tables: the numbers as they are, in the colors that are seen."""

import csv
import io
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.parts import charts, downloads


def test_columns_become_a_csv_that_reads_back_to_the_very_numbers():
    columns = {"threshold": np.array([np.inf, 0.1 + 0.2]), 'a "name",': np.array([1, 2])}
    rows = list(csv.DictReader(io.StringIO(downloads.written(columns))))
    assert [float(row["threshold"]) for row in rows] == [np.inf, 0.1 + 0.2]
    assert [row['a "name",'] for row in rows] == ["1", "2"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chart_as_html_needs_no_network_and_has_the_colors_of_the_theme(theme):
    figure = charts.learning_rate([0.1, 0.01])
    page = downloads.figure_html(figure, "It falls from <0.1> & on.", theme)
    assert "<p>It falls from &lt;0.1&gt; &amp; on.</p>" in page
    assert not re.search(r'<script[^>]+src="', page)
    drawn = page[page.index("Plotly.newPlot(") :]
    assert not re.search("#0000[0-9]{2}", drawn)
    accent = {"light": "#0B6B60", "dark": "#45BDAE"}[theme]
    assert accent in drawn


def test_a_table_as_html_holds_names_as_text():
    page = downloads.table_html("Numbers", {"Class": ["<script>alert(1)</script>"], "n": [3]})
    assert "<script>" not in page
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td><td>3</td>" in page


@pytest.mark.parametrize(
    ("text", "name"),
    [("quick-1-test-roc", "quick-1-test-roc"), ("a/../b c$", "a-b-c"), ("猫", "camsight")],
)
def test_a_file_is_named_by_what_any_disk_takes(text, name):
    assert downloads.file_name(text) == name


def test_a_table_is_shown_under_its_heading_with_a_button_for_its_files():
    def page():
        from dashboard.parts import downloads

        downloads.table("*Numbers*", {"Figure": ["a_b*"], "n": [3]}, "numbers", "quick-1-numbers")

    at = AppTest.from_function(page, default_timeout=30).run()
    assert not at.exception
    assert at.markdown[0].value == "## \\*Numbers\\*"
    assert at.table[0].value["Figure"].tolist() == ["a\\_b\\*"]
    assert at.get("download_button") == []  # until somebody opens it


def test_the_browser_half_makes_text_nodes_only():
    script = (downloads._HERE / "downloads.js").read_text(encoding="utf-8")
    for way_in in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way_in not in script
