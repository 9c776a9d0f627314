"""What a browser may do here: by which names its pages may ask for the mock, and pages of which origins (CORS).

A page whose own name was made to lead to this machine (DNS rebinding) gives itself away by the Host header: the web's
names have a dot, those of the own network need none.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mock_server.contract.nearest import shown
from mock_server.http.messages import Answer
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.responses import Response

    from mock_server.kernel.settings import Settings
    from mock_server.session.exchange import Exchange

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]*)(?::[0-9]*)?")
EXPOSED = b"retry-after, x-mock-request-id, x-mock-fault, preference-applied, content-disposition, allow"
"""The headers of an answer that a page may read beside the plain ones."""


def host_check(settings: Settings, host: str, address: str) -> Callable[[bytes | None], bool]:
    """Whether a request with this Host header is for the server that listens there.

    Whoever lets other machines in has named no name by that, and is asked by one that this machine may not know.
    """
    allowed = settings.allowed_hosts
    if "*" in allowed or not (allowed or ipaddress.ip_address(address).is_loopback):
        return lambda _: True
    public = urlsplit(settings.public_url or "").hostname or host
    names = frozenset(each.strip("[]").rstrip(".").lower() for each in (*allowed, public, host, address))

    @lru_cache(maxsize=20)
    def is_known(header: bytes | None) -> bool:
        found = _HOST.fullmatch((header or b"").decode("latin-1"))
        name = "." if found is None else found[1].strip("[]").rstrip(".").lower()
        if name in names or name.endswith(".localhost") or not {".", ":"} & set(name):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    return is_known


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
    if page.decode("latin-1").lower() not in map(str.lower, origins):
        return ()
    allowed = (b"access-control-allow-origin", page)
    return (allowed, (b"access-control-expose-headers", EXPOSED), (b"vary", b"origin"))


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
