"""Where a proxy in front signs people in: whose header is believed, and who asks from where."""

import pytest

from dashboard.gate.addresses import Proxies
from tests.gate.conftest import Browser, application

PROXY = {
    "sign_in": "proxy", "proxy_addresses": ("10.0.0.2", "fd00::/64"), "oidc_url": "",
    "oidc_client_id": "",
}  # fmt: skip
SAID = {"X-Forwarded-Email": "Ann@Example.com"}


@pytest.fixture
def from_address(told):
    """`from_address("10.0.0.2", **changed settings)`: a browser, or a proxy, at that address."""
    return lambda address, **changed: Browser(
        application(told(**PROXY | changed)), client=(address, 40000)
    )


@pytest.mark.parametrize("address", ["10.0.0.2", "::ffff:10.0.0.2", "fd00::7"])
def test_whom_the_proxy_names_gets_in(from_address, address):
    inside = from_address(address).get("/", headers=SAID).json()
    assert (inside["name"], inside["role"]) == ("ann@example.com", "trainer")
    assert "x-forwarded-email" not in dict(inside["headers"])


@pytest.mark.parametrize("address", ["10.0.0.3", "127.0.0.1", "::1", "fd00:0:0:1::7"])
@pytest.mark.parametrize("more", [{}, {"X-Forwarded-For": "10.0.0.2"}, {"X-Real-Ip": "10.0.0.2"}])
def test_nobody_else_s_header_is_believed(from_address, address, more):
    answer = from_address(address).get("/", headers=SAID | more)
    assert answer.status_code == 401
    assert "which named nobody" in answer.text


@pytest.mark.parametrize("named", [[], [""], ["ann@example.com", "ops@example.com"]])
def test_nobody_and_two_at_once_are_nobody(from_address, named):
    headers = [("Accept", "text/html"), *(("X-Forwarded-Email", name) for name in named)]
    assert from_address("10.0.0.2").get("/", headers=headers).status_code == 401


def test_a_stranger_behind_the_proxy_is_told_so(from_address):
    answer = from_address("10.0.0.2").get("/", headers={"X-Forwarded-Email": "eve@evil.example"})
    assert answer.status_code == 403
    assert "eve@evil.example is signed in, but has no role" in answer.text


def test_there_is_no_sign_in_page_and_no_cookie_where_a_proxy_signs_in(from_address):
    browser = from_address("203.0.113.9")
    for path in ("/sign-in", "/sign-in/start", "/sign-out"):
        assert "Sign in" not in browser.get(path).text


@pytest.mark.parametrize(
    ("peer", "chain", "address"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # nobody's own word
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # what came before is forged
        ("10.0.0.2", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),  # two of ours
        ("10.0.0.2", "nonsense", "10.0.0.2"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "10.0.0.2", "10.0.0.2"),
    ],
)
def test_the_address_behind_the_proxies_is_the_nearest_that_is_no_proxy(peer, chain, address):
    scope = {
        "type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", chain.encode())],
    }  # fmt: skip
    assert Proxies(["10.0.0.0/24"]).address(scope) == address


def test_people_behind_one_proxy_are_counted_apart(from_address):
    browser = from_address("10.0.0.2", requests_a_minute=5)
    told = [
        browser.get("/", headers={"X-Forwarded-Email": name}).status_code
        for name in ["ann@example.com"] * 6 + ["bob@example.com"]
    ]
    assert told == [200] * 5 + [429, 200]
