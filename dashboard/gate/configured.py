"""Whether what the settings say about signing in is whole: the server does not start on half of it.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from engine.errors import ConfigError
from engine.settings import Settings

SECRET = 32  # letters, at the least, that sign-ins are sealed with
OURS = {"host", "origin", "cookie", "forwarded", "x-forwarded-for", "x-camsight-person"}


def check(settings: Settings) -> None:
    """Refuse to serve where somebody could enter who is not meant to.

    Raises:
        ConfigError: naming the variable, and what to set.
    """
    if settings.sign_in == "none":
        _check_nobody_signs_in(settings)
        return
    if settings.anyone:
        raise ConfigError(
            "CAMSIGHT_ANYONE lets in whoever comes, and CAMSIGHT_SIGN_IN asks who it is; take one "
            "of them away."
        )
    if not any(settings.patterns.values()):
        raise ConfigError(
            f"CAMSIGHT_SIGN_IN={settings.sign_in} would let nobody in, since nobody has a role; "
            "name people in CAMSIGHT_ADMINS, CAMSIGHT_TRAINERS or CAMSIGHT_VIEWERS."
        )
    if settings.public_url:
        _check_public_url(settings.public_url)
    if settings.sign_in == "oidc":
        _check_oidc(settings)
    else:
        _check_proxy(settings)


def is_loopback(host: str) -> bool:
    """Whether only this machine itself can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().removesuffix(".") == "localhost"


def is_https(settings: Settings) -> bool:
    """Whether people reach the dashboard encrypted, by what terminates TLS in front."""
    return settings.public_url.startswith("https://")


def _check_nobody_signs_in(settings: Settings) -> None:
    named = ["admins", "trainers", "viewers", "oidc_url"]
    if not settings.anyone:  # who is behind a proxy is counted by address there
        named.append("proxy_addresses")
    given = [name for name in named if getattr(settings, name)]
    if given:
        raise ConfigError(
            f"CAMSIGHT_{given[0].upper()} is set although nobody signs in; set CAMSIGHT_SIGN_IN to "
            "oidc or proxy, or take it away."
        )
    if not is_loopback(settings.host) and not settings.anyone:
        raise ConfigError(
            f"whoever reaches {settings.host} could train, delete and read everything, since "
            "nobody signs in; set CAMSIGHT_SIGN_IN, or CAMSIGHT_ANYONE=yes where that is meant."
        )


def _check_oidc(settings: Settings) -> None:
    missing = [
        f"CAMSIGHT_{name.upper()}"
        for name in ("oidc_url", "oidc_client_id", "oidc_client_secret", "public_url")
        if not _told(settings, name)
    ]
    if missing:
        raise ConfigError(f"CAMSIGHT_SIGN_IN=oidc lacks {', '.join(missing)}; set each of them.")
    url = urlsplit(settings.oidc_url)
    if not _is_safe(url):
        raise ConfigError(
            f"CAMSIGHT_OIDC_URL = {settings.oidc_url!r} cannot be used: whoever sits in between "
            "could say who signs in; give an address that begins with https://."
        )
    secret = settings.cookie_secret.get_secret_value()
    if secret and len(secret) < SECRET:
        raise ConfigError(
            f"CAMSIGHT_COOKIE_SECRET cannot be used: it could be guessed; give {SECRET} letters or "
            "more, as `openssl rand -hex 32` makes them."
        )


def _check_public_url(address: str) -> None:
    url = urlsplit(address)
    if not _is_safe(url) or url.path.strip("/") or url.query or url.fragment or "@" in address:
        raise ConfigError(
            f"CAMSIGHT_PUBLIC_URL = {address!r} cannot be used; give a name with https:// and "
            "without a path, as https://camsight.example (http:// is for loopback alone)."
        )


def _check_proxy(settings: Settings) -> None:
    if not settings.proxy_addresses:
        raise ConfigError(
            "CAMSIGHT_SIGN_IN=proxy lacks CAMSIGHT_PROXY_ADDRESSES: whoever wrote the header would "
            "be believed; set the address that the proxy connects from."
        )
    header = settings.proxy_header
    if not re.fullmatch(r"[A-Za-z0-9-]+", header) or header.lower() in OURS:
        raise ConfigError(
            f"CAMSIGHT_PROXY_HEADER = {header!r} cannot be used; give the header in which the "
            "proxy writes an e-mail address, as X-Forwarded-Email."
        )


def _told(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def _is_safe(url: SplitResult) -> bool:
    try:
        host, _ = url.hostname, url.port
    except ValueError:
        return False
    if not host:
        return False
    return url.scheme == "https" or (url.scheme == "http" and is_loopback(host))
