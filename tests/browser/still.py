"""Wait until a page no longer moves: half-faded text has half its contrast."""

from playwright.sync_api import Page

# Playwright's own wait evaluates text in the page, which its policy for content forbids.
MOVES = """() => new Promise((still, fail) => {
    const begun = performance.now()
    const look = () => {
        if (document.getAnimations().every(a => a.playState !== 'running')) still()
        else if (performance.now() - begun > 60000) fail(new Error('the page moves for a minute'))
        else setTimeout(look, 50)
    }
    look()
})"""


def be_still(page: Page) -> None:
    page.evaluate(MOVES)
