"""Half of a sign-in starts no server, and nobody listens to others by accident."""

import signal

import pytest

from dashboard.__main__ import main
from dashboard.gate.configured import check
from engine.errors import ConfigError
from engine.settings import Settings
from tests.gate.conftest import ROLES

OIDC = {
    "sign_in": "oidc", "public_url": "https://camsight.example", "oidc_client_id": "camsight",
    "oidc_url": "https://login.example/.well-known/openid-configuration",
    "oidc_client_secret": "of the client", **ROLES,
}  # fmt: skip
PROXY = {"sign_in": "proxy", "proxy_addresses": ("10.0.0.2",), **ROLES}
NOBODY = {"admins": (), "trainers": (), "viewers": ()}


@pytest.mark.parametrize(
    "told",
    [{}, {"host": "localhost"}, {"host": "::1"}, {"host": "127.1.2.3"},
     {"host": "0.0.0.0", "anyone": True, "proxy_addresses": ("10.0.0.2",)}, OIDC,
     OIDC | {"host": "0.0.0.0"}, PROXY,
     OIDC | {"public_url": "http://localhost:8501/", "oidc_url": "http://127.0.0.1:9400/x"},
     OIDC | {"cookie_secret": "k" * 32}, PROXY | {"host": "::", "proxy_header": "X-Auth-User"}],
    ids=str,
)  # fmt: skip
def test_what_is_whole_starts(told):
    check(Settings(**told))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"host": "0.0.0.0"}, "whoever reaches 0.0.0.0 could train, delete and read everything"),
        ({"host": "192.168.1.7"}, "set CAMSIGHT_SIGN_IN, or CAMSIGHT_ANYONE"),
        ({"host": "::"}, "nobody signs in"),
        ({"admins": ("a@b.c",)}, "CAMSIGHT_ADMINS is set although nobody signs in"),
        ({"proxy_addresses": ("10.0.0.2",)}, "CAMSIGHT_PROXY_ADDRESSES is set although nobody"),
        (OIDC | {"anyone": True}, "CAMSIGHT_ANYONE lets in whoever comes"),
        (OIDC | NOBODY, "nobody has a role"),
        (PROXY | NOBODY, "nobody has a role"),
        (OIDC | {"oidc_url": ""}, "lacks CAMSIGHT_OIDC_URL"),
        (OIDC | {"oidc_client_id": ""}, "lacks CAMSIGHT_OIDC_CLIENT_ID"),
        (OIDC | {"oidc_client_secret": ""}, "lacks CAMSIGHT_OIDC_CLIENT_SECRET"),
        (OIDC | {"public_url": ""}, "lacks CAMSIGHT_PUBLIC_URL"),
        (OIDC | {"oidc_url": "http://login.example/x"}, "begins with https://"),
        (OIDC | {"oidc_url": "login.example"}, "begins with https://"),
        (OIDC | {"public_url": "http://camsight.example"}, "for loopback alone"),
        (OIDC | {"public_url": "https://camsight.example/sub"}, "without a path"),
        (OIDC | {"public_url": "https://camsight.example:x"}, "CAMSIGHT_PUBLIC_URL"),
        (OIDC | {"public_url": "https://a@camsight.example"}, "CAMSIGHT_PUBLIC_URL"),
        (OIDC | {"cookie_secret": "short"}, "CAMSIGHT_COOKIE_SECRET cannot be used"),
        (PROXY | {"proxy_addresses": ()}, "lacks CAMSIGHT_PROXY_ADDRESSES"),
        (PROXY | {"proxy_header": "X-Camsight-Person"}, "CAMSIGHT_PROXY_HEADER"),
        (PROXY | {"proxy_header": "Cookie"}, "CAMSIGHT_PROXY_HEADER"),
        (PROXY | {"proxy_header": "X Forwarded"}, "CAMSIGHT_PROXY_HEADER"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_lacks_something_is_refused_with_a_sentence(told, said):
    with pytest.raises(ConfigError) as refused:
        check(Settings(**told))
    assert said in str(refused.value)
    assert "of the client" not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_the_command_ends_before_it_listens_to_everybody(
    monkeypatch, capsys, use_workspace, tmp_path
):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("CAMSIGHT_HOST", "0.0.0.0")
    place = use_workspace(tmp_path / "none")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "Camsight cannot start: whoever reaches 0.0.0.0" in capsys.readouterr().err
    assert not place.exists()
