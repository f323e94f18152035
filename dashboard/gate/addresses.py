"""From which address somebody asks, where a proxy may stand between."""

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope


class Proxies:
    """The proxies whose words about others are believed.

    Args:
        networks: addresses or networks, as CAMSIGHT_PROXY_ADDRESSES has them.
    """

    def __init__(self, networks: Sequence[str]):
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def sent(self, scope: Scope) -> bool:
        """Whether one of them handed this on."""
        return self._are(_peer(scope))

    def address(self, scope: Scope) -> str:
        """Who asks: the peer, or, where that is a proxy, the nearest in X-Forwarded-For that is
        none. What comes before that was written by whoever asks."""
        address = _peer(scope)
        chain = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
        while self._are(address) and chain:
            told = _address(chain.pop().strip())
            if told is None:
                break
            address = told
        return str(address) if address else ""

    def _are(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _peer(scope: Scope) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    return _address(scope["client"][0]) if scope.get("client") else None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IPv4 address also where a socket of both kinds writes it as ::ffff:10.0.0.2."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
