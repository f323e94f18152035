"""Signing in at an OpenID Connect provider: the authorization code flow, with PKCE (RFC 7636).

OpenID Connect Core 1.0, section 3.1, and Discovery 1.0. The provider's answer is believed where its
token is signed by a key of the provider, by an asymmetric algorithm, for this client, for this very
attempt, and has not expired.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from engine.people import Person, is_verified, role_of
from engine.settings import Settings

ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519",
]  # fmt: skip
KINDS = ("RSA", "EC", "OKP")
PATIENCE = 10.0  # seconds in which the provider has to answer
FRESH = 3600.0  # seconds after which its metadata and keys are read anew
LEEWAY = 60  # seconds by which its clock and ours may differ
LONGEST_NAME = 254  # letters of an e-mail address (RFC 5321)
log = logging.getLogger("camsight")


class ProviderError(Exception):
    """The provider cannot be asked now."""


class TokenError(Exception):
    """What came is no sign-in at this dashboard."""


@dataclass(frozen=True)
class Attempt:
    """One attempt to sign in. It is in the browser that began it, and used once."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True)
class _Known:
    """What the provider publishes of itself."""

    about: dict[str, Any]
    keys: KeySet
    at: float  # monotonic seconds


class Provider:
    """The provider that the settings name."""

    def __init__(self, settings: Settings, redirect_uri: str):
        self._url, self._id = settings.oidc_url, settings.oidc_client_id
        self._secret, self._redirect_uri = settings.oidc_client_secret, redirect_uri
        self._claims = {one.claim for many in settings.patterns.values() for one in many}
        self._known: _Known | None = None

    def _client(self) -> OAuth2Client:
        """A new one each time, since it keeps the token that it got."""
        return OAuth2Client(
            session=None,
            client_id=self._id,
            client_secret=self._secret.get_secret_value(),
            scope="openid email profile",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
        )

    async def where(self, attempt: Attempt) -> str:
        """Where the browser goes to sign in.

        Raises:
            ProviderError: if the provider cannot be asked.
        """
        about = (await self._ask()).about
        url, _ = self._client().create_authorization_url(
            about["authorization_endpoint"],
            state=attempt.state,
            nonce=attempt.nonce,
            code_verifier=attempt.verifier,
        )
        return url

    async def sign_out_url(self) -> str | None:
        """Where people sign out at the provider, if it has such a page and answers."""
        try:
            url = (await self._ask()).about.get("end_session_endpoint")
        except ProviderError:
            return None
        return url if isinstance(url, str) and url.startswith(("https://", "http://")) else None

    async def claims(self, code: str, attempt: Attempt) -> dict[str, Any]:
        """What the provider says about whoever brings the code.

        Raises:
            ProviderError: if the provider cannot be asked.
            TokenError: if its answer is no sign-in for this attempt.
        """
        known = await self._ask()
        token = await self._token(known.about, code, attempt)
        try:
            claims = self._checked(token, known, attempt)
        except (JoseError, ValueError):  # the keys may have been rotated since they were read
            known = await self._ask(anew=True)
            try:
                claims = self._checked(token, known, attempt)
            except (JoseError, ValueError) as error:
                raise TokenError(f"its token is refused ({_reason(error)})") from None
        return await self._completed(claims, token, known.about)

    def _checked(self, token: dict[str, Any], known: _Known, attempt: Attempt) -> dict[str, Any]:
        claims = jwt.decode(str(token.get("id_token")), known.keys, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": known.about["issuer"]},
            aud={"essential": True, "value": self._id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": attempt.nonce},
        ).validate(claims)
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._id) != self._id:
            raise ValueError("it was issued to another client")
        return claims

    async def _token(self, about: dict[str, Any], code: str, attempt: Attempt) -> dict[str, Any]:
        methods = about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        basic = "client_secret_basic" in methods or "client_secret_post" not in methods
        client = self._client()
        how = client.client_auth("client_secret_basic" if basic else "client_secret_post")
        body = prepare_token_request(
            "authorization_code",
            code=code,
            code_verifier=attempt.verifier,
            redirect_uri=self._redirect_uri,
        )
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url, headers, body = how.prepare("POST", about["token_endpoint"], headers, body)
        answer = await _fetch("POST", url, headers=headers, content=body)
        try:
            return client.parse_response_token(answer)
        except OAuth2Error as error:
            raise TokenError(f"it refused the code ({error.error})") from None
        except (ValueError, httpx2.HTTPError):
            raise ProviderError(f"status {answer.status_code} for a token") from None

    async def _completed(
        self, claims: dict[str, Any], token: dict[str, Any], about: dict[str, Any]
    ) -> dict[str, Any]:
        """With what only the provider's userinfo says, where a role or the name may need it."""
        url = about.get("userinfo_endpoint")
        if not (self._claims | {"email"}) - set(claims) or not url or "access_token" not in token:
            return claims
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        more = _json(await _fetch("GET", url, headers=bearer))
        if more.get("sub") != claims["sub"]:
            raise TokenError("it told about somebody else")
        return {**more, **claims}

    async def _ask(self, anew: bool = False) -> _Known:
        known = self._known
        if known is None or anew or time.monotonic() - known.at > FRESH:
            about = _json(await _fetch("GET", self._url))
            needed = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
            if not all(isinstance(about.get(name), str) for name in needed):
                raise ProviderError("its metadata lack what signing in needs")
            published = _json(await _fetch("GET", about["jwks_uri"])).get("keys")
            keys = _usable(published if isinstance(published, list) else [])
            self._known = known = _Known(about, keys, time.monotonic())
        return known


def person(claims: dict[str, Any], settings: Settings) -> Person | None:
    """Whom the claims are about; None for a stranger to every role."""
    role = role_of(claims, settings.patterns)
    return Person(name(claims), role) if role else None


def name(claims: dict[str, Any]) -> str:
    """What tells people apart as owners: never what somebody could give themselves, as a nickname,
    or an address that the provider has not verified."""
    email = claims.get("email")
    if not is_verified(claims) or not isinstance(email, str) or not email.strip():
        return f"sub:{claims['sub']}"[:LONGEST_NAME]
    return _lower(email.strip())[:LONGEST_NAME]


def _lower(text: str) -> str:
    """ASCII alone: the Kelvin sign is not somebody else's k."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


async def _fetch(method: str, url: str, **asked: Any) -> httpx2.Response:
    try:
        async with asyncio.timeout(PATIENCE), httpx2.AsyncClient(timeout=PATIENCE) as client:
            return await client.request(method, url, **asked)
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError) as error:
        raise ProviderError(type(error).__name__) from None


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        told = answer.json() if answer.status_code == 200 else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise ProviderError(f"status {answer.status_code} at {answer.url.host}")
    return told


def _usable(keys: Collection[Any]) -> KeySet:
    """Public keys of kinds that we know; a provider may publish others beside them."""
    found = []
    for key in keys:
        if not isinstance(key, dict) or key.get("kty") not in KINDS or key.get("use") == "enc":
            continue
        try:
            found += KeySet.import_key_set({"keys": [key]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            log.warning("A key of the sign-in provider cannot be read and is left out.")
    return KeySet(found)


def _reason(error: Exception) -> str:
    return getattr(error, "description", "") or getattr(error, "error", "") or str(error)
