"""A request that is to be sent, made from an operation of the contract or from a URL that the target gave out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx2

from conformance.http.answer import UNSET
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_LIMIT = 20_000_000  # bytes of a JSON body
DOWNLOAD_LIMIT = 200_000_000  # bytes of a CSV or ZIP
_PARAMETER = re.compile(r"\{(\w+)\}")


class Key(Enum):
    """Which of the target's keys a call is made with; the value is what stands for it in commands."""

    DEFAULT = "$VERN_API_KEY"
    OTHER = "$OTHER_KEY"
    REVOKED = "$REVOKED_KEY"
    NO_KEY = ""


DEFAULT, OTHER, REVOKED, NO_KEY = Key.DEFAULT, Key.OTHER, Key.REVOKED, Key.NO_KEY
WRONG_KEY = "$WRONG_KEY"  # what stands for a key that a check made up out of a real one


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent, with its secrets, save the key's value."""

    operation: str | None
    """The operationId; None for a URL that is no operation's."""
    method: str
    url: str
    key: Key | str = NO_KEY
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    sent: Any = field(default=UNSET, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict)
    ids: Mapping[str, str | None] = field(default_factory=dict)
    """The ids in the operation's path by name."""
    limit: int = JSON_LIMIT
    signed: bool = False
    """Whether the URL itself is the permission, and a secret."""


def origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port: where the key may go."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def base(url: str) -> httpx2.URL:
    """The base URL of a target; raises ValueError with what is wrong with it."""
    try:
        parsed = httpx2.URL(url.rstrip("/"))
    except httpx2.InvalidURL as error:
        raise ValueError(f"base_url: expected an address such as https://api.example.com/api/v1; {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError(
            "base_url: expected http:// or https://, a host and a path, without user, query and fragment, "
            f"such as https://api.example.com/api/v1; got {parsed.scheme or 'no scheme'}://{parsed.host or '(no host)'}"
        )
    return parsed


def for_operation(  # noqa: PLR0913 - an operation's parts
    at: httpx2.URL,
    operation_id: str,
    *,
    ids: Mapping[str, str | None],
    query: Mapping[str, Any] | None,
    body: Any,
    raw: bytes | None,
    headers: Mapping[str, str] | None,
    key: Key | str,
    limit: int | None,
) -> Request:
    """The request for an operation; `raw` replaces `body`."""
    operation = contract.load().operations[operation_id]
    route = operation.route.removeprefix(contract.API)
    path = _PARAMETER.sub(lambda found: _segment(ids.get(found[1])), route)
    content = raw if raw is not None or body is UNSET else json.dumps(body).encode()
    given = {} if content is None else {"content-type": "application/json"}
    given |= {name.lower(): value for name, value in (headers or {}).items()}
    return Request(
        operation_id,
        operation.method,
        str(at) + path + (f"?{urlencode(query, doseq=True)}" if query else ""),
        key,
        {name: value for name, value in given.items() if value},
        content,
        UNSET if raw is not None else body,
        dict(query or {}),
        ids,
        limit or _limit(operation_id),
    )


def for_url(at: httpx2.URL, url: httpx2.URL, key: Key | str) -> Request:
    """A GET of a URL that the target gave out, by the operation that it is."""
    for prefix in (at.path.rstrip("/"), contract.API):
        match = contract.load().match("GET", contract.API + url.path.removeprefix(prefix))
        if match.operation is not None:
            return Request(
                match.operation.id,
                "GET",
                str(url),
                key,
                query=dict(url.params),
                ids=match.parameters,
                limit=_limit(match.operation.id),
            )
    return Request(None, "GET", str(url), key)


def _segment(value: str | None) -> str:
    """An id as one segment of a path, dots included, which would otherwise lead elsewhere."""
    quoted = quote(value or "", safe="")
    return quoted.replace(".", "%2E") if quoted in (".", "..") else quoted


def is_download(operation_id: str | None) -> bool:
    """Whether the operation succeeds with something else than JSON."""
    return operation_id is not None and operation_id not in contract.load().json_operations


@cache
def gives_upload_url(operation_id: str | None) -> bool:
    """Whether the answer of the operation holds a signed URL, which is a secret."""
    known = contract.load()
    if operation_id not in known.json_operations:
        return False
    found = [each["content"].get("application/json", {}).get("schema", {}) for each in known.successes(operation_id)]
    return any("upload_url" in known.resolved(schema).get("properties", ()) for schema in found)


def _limit(operation_id: str) -> int:
    return DOWNLOAD_LIMIT if is_download(operation_id) else JSON_LIMIT
