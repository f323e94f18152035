"""The dashboard behind the proxy of compose.yaml: Caddy with our Caddyfile, TLS and a certificate
of its own authority, people who sign in, and Chromium."""

import os
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.provider import sign_in

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser


class Site(NamedTuple):
    """address: as people type it; plain: without TLS; trust: its certificate's authority."""

    address: str
    plain: str
    trust: ssl.SSLContext


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@pytest.fixture(scope="module")
def site(serve, browser_workspace, signing_in, tmp_path_factory, until) -> Iterator[Site]:
    """As hosted: the proxy before a dashboard that believes what the proxy says of addresses."""
    program = os.environ.get("CADDY") or shutil.which("caddy")
    assert program, "No Caddy was found; install one, or let `make test` do it."
    port, plain = free_ports(2)
    address = f"https://localhost:{port}"
    server = serve(
        browser_workspace, **signing_in | {"CAMSIGHT_PUBLIC_URL": address},
        CAMSIGHT_PROXY_ADDRESSES="127.0.0.1",
    )  # fmt: skip
    place = tmp_path_factory.mktemp("caddy")
    told = {
        "SITE": "localhost", "TLS": "tls internal", "PORT": str(port), "PLAIN_PORT": str(plain),
        "UPSTREAM": server.address.partition("://")[2],
        "XDG_DATA_HOME": str(place), "XDG_CONFIG_HOME": str(place),
    }  # fmt: skip
    config = ["--config", ROOT / "hosting" / "Caddyfile", "--adapter", "caddyfile"]
    with (place / "log.txt").open("w") as log:
        caddy = subprocess.Popen(
            [program, "run", *config], env=os.environ | told, stdout=log, stderr=log
        )
    authority = place / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    try:
        until(lambda: answers(port) and authority.exists(), 60)
        trust = ssl.create_default_context(cafile=authority)
        yield Site(address, f"http://localhost:{plain}", trust)
    finally:
        caddy.terminate()
        caddy.wait(60)


def answers(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def page(site, open_at, provider, request) -> Page:
    """A page of the site, whose authority is none that the browser knows."""
    page = open_at("_stcore/health", site.address, ignore_https_errors=True)
    page.context.route("**/*.jsdelivr.net/**", lambda route: route.abort())
    return page


def ask(site: Site, path: str, **headers: str):
    asked = urllib.request.Request(f"{site.address}{path}", headers=headers)
    return urllib.request.urlopen(asked, context=site.trust)


def test_one_signs_in_through_the_proxy_works_and_signs_out(site, page, tmp_path):
    page.goto(f"{site.address}/evaluate?run=quick-1")
    sign_in(page, "ann@example.com")
    # A page that is drawn has come through the WebSocket.
    expect(page.get_by_role("heading", name="Evaluate")).to_be_visible()
    assert page.url == f"{site.address}/evaluate?run=quick-1"
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "__Host-camsight"]
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")

    scores = tmp_path / "scores.csv"
    scores.write_text("y_true,y_score\n" + "0,0.1\n1,0.9\n0,0.4\n1,0.3\n" * 9)
    page.goto(f"{site.address}/evaluate?of=file")
    page.locator("input[type=file]").set_input_files(scores)
    expect(page.get_by_text("0.750").first).to_be_visible()

    page.get_by_role("button", name="example.com").click()
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
    page.goto(f"{site.address}/evaluate")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_whoever_comes_without_tls_is_sent_to_it(site):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.build_opener(Stay).open(f"{site.plain}/runs")
    assert told.value.code == 308
    assert told.value.headers["Location"].startswith("https://localhost")


def test_the_site_proves_who_it_is_and_asks_to_be_reached_by_tls_alone(site):
    with ask(site, "/_stcore/health") as answer:
        assert answer.read() == b"ok"
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
        urllib.request.urlopen(site.address, context=ssl.create_default_context())


@pytest.mark.parametrize("header", ["X-Camsight-Person", "X-Forwarded-Email"])
def test_nobody_gets_in_through_the_proxy_by_a_header(site, header):
    forged = '{"name": "ops@example.com", "role": "admin"}'
    value = forged if header == "X-Camsight-Person" else "ops@example.com"
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(site, "/runs", **{header: value})
    assert refused.value.code == 401


def test_no_websocket_is_opened_through_the_proxy_for_who_has_not_signed_in(site):
    where = site.address.replace("https", "wss") + "/_stcore/stream"
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(where, ssl=site.trust, origin=site.address, subprotocols=["streamlit"]),
    ):
        pass
    assert refused.value.response.status_code in (401, 403)
