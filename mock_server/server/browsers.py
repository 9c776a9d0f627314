"""What a browser may do here: by which names its pages may ask for the mock, and pages of which origins (CORS).

A page whose own name was made to lead to this machine (DNS rebinding) gives itself away by the Host header: the web's
names have a dot, those of the own network need none.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mock_server.contract.nearest import shown
from mock_server.http.messages import Answer
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from mock_server.kernel.settings import Settings
    from mock_server.session.exchange import Exchange

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]*)(?::[0-9]*)?")
EXPOSED = b"retry-after, x-mock-request-id, x-mock-fault, preference-applied, content-disposition, allow"
"""The headers of an answer that a page may read beside the plain ones."""
_REMEMBERED = 100


def names(settings: Settings, host: str, address: str) -> frozenset[str] | None:
    """The names by which a server is known that listens there; None: by any.

    Whoever lets other machines in has named no name by that, and is asked by one that this machine may not know.
    """
    if "*" in settings.allowed_hosts or not (settings.allowed_hosts or ipaddress.ip_address(address).is_loopback):
        return None
    public = urlsplit(settings.public_url or "").hostname or host
    return frozenset(each.lower() for each in (*settings.allowed_hosts, public, host, address))


class Hosts:
    """The names by which a server is known."""

    def __init__(self, names: frozenset[str] | None) -> None:
        self._names = names
        self._seen: set[bytes | None] = {None}
        """Values of the header that were right; one is looked at once."""

    def welcome(self, header: bytes | None) -> bool:
        """Whether a request with this Host header is for this server."""
        if self._names is None or header in self._seen:
            return True
        known = self._is_known(header or b"")
        if known and len(self._seen) < _REMEMBERED:
            self._seen.add(header)
        return known

    def _is_known(self, header: bytes) -> bool:
        found = _HOST.fullmatch(header.decode("latin-1"))
        name = "" if found is None else found[1].strip("[]").rstrip(".").lower()
        if found is None or self._names is None:
            return False
        if name in self._names or name.endswith(".localhost") or not {".", ":"} & set(name):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def refuse_host(x: Exchange) -> Response:
    """Refusal 421 for a request by a name that the server does not know."""
    x.arrive(x.sessions.strays, x.given, x.real)
    host = shown((x.host or b"").decode("latin-1"))
    raise Refusal(
        421, f"this mock is not known as {host}; when that is right, start it with --allowed-host and the name"
    )


def cors(settings: Settings, page: bytes) -> Sequence[tuple[bytes, bytes]]:
    """The headers that let a page of this origin read an answer; none where it may not."""
    origins = settings.origins
    if "*" in origins:
        return ((b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", EXPOSED))
    if page.decode("latin-1").lower() not in origins:
        return ()
    allowed = (b"access-control-allow-origin", page)
    return (allowed, (b"access-control-expose-headers", EXPOSED), (b"vary", b"origin"))


def is_preflight(x: Exchange) -> bool:
    """Whether a browser asks what a page may do."""
    return x.scope["method"] == "OPTIONS" and x.header(b"access-control-request-method") is not None


def answer_preflight(x: Exchange) -> Response:
    """What a page may do: every method, so that a wrong one gets its 405, and every header that it asks for."""
    x.arrive(x.sessions.strays, x.given, x.real)
    if not x.cors:
        page = shown((x.page or b"").decode("latin-1"))
        raise Refusal(403, f"no page of {page} may ask; when one may, start the mock with --cors and that origin")
    bare = Answer(b"", 204)
    asked = x.header(b"access-control-request-headers") or "x-api-key, content-type, prefer"
    bare.raw_headers = [
        (b"access-control-allow-methods", b"GET, HEAD, POST, PUT"),
        (b"access-control-allow-headers", asked.encode("latin-1")),
        (b"access-control-max-age", b"600"),
    ]
    return bare
