"""Who passes the gate: routes, other sites, sign-ins that are over, and too many requests."""

import json

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboard.gate.limits import COST
from dashboard.gate.sign_ins import SIGNED_OUT, SignIns
from engine.people import Person, Role
from tests.gate.conftest import SITE, Browser, application

SECRET = "k" * 40
ANN = Person("ann@example.com", Role.TRAINER)
ROUTES = [
    ("GET", "/"), ("GET", "/evaluate"), ("HEAD", "/"), ("OPTIONS", "/"), ("GET", "/media/x.png"),
    ("GET", "/_stcore/metrics"), ("GET", "/_stcore/host-config"), ("GET", "/static/js/x.js"),
    ("GET", "/app/static/plex-sans.woff2"), ("GET", "/component/x/y"), ("GET", "/oauth2callback"),
    ("PUT", "/_stcore/upload_file/a/b"), ("DELETE", "/_stcore/upload_file/a/b"),
    ("POST", "/_stcore/agent/interact"), ("GET", "/_stcore/health/"), ("GET", "//_stcore/health"),
    ("GET", "/_stcore/health/../metrics"), ("GET", "/sign-in/x"), ("GET", "/sign-in/static"),
    ("GET", "/sign-out"), ("POST", "/sign-out"), ("GET", "/metrics/"), ("GET", "/ready/x"),
]  # fmt: skip


@pytest.fixture
def signed_in(told):
    """`signed_in(**changed settings)`: a browser with Ann's sign-in."""

    def browser(person: Person = ANN, **changed) -> Browser:
        settings = told(cookie_secret=SECRET, **changed)
        found = Browser(application(settings))
        found.cookies.set("camsight", SignIns(settings).begin(person)[0])
        return found

    return browser


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_closed_to_whoever_has_not_signed_in(browse, method, path):
    browser = browse()
    assert browser.ask(method, path, headers={"Accept": "*/*"}).status_code == 401
    page = browser.ask(method, path)
    if method in ("GET", "HEAD"):
        assert page.status_code == 303
        assert page.headers["location"].startswith("/sign-in?next=%2F")
    else:
        assert page.status_code == 401


def test_health_and_the_sign_in_page_are_open(browse):
    browser = browse()
    assert browser.get("/_stcore/health").status_code == 200
    page = browser.get("/sign-in?next=/evaluate?run=quick-1")
    assert page.status_code == 200
    assert '<a href="/sign-in/start?next=%2Fevaluate%3Frun%3Dquick-1">Sign in</a>' in page.text
    assert browser.get("/sign-in/static/gate.css").status_code == 200
    assert browser.get("/sign-in/static/../state.py").status_code != 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "http://evil.example", "null", "http://127.0.0.1:8501", ""],
)
def test_only_a_page_of_ours_may_change_something(signed_in, method, origin):
    browser = signed_in()
    assert browser.ask(method, "/_stcore/agent/interact").status_code == 200
    answer = browser.ask(method, "/_stcore/agent/interact", headers={"Origin": origin})
    assert answer.status_code == 403


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8501"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_page_of_another_server_on_this_machine_reads_nothing(signed_in, method, origin):
    answer = signed_in().ask(method, "/media/x.png", headers={"Origin": origin})
    assert answer.status_code == 403
    assert "from its own pages only" in answer.text
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("name", ["X-Camsight-Person", "x_camsight_person", "X-CAMSIGHT-PERSON"])
@pytest.mark.parametrize("mode", ["none", "oidc"])
def test_nobody_writes_for_themselves_who_they_are(signed_in, name, mode):
    nobody = {"public_url": "", "oidc_url": "", "admins": (), "trainers": (), "viewers": ()}
    browser = signed_in(**({"sign_in": "none", **nobody} if mode == "none" else {}))
    forged = json.dumps({"name": "ops@example.com", "role": "admin"})
    inside = browser.get("/", headers={name: forged}).json()
    assert inside["name"] == ("" if mode == "none" else "ann@example.com")
    same = "x-camsight-person"
    told = [value for key, value in inside["headers"] if key.lower().replace("_", "-") == same]
    assert forged not in told
    assert len(told) == 1


def test_a_cookie_that_was_changed_or_is_another_server_s_is_none(signed_in, told):
    browser = signed_in()
    good = browser.cookies["camsight"]
    other = SignIns(told(cookie_secret="m" * 40)).begin(Person("ops@example.com", Role.ADMIN))[0]
    for bad in (good[:-2], good.replace(".", "x."), other, "", "a.b"):
        browser.cookies.set("camsight", bad)
        assert browser.get("/").status_code == 303


@pytest.mark.parametrize("changed", [{"trainers": ()}, {"oidc_client_id": "another"}])
def test_who_lost_a_role_signs_in_anew_though_the_secret_is_the_same(told, changed):
    cookie = SignIns(told(cookie_secret=SECRET)).begin(ANN)[0]
    assert SignIns(told(cookie_secret=SECRET)).read(cookie).person == ANN
    assert SignIns(told(cookie_secret=SECRET, **changed)).read(cookie) is None


def test_an_attempt_to_sign_in_is_no_sign_in(told):
    sign_ins = SignIns(told(cookie_secret=SECRET))
    sealed = sign_ins.attempt({"id": "1", "person": '{"name": "x", "role": "admin"}'}, 60)
    assert sign_ins.read(sealed) is None


def test_a_sign_in_that_has_expired_is_none(told):
    now = [1000.0]
    sign_ins = SignIns(told(session_hours=1), now=lambda: now[0])
    cookie, seconds = sign_ins.begin(ANN)
    assert seconds == 3600
    now[0] = 1000.0 + 3599
    assert sign_ins.read(cookie).person == ANN
    now[0] = 1000.0 + 3600
    assert sign_ins.read(cookie) is None


def test_a_copied_cookie_is_good_for_nothing_once_its_owner_signed_out(signed_in, told):
    browser = signed_in()
    copied = browser.cookies["camsight"]
    assert "You are signed in as ann@example.com; your role is trainer." in (
        browser.get("/sign-out").text
    )
    assert browser.get("/").status_code == 200  # looking at that page does nothing
    answer = browser.ask("POST", "/sign-out")
    assert "You are signed out of Camsight." in answer.text
    assert "/oauth2/end_session" in answer.text
    assert answer.headers["set-cookie"].startswith('camsight="";')
    assert "Max-Age=0" in answer.headers["set-cookie"]
    browser.cookies.set("camsight", copied)
    assert browser.get("/").status_code == 303
    anew = SignIns(told(cookie_secret=SECRET))  # as when the server starts again
    assert anew.read(copied) is None


def test_a_damaged_list_of_who_signed_out_lets_nobody_in(told, tmp_path):
    (tmp_path / SIGNED_OUT).write_text("[")
    with pytest.raises(Exception, match="give another CAMSIGHT_COOKIE_SECRET"):
        application(told(cookie_secret=SECRET))
    application(told())  # a new secret at each start: no cookie of before is good


# --- an open page -----------------------------------------------------------------------------


def connected(browser: Browser, **headers):
    cookie = f"camsight={browser.cookies.get('camsight', '')}"
    return TestClient(browser.app, client=("127.0.0.1", 40000)).websocket_connect(
        f"{SITE.replace('http', 'ws')}/_stcore/stream",
        subprotocols=["streamlit"],
        headers={"Origin": SITE, "Cookie": cookie, **headers},
    )


def sent_away(socket) -> str:
    """Where an open page is told to go before its connection is closed."""
    message = ForwardMsg()
    message.ParseFromString(socket.receive_bytes())
    with pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_bytes()
    assert closed.value.code == 1008
    return message.auth_redirect.url


def test_an_open_page_is_closed_when_the_sign_in_expires(signed_in):
    with connected(signed_in(session_hours=1 / 3600)) as socket:
        assert socket.receive_text() == "ann@example.com"
        assert sent_away(socket) == "/sign-in?next=%2F"


def test_an_open_page_is_closed_when_its_owner_signs_out_in_another(signed_in):
    browser = signed_in()
    with connected(browser) as socket:
        assert socket.receive_text() == "ann@example.com"
        socket.send_text("still here")
        assert socket.receive_text() == "still here"
        assert browser.ask("POST", "/sign-out").status_code == 200
        assert sent_away(socket) == "/sign-in?next=%2F"


def test_an_open_page_behind_a_proxy_asks_it_again_after_a_while(told):
    asked = {"sign_in": "proxy", "proxy_addresses": ("127.0.0.1",), "oidc_url": ""}
    browser = Browser(application(told(**asked, session_hours=1 / 3600)))
    with connected(browser, **{"X-Forwarded-Email": "ann@example.com"}) as socket:
        assert socket.receive_text() == "ann@example.com"
        assert sent_away(socket) == "/"


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3000", ""])
def test_no_other_site_opens_a_connection_with_somebody_s_cookie(signed_in, origin):
    with pytest.raises(Exception) as refused, connected(signed_in(), Origin=origin):
        pass
    assert refused.value.status_code == 403


def test_a_connection_without_a_sign_in_is_refused(browse):
    with pytest.raises(Exception) as refused, connected(browse()):
        pass
    assert refused.value.status_code == 401


# --- too many ---------------------------------------------------------------------------------


def test_a_person_who_asks_too_much_waits_and_nobody_else_does(signed_in):
    browser = signed_in(requests_a_minute=30)
    told = [browser.get("/").status_code for _ in range(31)]
    assert told == [200] * 30 + [429]
    refused = browser.get("/")
    assert "more requests than Camsight answers" in refused.text
    assert int(refused.headers["retry-after"]) > 0
    browser.cookies.clear()  # somebody else at the same address
    assert browser.get("/sign-in").status_code == 200


def test_signing_in_again_and_again_does_not_hammer_the_provider(browse, provider):
    browser = browse(requests_a_minute=3 * COST)
    told = [browser.get("/sign-in/start").status_code for _ in range(4)]
    assert told == [303, 303, 303, 429]


def test_a_person_has_so_many_pages_open_and_no_more(signed_in, told):
    browser = signed_in(open_pages=2)
    with connected(browser) as first:
        with connected(browser):
            with pytest.raises(Exception) as refused, connected(browser):
                pass
            assert refused.value.status_code == 429
            assert "2 pages are open already" in refused.value.text
            bobs, bob = told(cookie_secret=SECRET), Person("bob@example.com", Role.TRAINER)
            browser.cookies.set("camsight", SignIns(bobs).begin(bob)[0])
            with connected(browser) as another:
                assert another.receive_text() == "bob@example.com"
            browser.cookies.set("camsight", SignIns(bobs).begin(ANN)[0])
        assert first.receive_text() == "ann@example.com"
        with connected(browser) as again:  # in place of the one that was closed
            assert again.receive_text() == "ann@example.com"


def test_who_has_a_network_of_addresses_counts_once(told):
    app = application(told(requests_a_minute=5))
    near = [f"2001:db8::{at}" for at in range(6)]
    answers = [Browser(app, (address, 1)).get("/sign-in").status_code for address in near]
    assert answers == [200] * 5 + [429]
    assert Browser(app, ("2001:db8:0:1::1", 1)).get("/sign-in").status_code == 200
