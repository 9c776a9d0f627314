"""Under which address a caller reaches the mock: as its Host header has it, or as a proxy says that is trusted.

Of a proxy's headers the first value is the one nearest to the client; what has not the form of an address is not looked
at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

_TOLD = {b"x-forwarded-proto": "proto", b"x-forwarded-host": "host", b"x-forwarded-prefix": "prefix"}
_FORMS = {
    "proto": re.compile("https?"),
    "host": re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"),
    "prefix": re.compile(r"(?:/[A-Za-z0-9_.~-]+)+/?"),
}


def origin(scope: Scope, host: str | None, *, trusted: bool) -> str:
    """Scheme, host and prefix of the URLs that lead a caller back here; `trusted`: as the proxy's headers say."""
    told = _told(scope) if trusted else {}
    scheme, host = told.get("proto", scope["scheme"]), told.get("host", host)
    if not host:  # HTTP/1.0 needs none
        address, port = scope.get("server") or ("localhost", None)
        address = f"[{address}]" if ":" in address else address
        host = address if port is None else f"{address}:{port}"
    return f"{scheme}://{host}{told.get('prefix', '').rstrip('/')}"


def _told(scope: Scope) -> dict[str, str]:
    """What the proxies in between say: by X-Forwarded-*, else by Forwarded (RFC 7239)."""
    told: dict[str, str] = {}
    forwarded: dict[str, str] = {}
    for name, raw in scope["headers"]:
        first = raw.decode("latin-1").partition(",")[0].strip()
        if name == b"forwarded":
            pairs = (pair.strip().partition("=") for pair in first.split(";"))
            forwarded = {what.lower(): value.strip('"') for what, _, value in pairs} | forwarded
        elif name in _TOLD:
            told.setdefault(_TOLD[name], first)
    told = forwarded | told
    return {what: value for what, value in told.items() if what in _FORMS and _FORMS[what].fullmatch(value)}
