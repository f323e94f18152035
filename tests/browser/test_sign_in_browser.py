"""Signing in and out in Chromium, at a real provider, on the real server."""

import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dashboard.gate.sign_ins import SignIns
from engine.people import Person, Role
from engine.settings import Settings
from tests.provider import Provider, sign_in

pytestmark = pytest.mark.browser
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CLOSED = [
    "/", "/evaluate", "/media/x.png", "/static/js/x.js", "/app/static/plex-sans.woff2",
    "/_stcore/host-config", "/_stcore/metrics", "/_stcore/bidi-components/x/y.js",
    "/component/x/y.js", "/oauth2callback", "/_stcore/health/", "/sign-out", "/sign-in/x",
]  # fmt: skip


@pytest.fixture(scope="session")
def team(serve, browser_workspace, signing_in) -> str:
    """The address of a dashboard where people sign in."""
    return serve(browser_workspace, **signing_in).address


@pytest.fixture
def visit(open_at, team, provider) -> Callable[..., Page]:
    """`visit("evaluate?run=quick-1", "ann@example.com")`: a page that this person signed in for;
    without a person, where a browser lands that nobody has signed in with."""

    def visited(path: str, name: str = "", **headers: str) -> Page:
        page = open_at("_stcore/health", team)
        page.context.set_extra_http_headers(headers)
        # The provider's own page has its colors from there.
        page.context.route("**/*.jsdelivr.net/**", lambda route: route.abort())
        page.goto(f"{team}/{path}")
        if name:
            sign_in(page, name)
        return page

    return visited


def menu(page: Page, domain: str) -> None:
    """Open what stands in the top bar of whoever is there."""
    page.get_by_role("button", name=domain).click()


def test_one_signs_in_looks_and_signs_out_everywhere(visit):
    page = visit("evaluate?run=quick-1")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    assert not found.violations_count, found.generate_report()
    sign_in(page, "ann@example.com")
    expect(page.get_by_role("heading", name="Evaluate")).to_be_visible()
    assert page.url.endswith("/evaluate?run=quick-1")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name="Evaluate")).to_be_visible()
    other.get_by_role("link", name="Runs").click()
    expect(other.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    menu(page, "example.com")
    expect(page.get_by_text("Your role is trainer")).to_be_visible()
    page.get_by_role("link", name="Sign out").click()
    expect(page.get_by_text("You are signed in as ann@example.com")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
    # The other tab was open, and is not any more.
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "/sign-in?next=%2Fruns" in other.url
    page.goto(other.url.replace("/sign-in", "/evaluate"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_stranger_without_a_role_sees_no_page(visit, team):
    page = visit("", "eve@evil.example")
    expect(page.get_by_text("eve@evil.example is signed in, but has no role")).to_be_visible()
    page.goto(f"{team}/runs")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_token_for_another_dashboard_lets_nobody_in(visit, team, provider: Provider):
    provider.bend = lambda claims: claims.update(aud="another dashboard")
    page = visit("", "ops@example.com")
    expect(page.get_by_text("cannot be trusted")).to_be_visible()
    page.goto(f"{team}/runs")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_sign_in_that_has_expired_leads_to_the_sign_in_page_and_back(visit, team, signing_in):
    page = visit("runs")
    told = {name.removeprefix("CAMSIGHT_").lower(): value for name, value in signing_in.items()}
    settings = Settings(**told | {"public_url": team})
    person = Person("ann@example.com", Role.TRAINER)
    fresh, old = (
        SignIns(settings, now=lambda since=since: since).begin(person)[0] for since in (4e9, 1e9)
    )
    page.context.add_cookies([{"name": "camsight", "value": fresh, "url": team}])
    page.goto(f"{team}/runs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.context.add_cookies([{"name": "camsight", "value": old, "url": team}])
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, "ann@example.com")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()


def test_a_viewer_who_writes_a_header_stays_a_viewer(visit):
    forged = '{"name": "ops@example.com", "role": "admin"}'
    page = visit("runs", "zoe@guest.org", **{"X-Camsight-Person": forged})
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    menu(page, "guest.org")
    expect(page.get_by_text("Your role is viewer")).to_be_visible()


@pytest.mark.parametrize("path", CLOSED)
def test_the_server_answers_nobody_who_has_not_signed_in(team, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{team}{path}")
    assert refused.value.code == 401
    assert refused.value.headers["Content-Security-Policy"]
