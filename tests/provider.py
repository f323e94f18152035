"""A real OpenID Connect provider in a thread, whose answers a test can bend.

Whoever signs in there types a name; it is the e-mail address as well. The provider is
oidc-provider-mock; what it signs is signed anew where a test changes what it says.
"""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask
import httpx2
import oidc_provider_mock
from authlib import jose
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server


class Provider:
    """bend: changes the claims of an identity token before it is signed.

    The other attributes are what the provider does next; `be_honest` puts them back.
    """

    def __init__(self):
        self.address, self.asked = "", []
        self.app = oidc_provider_mock.app()
        self.app.before_request(self._before)
        self.app.after_request(self._after)
        self.be_honest()

    def be_honest(self) -> None:
        self.bend: Callable[[dict[str, Any]], Any] | None = None
        self.algorithm, self.down, self.sub = "RS256", False, ""
        self.wait: threading.Event | None = None
        self.asked.clear()

    @property
    def metadata(self) -> str:
        return f"{self.address}/.well-known/openid-configuration"

    def rotate(self) -> None:
        """Sign by another key from now on, and publish no other."""
        self._storage.jwk = jose.RSAKey.generate_key(is_private=True)

    def knows(self, name: str, **claims: Any) -> None:
        """Tell this about whoever signs in as `name`."""
        httpx2.put(f"{self.address}/users/{name}", json=claims).raise_for_status()

    def code(self, where: str, name: str) -> str:
        """Sign in as `name` at the address that a browser was sent to; the address that the
        provider sends it back to."""
        return httpx2.post(where, data={"sub": name}).headers["location"]

    def _before(self) -> Any:
        self._storage = flask.g.oidc_provider_mock_storage
        self.asked.append((flask.request.path, flask.request.form.to_dict()))
        if self.wait:
            self.wait.wait(60)
        return ("down", 500) if self.down else None

    def _after(self, answer: flask.Response) -> flask.Response:
        told = answer.get_json(silent=True) or {}
        if flask.request.path == "/userinfo" and self.sub:
            answer.set_data(flask.json.dumps({**told, "sub": self.sub}))
        if "id_token" in told and (self.bend or self.algorithm != "RS256"):
            told["id_token"] = self._signed(told["id_token"])
            answer.set_data(flask.json.dumps(told))
        return answer

    def _signed(self, token: str) -> str:
        own = RSAKey.import_key(self._storage.jwk.as_dict(is_private=True))
        read = jwt.decode(token, own)
        claims, header = dict(read.claims), {**read.header, "alg": self.algorithm}
        if self.bend:
            self.bend(claims)
        if self.algorithm == "RS256":
            return jwt.encode(header, claims, own)
        # By hand, since no library signs so: nothing, or the public key that everybody knows taken
        # for a shared secret.
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        public = own.as_pem(private=False)
        proof = hmac.digest(public, signed.encode(), "sha256") if self.algorithm != "none" else b""
        return f"{signed}.{_encoded(proof)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()
    server = make_server("127.0.0.1", 0, provider.app, threaded=True)
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def sign_in(page, name: str) -> None:
    """From the sign-in page that a browser shows to the provider, and back."""
    page.get_by_role("link", name="Sign in").click()
    page.get_by_placeholder("sub").fill(name)
    page.get_by_role("button", name="Authorize").click()
