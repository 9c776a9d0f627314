"""A request that is to be sent, made by a contract or for a URL that the target gave out, and the answer to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import httpx2

if TYPE_CHECKING:
    from conformance.model.results import Exchange
    from mock_server.contract.document import Contract


class Unset:
    """The class of `UNSET`: no body was sent."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


def unchanged(text: str) -> str:
    """The text as it is: what an answer is cleaned with where nobody knows of a secret."""
    return text


@dataclass(frozen=True, slots=True)
class Answer:
    """One exchange as the checks see it; what came is here as it came, and only `text` and `exchange` may be shown."""

    operation: str | None
    """The operationId; None for a URL that is no operation's, such as a signed upload URL."""
    status: int | None
    """None when no whole answer came; `problem` says why."""
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    content: bytes = field(repr=False)
    json: Any = field(repr=False)
    """The body read as JSON; None also when it is no JSON, which `readable` tells."""
    readable: bool
    """Whether the body is JSON in UTF-8."""
    problem: str | None
    """What kept the answer from being read, in a sentence."""
    exchange: Exchange
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ids: Mapping[str, Any] = field(default_factory=dict)
    """The ids in the path that was asked for, by name."""
    sent: Any = field(default=UNSET, repr=False)
    """The JSON body that was sent; UNSET when there was none."""
    repeated: bool = False
    """A 429 that the client answered by waiting and asking again; it is nobody's verdict."""
    clean: Callable[[str], str] = field(default=unchanged, repr=False, compare=False)
    """Takes the secrets out of a text that quotes the answer."""

    @property
    def ok(self) -> bool:
        """Whether it is a whole answer of 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The whole body as text, without secrets."""
        return self.clean(self.content.decode("utf-8", "replace"))

    @property
    def media_type(self) -> str:
        """The media type without parameters; empty when none is named."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Unreadable(Exception):
    """The body is no JSON; the message says why, and quotes nothing."""


def read(content: bytes, media_type: str) -> Any:
    """The body as JSON; raises Unreadable."""
    if not content:
        raise Unreadable("expected JSON, got an empty body")
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise Unreadable(f"expected JSON in UTF-8; byte {error.start} of the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        kind = "" if media_type in ("", "application/json") else f", got {media_type}"
        raise Unreadable(f"expected JSON{kind}: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise Unreadable("expected JSON; the body is nested too deeply to be read") from None
    except ValueError as error:
        raise Unreadable(f"expected JSON; {error}") from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


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
    download: bool = False
    """Whether its operation succeeds with something else than JSON."""
    gives_upload_url: bool = False
    """Whether the answer of its operation holds a signed URL, which is a secret."""
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


class Requests:
    """Makes the requests for the operations of a contract at a base URL."""

    def __init__(self, at: httpx2.URL, contract: Contract) -> None:
        self._at = at
        self._contract = contract

    def for_operation(  # noqa: PLR0913 - an operation's parts
        self,
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
        operation = self._contract.operations[operation_id]
        route = operation.route.removeprefix(self._contract.prefix)
        path = _PARAMETER.sub(lambda found: _segment(ids.get(found[1])), route)
        content = raw if raw is not None or body is UNSET else json.dumps(body).encode()
        given = {} if content is None else {"content-type": "application/json"}
        given |= {name.lower(): value for name, value in (headers or {}).items()}
        return self._of(
            operation_id,
            operation.method,
            str(self._at) + path + (f"?{urlencode(query, doseq=True)}" if query else ""),
            key,
            headers={name: value for name, value in given.items() if value},
            content=content,
            sent=UNSET if raw is not None else body,
            query=dict(query or {}),
            ids=ids,
            limit=limit,
        )

    def for_url(self, url: httpx2.URL, key: Key | str) -> Request:
        """A GET of a URL that the target gave out, by the operation that it is."""
        for prefix in (self._at.path.rstrip("/"), self._contract.prefix):
            match = self._contract.match("GET", self._contract.prefix + url.path.removeprefix(prefix))
            if match.operation is not None:
                return self._of(match.operation.id, "GET", str(url), key, query=dict(url.params), ids=match.parameters)
        return Request(None, "GET", str(url), key)

    def _of(
        self, operation_id: str, method: str, url: str, key: Key | str, *, limit: int | None = None, **members: Any
    ) -> Request:
        download = operation_id not in self._contract.json_operations
        return Request(
            operation_id,
            method,
            url,
            key,
            limit=limit or (DOWNLOAD_LIMIT if download else JSON_LIMIT),
            download=download,
            gives_upload_url=not download and self._gives_upload_url(operation_id),
            **members,
        )

    def _gives_upload_url(self, operation_id: str) -> bool:
        known = self._contract
        media = (each["content"].get("application/json", {}) for each in known.successes(operation_id))
        return any("upload_url" in known.resolved(each.get("schema", {})).get("properties", ()) for each in media)


def _segment(value: str | None) -> str:
    """An id as one segment of a path, dots included, which would otherwise lead elsewhere."""
    quoted = quote(value or "", safe="")
    return quoted.replace(".", "%2E") if quoted in (".", "..") else quoted
