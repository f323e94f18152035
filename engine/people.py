"""Who asks for something, and who may have it.

Where nobody signs in (a dashboard on one's own machine, the command line) whoever asks may do
everything. Where people sign in, each has a role, told by an e-mail address or another claim.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from engine.errors import AccessError


class Role(StrEnum):
    """What a person may do; each may do what those before it may."""

    VIEWER = "viewer"  # look, explain
    TRAINER = "trainer"  # prepare data, train, change and stop what is their own
    ADMIN = "admin"  # all of it, whoever owns it, and the server

    def may(self, needed: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True)
class Person:
    """name: the e-mail address, or what the provider calls the person by; "" where nobody signs
    in."""

    name: str
    role: Role


WHOEVER = Person("", Role.ADMIN)  # where nobody signs in
BY = "CAMSIGHT_BY"


def from_environment() -> Person:
    """For whom this process works: whoever asked the process that started it, told by
    `environment`.

    Raises:
        AccessError: if what is told there names nobody.
    """
    told = os.environ.get(BY)
    if not told:
        return WHOEVER
    try:
        return written(told)
    except (ValueError, TypeError, KeyError):
        raise AccessError(
            f"{BY} does not say for whom this process works, so it does nothing; unset it."
        ) from None


def environment(by: Person) -> dict[str, str]:
    """What tells a child for whom it works."""
    return {BY: write(by)}


def write(person: Person) -> str:
    """The person in ASCII, as a header or the environment can hold it; see `written`."""
    return json.dumps(asdict(person))


def written(text: str) -> Person:
    """The person that `write` wrote."""
    told = json.loads(text)
    return Person(told["name"], Role(told["role"]))


# --- what they may --------------------------------------------------------------------------------


def require(by: Person, role: Role, what: str) -> None:
    """Let only those pass who have the role.

    Args:
        what: is asked for, as "train a run".

    Raises:
        AccessError: naming the person, the role and the one that is needed.
    """
    if not by.role.may(role):
        raise AccessError(
            f"{by.name} is a {by.role} and may not {what}, which takes {_article(role)} {role}; "
            "ask an admin for that role."
        )


def require_own(by: Person, owner: str, what: str) -> None:
    """Let only a trainer pass to whom it belongs, or an admin.

    Args:
        owner: the name of a person; "" of what was made where nobody signed in.
        what: is asked for, as "stop quick-7".

    Raises:
        AccessError: naming the owner.
    """
    require(by, Role.TRAINER, what)
    if by.role is not Role.ADMIN and by.name != owner:
        whose = f"belongs to {owner}" if owner else "belongs to nobody who signs in"
        raise AccessError(f"{by.name} may not {what}, which {whose}; ask the owner or an admin.")


def _article(role: Role) -> str:
    return "an" if role is Role.ADMIN else "a"


# --- who they are ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pattern:
    """People by a claim about them: "*@example.com" is of `email`, "groups=vision" of `groups`."""

    claim: str
    value: str  # each * stands for any letters but @

    @cached_property
    def _matches(self) -> re.Pattern:
        parts = (re.escape(part) for part in self.value.split("*"))
        # ASCII: else the Kelvin sign would be a k, and the long s an s
        return re.compile("[^@]*".join(parts), re.IGNORECASE | re.ASCII)

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Whether the claim, or one of its values where it is a list, is as the pattern says."""
        found = claims.get(self.claim)
        values = found if isinstance(found, (list, tuple)) else [found]
        return any(isinstance(one, str) and self._matches.fullmatch(one) for one in values)


def pattern(text: str) -> Pattern:
    """The pattern that `text` writes.

    Raises:
        ValueError: saying why it is none.
    """
    claim, _, value = text.partition("=") if "=" in text else ("email", "=", text)
    if not re.fullmatch(r"[A-Za-z_][\w.:/-]*", claim):
        raise ValueError(f"'{text}' has no claim before the '='; write it as groups=vision")
    if claim == "email" and value.count("@") != 1:
        raise ValueError(f"'{text}' is no address; write it as ann@example.com or *@example.com")
    if not value.replace("*", "").strip("@ ") or re.search(r"\s", value):
        raise ValueError(f"'{text}' would fit everybody; name a domain, a person or a group")
    return Pattern(claim, value)


def role_of(claims: Mapping[str, Any], patterns: Mapping[Role, Sequence[Pattern]]) -> Role | None:
    """The highest role that a pattern gives to whom the claims are about; None for a stranger.

    An address that the provider says it has not verified is nobody's.
    """
    if not is_verified(claims):
        claims = {name: value for name, value in claims.items() if name != "email"}
    fitting = (r for r in reversed(Role) if any(one.fits(claims) for one in patterns.get(r, ())))
    return next(fitting, None)


def is_verified(claims: Mapping[str, Any]) -> bool:
    """Whether the provider does not deny that the address is theirs; some write "false" in letters,
    and many say nothing of it."""
    return claims.get("email_verified", True) in (True, "true", "True")
