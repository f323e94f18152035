"""Signing in: who gets in, and what is refused of a provider's answer."""

import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from dashboard.gate import oidc
from dashboard.gate.routes import own_path


def test_a_person_with_a_role_gets_in_and_is_told_to_the_pages(browse, provider):
    browser = browse()
    answer = browser.sign_in(provider, "Ann@Example.com")
    assert (answer.status_code, answer.headers["location"]) == (303, "/evaluate")
    inside = browser.get("/evaluate").json()
    assert (inside["name"], inside["role"]) == ("ann@example.com", "trainer")
    assert dict(inside["headers"])["x-camsight-person"] == (
        '{"name": "ann@example.com", "role": "trainer"}'
    )


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(browse, provider):
    answer = browse(public_url="https://camsight.example").get(
        "/sign-in/start", headers={"Host": "camsight.example"}
    )
    told = answer.headers["set-cookie"]
    for word in ("__Host-camsight-attempt=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert word in told
    assert "SameSite=lax" in browse().sign_in(provider, "ann@example.com").headers["set-cookie"]


def test_the_provider_is_asked_with_state_nonce_and_a_challenge_it_can_check(browse, provider):
    browser = browse()
    asked = parse_qs(urlsplit(browser.get("/sign-in/start").headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://localhost:8501/sign-in/callback"]
    assert len(asked["state"][0]) >= 40
    assert len(asked["nonce"][0]) >= 40
    where = browser.get("/sign-in/start").headers["location"]
    browser.get(provider.code(where, "ann@example.com").removeprefix("http://localhost:8501"))
    verifier = next(form["code_verifier"] for _, form in provider.asked if "code_verifier" in form)
    challenge = parse_qs(urlsplit(where).query)["code_challenge"]
    assert challenge == [create_s256_code_challenge(verifier)]


def test_a_stranger_without_a_role_is_told_so_and_stays_outside(browse, provider):
    browser = browse()
    answer = browser.sign_in(provider, "<b>eve</b>@evil.example")
    assert answer.status_code == 403
    assert "&lt;b&gt;eve&lt;/b&gt;@evil.example is signed in, but has no role" in answer.text
    assert "Sign in as somebody else" in answer.text
    assert browser.get("/").status_code == 303


def test_an_address_that_is_not_verified_is_nobody_s(browse, provider):
    provider.knows("liar", email="ops@example.com", email_verified=False)
    browser = browse(viewers=("sub=liar",))
    browser.sign_in(provider, "liar")
    assert browser.get("/").json()["name"] == "sub:liar"
    assert browser.get("/").json()["role"] == "viewer"


def test_letters_that_only_look_alike_are_nobody_else_s():
    named = oidc.name({"sub": "1", "email": "\u212aim@Example.com"})  # the Kelvin sign
    assert named == "\u212aim@example.com" != "kim@example.com"
    assert oidc.name({"sub": "1", "email": "kim@x.org", "email_verified": "false"}) == "sub:1"


def change(**claims):
    return lambda told: told.update(claims)


@pytest.mark.parametrize(
    "bend",
    [
        change(aud="another"), change(aud=["camsight", "another"]), change(azp="another"),
        change(iss="http://evil.example"), change(nonce="of another attempt"),
        change(exp=int(time.time()) - 3600), change(iat=int(time.time()) + 3600),
        lambda told: told.pop("nonce"), lambda told: told.pop("exp"), lambda told: told.pop("aud"),
    ],
    ids=["audience", "audiences", "party", "issuer", "nonce", "expired", "future", "no nonce",
         "no expiry", "no audience"],
)  # fmt: skip
def test_a_token_for_something_else_lets_nobody_in(browse, provider, bend):
    provider.bend = bend
    browser = browse()
    answer = browser.sign_in(provider, "ops@example.com")
    assert answer.status_code == 403
    assert "cannot be trusted" in answer.text
    assert browser.get("/").status_code == 303


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_anybody_could_sign_lets_nobody_in(browse, provider, algorithm):
    provider.algorithm = algorithm
    browser = browse()
    assert browser.sign_in(provider, "ops@example.com").status_code == 403
    assert browser.get("/").status_code == 303


def test_a_user_info_about_somebody_else_lets_nobody_in(browse, provider):
    provider.bend = lambda told: told.pop("email")
    provider.sub = "ops@example.com"
    assert browse().sign_in(provider, "eve@evil.example").status_code == 403


def test_what_only_the_user_info_says_gives_a_role(browse, provider):
    provider.bend = lambda told: told.pop("email")
    browser = browse()
    browser.sign_in(provider, "ops@example.com")
    assert browser.get("/").json()["role"] == "admin"


def test_a_provider_that_rotates_its_keys_is_read_anew(browse, provider):
    browser = browse()
    assert browser.sign_in(provider, "ann@example.com").status_code == 303
    provider.rotate()
    assert browser.sign_in(provider, "ann@example.com").status_code == 303


def test_what_came_back_once_does_not_come_back_again(browse, provider):
    browser = browse()
    where = browser.get("/sign-in/start").headers["location"]
    kept = dict(browser.cookies)
    back = provider.code(where, "ann@example.com").removeprefix("http://localhost:8501")
    assert browser.get(back).status_code == 303
    browser.cookies.clear()
    browser.cookies.update(kept)
    again = browser.get(back)
    assert again.status_code == 400
    assert "is over, or began in another browser" in again.text
    assert browser.get("/").status_code == 303


def test_a_sign_in_that_another_browser_began_is_none(browse, provider):
    """Somebody sends a link by which one would be signed in as them."""
    theirs, mine = browse(), browse()
    where = theirs.get("/sign-in/start").headers["location"]
    back = provider.code(where, "ops@example.com").removeprefix("http://localhost:8501")
    mine.get("/sign-in/start")
    assert mine.get(back).status_code == 400
    assert mine.get("/").status_code == 303


def test_somebody_whom_the_provider_refuses_is_told_so(browse):
    browser = browse()
    where = browser.get("/sign-in/start").headers["location"]
    state = parse_qs(urlsplit(where).query)["state"][0]
    answer = browser.get(f"/sign-in/callback?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "let nobody in (access_denied)" in answer.text


def test_a_provider_that_is_down_is_a_page_and_whoever_is_in_stays(browse, provider):
    browser = browse()
    browser.sign_in(provider, "ann@example.com")
    provider.down = True
    other = browse()
    answer = other.get("/sign-in/start")
    assert answer.status_code == 503
    assert "does not answer as it should" in answer.text
    assert other.get("/").status_code == 303
    assert browser.get("/").status_code == 200


def test_a_provider_that_goes_down_in_between_lets_nobody_in(browse, provider):
    browser = browse()
    where = browser.get("/sign-in/start").headers["location"]
    back = provider.code(where, "ann@example.com").removeprefix("http://localhost:8501")
    provider.down = True
    assert browser.get(back).status_code == 503
    assert browser.get("/").status_code == 303


def test_a_provider_that_does_not_answer_is_not_waited_for(browse, provider, monkeypatch):
    monkeypatch.setattr(oidc, "PATIENCE", 0.2)
    provider.wait = threading.Event()
    try:
        assert browse().get("/sign-in/start").status_code == 503
    finally:
        provider.wait.set()


def test_no_secret_stands_in_a_log_or_a_page(browse, provider, caplog):
    caplog.set_level("INFO")
    browser = browse(cookie_secret="k" * 40)
    answers = [browser.sign_in(provider, "ann@example.com"), browser.get("/sign-out")]
    provider.down = True
    answers.append(browse().get("/sign-in/start"))
    lines = [one.getMessage() for one in caplog.records if one.name == "camsight"]
    said = "".join(lines + [answer.text for answer in answers])
    assert "ann@example.com" in said
    secrets = ["of the client", "k" * 40, browser.cookies["camsight"]]
    secrets += [form["code"] for path, form in provider.asked if "code" in form]
    assert not [secret for secret in secrets if secret in said]


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "",
     "/\t/evil.example", "/a\r\nSet-Cookie: x=y", "/sign-out", "evil"],
)  # fmt: skip
def test_signing_in_leads_to_a_page_of_ours_only(wanted):
    assert own_path(wanted) == "/"
