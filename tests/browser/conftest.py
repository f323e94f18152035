"""A real server on loopback and a real Chromium, driven by role and label."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FLAGS += ["--disable-dev-shm-usage"]  # a container's /dev/shm may be too small for a page
PAGES = pytest.StashKey[list[Page]]()
PATIENCE = 60_000  # ms: two cores may be training beside
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def browser_workspace(workspace, tmp_path_factory) -> Path:
    """A copy of the shared workspace, so that tests may write into it."""
    copy = tmp_path_factory.mktemp("browser") / "workspace"
    shutil.copytree(workspace, copy)
    return copy


@pytest.fixture(scope="session")
def shared_server(serve, browser_workspace):
    return serve(browser_workspace)


@pytest.fixture(scope="session")
def address(shared_server) -> str:
    return shared_server.address


@pytest.fixture(scope="session")
def signing_in(any_provider) -> dict[str, str]:
    """What a dashboard is told, so that people sign in at the tests' provider."""
    return {
        "CAMSIGHT_SIGN_IN": "oidc", "CAMSIGHT_PUBLIC_URL": "{address}",
        "CAMSIGHT_OIDC_URL": any_provider.metadata, "CAMSIGHT_OIDC_CLIENT_ID": "camsight",
        "CAMSIGHT_OIDC_CLIENT_SECRET": "of the client",
        "CAMSIGHT_COOKIE_SECRET": "of the cookies, and longer than that",
        "CAMSIGHT_ADMINS": "ops@example.com", "CAMSIGHT_TRAINERS": "*@example.com",
        "CAMSIGHT_VIEWERS": "*@guest.org",
    }  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Browser:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "No Chromium was found; install one, or let `make test` do it."
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield found
        found.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Say with a failure what the page showed, since the browser is gone when it is read."""
    report = yield
    for page in item.stash.get(PAGES, []) if report.failed else []:
        shown = page.url + "\n" + page.locator("body").inner_text()
        report.sections.append(("The page at the failure", shown))
    return report


@pytest.fixture
def open_at(browser, address, request) -> Callable[..., Page]:
    """`open_at("explain?run=quick-1")`: a page in a context of its own."""
    contexts = []
    pages = request.node.stash[PAGES] = []
    said: list[str] = []

    def opened(
        path: str, server: str = address, scheme: str = "light", width: int = 1440, **how
    ) -> Page:
        viewport = {"width": width, "height": 900}
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **how)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        pages.append(page)
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{server}/{path}")
        return page

    yield opened
    pages.clear()
    for context in contexts:
        context.close()
    assert not [text for text in said if "Content Security Policy" in text]
