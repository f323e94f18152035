"""The pages by axe-core's rules (WCAG 2.2 A and AA, good practice), in light, dark, on a phone."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.still import be_still

pytestmark = pytest.mark.browser
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# What axe finds in Streamlit's own markup, by rule and selector; nothing of ours may stand here.
STREAMLITS = {
    # The area one drops files on is presentational, yet has a name and a tabindex of -1. What the
    # keyboard and a screen reader use is the button in it.
    "presentation-role-conflict": "section[data-testid=stFileUploaderDropzone]",
}

FILLED = {
    "": lambda page: page.get_by_role("heading", name="What to do next"),
    "train": lambda page: page.get_by_role("button", name="Start training", disabled=False),
    "runs?runs=quick-1": lambda page: page.get_by_role("link", name="Train again with changes"),
    "evaluate?run=quick-1": lambda page: page.get_by_role("link", name="Explain").nth(1),
    "evaluate?of=file": lambda page: page.get_by_role("button", name="An example"),
    "explain?run=quick-1": lambda page: page.get_by_role("img", name=re.compile("-CAM of")).last,
    "server": lambda page: page.get_by_role("heading", name="Who did what"),
}
# they are loaded after all else
CHARTS = {"train": 3, "runs?runs=quick-1": 2, "evaluate?run=quick-1": 2}

# axe reads `color`, but the text of an SVG is painted by `fill`.
FAINT_IN_CHARTS = """() => {
    const luminance = color => {
        const [r, g, b] = color.match(/[\\d.]+/g).map(v => v / 255).map(
            v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05
    }
    const background = getComputedStyle(document.querySelector(".stApp")).backgroundColor
    return [...document.querySelectorAll(".js-plotly-plot text")].flatMap(text => {
        const { fill, fontSize } = getComputedStyle(text)
        const [low, high] = [luminance(fill), luminance(background)].sort((a, b) => a - b)
        const says = `“${text.textContent}”, ${fontSize}, ${fill} on ${background}`
        return high / low < 4.5 ? [`${says}: ${(high / low).toFixed(2)} is under 4.5`] : []
    })
}"""


def settle(page: Page, path: str) -> None:
    """Wait until all is drawn and no longer moves, with what is folded opened."""
    expect(FILLED[path](page)).to_be_visible()
    expect(page.locator(".js-plotly-plot .xtitle")).to_have_count(CHARTS.get(path, 0))
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    for folded in page.locator("details:not([open]) > summary").all()[::-1]:
        folded.click()
    be_still(page)


def found_by_axe(page: Page) -> list[str]:
    told = Axe().run(page, options={"runOnly": TAGS, "resultTypes": ["violations"]}).response
    return [
        f"{violation['id']}: {violation['help']}\n  at {node['target']}\n  {node['failureSummary']}"
        for violation in told["violations"]
        for node in violation["nodes"]
        if not is_streamlits(page, violation["id"], node["target"])
    ]


def is_streamlits(page: Page, rule: str, target: list) -> bool:
    """Whether it is known; a target in a list of its own lies in a shadow root, which is ours."""
    if rule not in STREAMLITS or not isinstance(target[0], str):
        return False
    return page.locator(target[0]).evaluate("(e, known) => e.matches(known)", STREAMLITS[rule])


@pytest.mark.parametrize("path", FILLED)
@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)],
    ids=["light", "dark", "phone"],
)  # fmt: skip
def test_nothing_stands_in_the_way_of_a_screen_reader_or_a_weak_eye(open_at, path, scheme, width):
    page = open_at(path, scheme=scheme, width=width)
    settle(page, path)
    found = [*found_by_axe(page), *page.evaluate(FAINT_IN_CHARTS)]
    assert not found, "\n".join(found)
