"""Which names are the server's own, as they stand in a `Host` header."""

import socket

import pytest

from dashboard.gate.hosts import is_known


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "192.168.1.7", "localhost:port", "localhost/", "a@localhost",
        "localhost:1:2", "[::1", "::1", "[evil]", "team.example.evil.org", "127.0.0.1.evil.org",
        "xteam.example", "localhost evil.example", "camsight.example..",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_known_name_is_refused(host):
    assert not is_known(host, "127.0.0.1", ("camsight.example", "*.team.example"))


@pytest.mark.parametrize(
    ("host", "listening", "names"),
    [
        ("LOCALHOST.", "127.0.0.1", ()),
        ("[::1]:8501", "127.0.0.1", ()),
        ("127.9.9.9", "127.0.0.1", ()),
        ("box.lan:8501", "box.lan", ()),
        ("192.168.1.7", "192.168.1.7", ()),
        ("[FE80::1]", "fe80:0::1", ()),
        ("anything.example", "127.0.0.1", ("*",)),
        ("Camsight.Example:443", "127.0.0.1", ("camsight.example",)),
    ],
)
def test_loopback_where_it_listens_and_what_is_allowed_are_known(host, listening, names):
    assert is_known(host, listening, names)


def test_a_server_on_every_address_is_known_by_any_and_by_the_machine_s_name(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Box")
    for listening in ("0.0.0.0", "::"):
        for host in ("192.168.1.7", "[2001:db8::1]:8501", "box", "BOX:8501"):
            assert is_known(host, listening)
        assert not is_known("box.evil.example", listening)
        assert not is_known("a.example", listening)
    assert not is_known("box", "192.168.1.7")
