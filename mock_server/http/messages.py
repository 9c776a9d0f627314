"""How a body is read, and how an answer is made."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from mock_server.contract.nearest import counted
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Message, Receive, Scope

JSON = "application/json"
_JSON = b"application/json"
NOTE = "vern-mock.note"
"""Where the ASGI scope of a refused call keeps the text of its refusal, for the server's log."""
TOO_DEEP = "the body is nested too deeply"
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of that (lower-case) name."""
    for known, value in scope["headers"]:
        if known == name:
            text: str = value.decode("latin-1")
            return text
    return None


async def read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body; Refusal 413 above `limit` bytes, ClientDisconnect when it breaks off."""
    refuse_longer(scope, limit)
    found: list[bytes] = []
    size, more = 0, True
    while more:
        piece, more = _piece(await receive(), size, limit)
        size += len(piece)
        found.append(piece)
    return found[0] if len(found) == 1 else b"".join(found)


async def pieces(scope: Scope, receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes; Refusal 413 above `limit` bytes, ClientDisconnect when it breaks off."""
    refuse_longer(scope, limit)
    size, more = 0, True
    while more:
        piece, more = _piece(await receive(), size, limit)
        size += len(piece)
        if piece:
            yield piece


def refuse_longer(scope: Scope, limit: int) -> None:
    """Refusal 413 for a body that is declared with more than `limit` bytes."""
    declared = header(scope, b"content-length")
    if declared and declared.isdecimal() and int(declared) > limit:
        raise Refusal(413, f"the body has {counted(int(declared), 'byte')}; at most {limit} are taken")


def _piece(message: Message, size: int, limit: int) -> tuple[bytes, bool]:
    """What comes of a body after `size` bytes, and whether more is to come."""
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    piece: bytes = message.get("body", b"")
    if size + len(piece) > limit:
        raise Refusal(413, f"the body has more than {counted(limit, 'byte')}")
    return piece, message.get("more_body", False)


def parsed(raw: bytes) -> Any:
    """The JSON value of a body; Refusal 400 for anything else, whatever its Content-Type (OP-26)."""
    if not raw:
        raise Refusal(400, "the body is empty; expected a JSON object", "ERR-11")
    try:
        value = orjson.loads(raw)
        # orjson makes a float of what has more than 64 bits; a long account number must not lose its last digits.
        return json.loads(raw) if _LONG_NUMBER.search(raw) else value
    except RecursionError as error:
        raise Refusal(400, TOO_DEEP, "ERR-11") from error
    except ValueError as error:
        raise Refusal(400, f"the body is not valid JSON: {error}", "ERR-11") from error


def canonical(value: Any) -> bytes:
    """The value as JSON in which member order does not count (OP-07)."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # numbers of more than 64 bits, or a member we do not know, nested without end
        try:
            return json.dumps(value, sort_keys=True).encode()
        except RecursionError as error:
            raise Refusal(400, TOO_DEEP, "ERR-11") from error


class Answer(Response):
    """An answer whose body is there as bytes: what nearly every call gets, made with as little work as possible."""

    def __init__(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None, media_type: bytes = _JSON
    ) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
        if headers:
            self.raw_headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer (FMT-01); bytes are taken as they are."""
    return Answer(value if isinstance(value, bytes) else orjson.dumps(value), status, headers)


def error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The contract's one error body (ERR-01, ERR-02)."""
    return answer({"error": text}, status, headers)
