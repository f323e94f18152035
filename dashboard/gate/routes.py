"""The pages where one signs in and out, where that is done by OpenID Connect."""

import logging
import re
import time
from hmac import compare_digest
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from dashboard.gate import door, oidc, pages
from dashboard.gate.configured import is_https
from dashboard.gate.oidc import Attempt, Provider, ProviderError, TokenError
from dashboard.gate.sign_ins import SignIns
from dashboard.gate.who import ASKED, SCOPE, cookie_name
from engine.settings import Settings

ATTEMPT_SECONDS = 600  # that somebody may take at the provider
log = logging.getLogger("camsight")


class SignInPages:
    """Sign in, its way to the provider and back, and sign out."""

    def __init__(self, settings: Settings, sign_ins: SignIns):
        self._settings, self._sign_ins = settings, sign_ins
        origin = settings.public_url.rstrip("/")
        self._provider = Provider(settings, redirect_uri=origin + door.CALLBACK)
        self._cookie, self._secure = cookie_name(settings), is_https(settings)
        self._attempt = f"{self._cookie}-attempt"
        self._used: dict[str, float] = {}  # states that came back, and until when they may

    def routes(self) -> list[BaseRoute]:
        return [
            Route(door.SIGN_IN, self._sign_in),
            Route(door.START, self._start),
            Route(door.CALLBACK, self._callback),
            Route(door.SIGN_OUT, self._sign_out, methods=["GET", "POST"]),
        ]

    async def _sign_in(self, request: Request) -> Response:
        wanted = own_path(request.query_params.get("next", ""))
        if request.scope[SCOPE]:
            return RedirectResponse(wanted, status_code=303)
        return pages.page(
            "Sign in",
            ["Camsight trains image classifiers and shows what they look at. This one is for "
             "people who have a role in it."],
            links=[("Sign in", _start_at(wanted))],
        )  # fmt: skip

    async def _start(self, request: Request) -> Response:
        wanted = own_path(request.query_params.get("next", ""))
        attempt = Attempt.new()
        try:
            where = await self._provider.where(attempt)
        except ProviderError as error:
            return _unreachable(error, wanted)
        answer = RedirectResponse(where, status_code=303, headers={"Cache-Control": "no-store"})
        sealed = self._sign_ins.attempt({**vars(attempt), "next": wanted}, ATTEMPT_SECONDS)
        self._keep(answer, self._attempt, sealed, ATTEMPT_SECONDS)
        return answer

    async def _callback(self, request: Request) -> Response:
        told = self._sign_ins.attempted(request.cookies.get(self._attempt, ""))
        state = request.query_params.get("state", "")
        if told is None or not self._is_first(told["state"], state):
            return _refused("This attempt to sign in is over, or began in another browser.", 400)
        wanted, attempt = told.pop("next"), Attempt(told["state"], told["nonce"], told["verifier"])
        answer = await self._answered(request, attempt, wanted)
        answer.delete_cookie(
            self._attempt, path="/", secure=self._secure, httponly=True, samesite="lax"
        )
        return answer

    async def _answered(self, request: Request, attempt: Attempt, wanted: str) -> Response:
        code = request.query_params.get("code", "")
        if not code:
            said = request.query_params.get("error", "")
            why = f" ({said})" if re.fullmatch(r"[a-z_]{1,60}", said) else ""
            return _refused(f"The sign-in provider let nobody in{why}.", 403)
        try:
            claims = await self._provider.claims(code, attempt)
        except ProviderError as error:
            return _unreachable(error, wanted)
        except TokenError as error:
            log.warning("A sign-in is refused: of the provider's answer, %s.", error)
            return _refused("What the sign-in provider answered cannot be trusted.", 403)
        person = oidc.person(claims, self._settings)
        if person is None:
            name = oidc.name(claims)
            log.warning("signed in, but has no role here", extra={"user": name})
            return door.no_role(name, await self._elsewhere("Sign in as somebody else"))
        log.info("signed in as %s", person.role, extra={"user": person.name})
        cookie, seconds = self._sign_ins.begin(person)
        answer = RedirectResponse(wanted, status_code=303, headers={"Cache-Control": "no-store"})
        self._keep(answer, self._cookie, cookie, seconds)
        return answer

    async def _sign_out(self, request: Request) -> Response:
        sign_in = request.scope[ASKED].sign_in  # the door lets nobody pass without
        if request.method != "POST":
            return pages.page(
                "Sign out",
                [f"You are signed in as {sign_in.person.name}; your role is {sign_in.person.role}.",
                 "Signing out closes your open pages. What is training goes on."],
                form=("Sign out", door.SIGN_OUT),
                links=[("Stay signed in", "/")],
            )  # fmt: skip
        self._sign_ins.end(sign_in)
        log.info("signed out", extra={"user": sign_in.person.name})
        links = await self._elsewhere("Sign in again")
        answer = pages.page("Signed out", ["You are signed out of Camsight."], links=links)
        answer.delete_cookie(
            self._cookie, path="/", secure=self._secure, httponly=True, samesite="lax"
        )
        return answer

    async def _elsewhere(self, again: str) -> list[tuple[str, str]]:
        """To sign in, and to the provider, which else may let in the same person unasked."""
        elsewhere = await self._provider.sign_out_url()
        there = [("Sign out at the provider", elsewhere)] if elsewhere else []
        return [(again, door.SIGN_IN), *there]

    def _is_first(self, begun: str, state: str) -> bool:
        """Whether this is the attempt that this browser began, and has not come back before."""
        now = time.monotonic()
        self._used = {one: until for one, until in self._used.items() if until > now}
        if not compare_digest(begun.encode(), state.encode()) or state in self._used:
            return False
        self._used[state] = now + ATTEMPT_SECONDS
        return True

    def _keep(self, answer: Response, name: str, value: str, seconds: float) -> None:
        answer.set_cookie(
            name, value, max_age=int(seconds), path="/", secure=self._secure, httponly=True,
            samesite="lax",
        )  # fmt: skip


def own_path(wanted: str) -> str:
    """Where somebody wanted to go, if that is a page of ours; the first page otherwise.

    >>> own_path("/evaluate?run=quick-1"), own_path("//evil.example"), own_path("https://evil")
    ('/evaluate?run=quick-1', '/', '/')
    """
    ours = re.fullmatch(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", wanted)
    return wanted if ours and len(wanted) < 2000 and not wanted.startswith("/sign-") else "/"


def _start_at(wanted: str) -> str:
    return f"{door.START}?{urlencode({'next': wanted})}"


def _unreachable(error: ProviderError, wanted: str) -> Response:
    log.warning("The sign-in provider cannot be asked: %s.", error)
    return pages.page(
        "Nobody can sign in now",
        ["The sign-in provider does not answer as it should. Who is signed in already can go on.",
         "Try again in a minute; if it stays so, tell whoever runs Camsight."],
        links=[("Try again", _start_at(wanted))],
        status=503,
    )  # fmt: skip


def _refused(sentence: str, status: int) -> Response:
    return pages.page(
        "Not signed in", [sentence], links=[("Sign in again", door.SIGN_IN)], status=status
    )
