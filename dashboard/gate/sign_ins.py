"""A sign-in: what the browser keeps of it, sealed, and until when it holds.

The cookie says who somebody is and until when. It is sealed with a key that also holds the provider
and the roles: where these change, everybody signs in anew, and nobody keeps a right that was taken.
Signing out is remembered here, since a cookie that was copied would still be good.
"""

import asyncio
import hashlib
import json
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from engine import files, people
from engine.errors import RecordError
from engine.people import Person
from engine.settings import Settings

SIGNED_OUT = "signed-out.json"  # in the workspace
log = logging.getLogger("camsight")


@dataclass(frozen=True)
class SignIn:
    """id: its own, of no meaning; until: seconds since 1970."""

    id: str
    person: Person
    until: float


class SignIns:
    """All sign-ins of a server.

    Args:
        now: seconds since 1970.

    Raises:
        RecordError: if it cannot be read who signed out before; a copied cookie would let in.
    """

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time):
        secret = settings.cookie_secret.get_secret_value()
        self._file = settings.workspace / SIGNED_OUT
        self._signed_out = _read(self._file) if secret else {}  # no cookie of before is good then
        secret = secret or secrets.token_urlsafe(32)
        self._sign_ins = _sealer(secret, "sign-in", settings)
        self._attempts = _sealer(secret, "attempt", settings)
        self._seconds, self._now = 3600 * settings.session_hours, now
        self._open: dict[str, set[asyncio.Event]] = defaultdict(set)

    def begin(self, person: Person) -> tuple[str, float]:
        """The sealed cookie of a new sign-in, and the seconds that it holds."""
        told = {
            "id": secrets.token_urlsafe(16),
            "person": people.write(person),
            "until": self._now() + self._seconds,
        }
        return self._sign_ins.dumps(told), self._seconds

    def read(self, cookie: str) -> SignIn | None:
        """The sign-in that the cookie seals; None where it is none of ours, or over."""
        told = self._unseal(self._sign_ins, cookie)
        if told is None or told["id"] in self._signed_out:
            return None
        return SignIn(told["id"], people.written(told["person"]), told["until"])

    def attempt(self, told: dict[str, Any], seconds: float) -> str:
        """Seal what a browser keeps while somebody is with the provider."""
        return self._attempts.dumps({**told, "until": self._now() + seconds})

    def attempted(self, cookie: str) -> dict[str, Any] | None:
        """What `attempt` sealed; None where it was not here, or is over."""
        return self._unseal(self._attempts, cookie)

    def _unseal(self, sealer: URLSafeSerializer, cookie: str) -> dict[str, Any] | None:
        try:
            told = sealer.loads(cookie)
        except BadData:
            return None
        return told if told["until"] > self._now() else None

    def end(self, sign_in: SignIn) -> None:
        """Sign out: its cookie is good for nothing any more, and its open pages are told."""
        now = self._now()
        self._signed_out = {id: until for id, until in self._signed_out.items() if until > now}
        self._signed_out[sign_in.id] = sign_in.until
        for event in self._open.get(sign_in.id, ()):
            event.set()
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(self._file, self._signed_out)
        except OSError as error:
            log.warning(
                "A sign-out is forgotten when the server ends, since %s cannot be written (%s).",
                self._file, error.strerror,
            )  # fmt: skip

    async def over(self, sign_in: SignIn) -> None:
        """Wait until it has expired or signed out."""
        event = asyncio.Event()
        self._open[sign_in.id].add(event)
        try:
            async with asyncio.timeout(max(0.0, sign_in.until - self._now())):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._open[sign_in.id].discard(event)
            if not self._open[sign_in.id]:
                del self._open[sign_in.id]


def _sealer(secret: str, use: str, settings: Settings) -> URLSafeSerializer:
    about = [use, settings.oidc_url, settings.oidc_client_id, settings.public_url]
    about += [sorted(getattr(settings, role)) for role in ("admins", "trainers", "viewers")]
    return URLSafeSerializer(
        secret, salt=json.dumps(about), signer_kwargs={"digest_method": hashlib.sha256}
    )


def _read(file: Path) -> dict[str, float]:
    try:
        return {str(id): float(until) for id, until in (files.read_json(file) or {}).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        raise RecordError(
            f"{file} cannot be read, which says whose sign-ins are over; remove it, and give "
            "another CAMSIGHT_COOKIE_SECRET."
        ) from None
