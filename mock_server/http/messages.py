"""How a body is read, and how an answer is made."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from mock_server.contract.nearest import counted
from mock_server.http.steps import read_in_steps
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Message, Receive, Scope

JSON = "application/json"
_JSON = b"application/json"
NOTE = "vern-mock.note"
"""Where the ASGI scope of a refused call keeps the text of its refusal, for the server's log."""
DEEPEST = 254
"""How deep a body may be nested: what goes deeper, orjson does not write, and nothing of ours reads."""
TOO_DEEP = f"the body is nested too deeply; at most {DEEPEST} levels are taken"
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", **dict.fromkeys((b"x\x01", b"x\x9c", b"x\xda"), "deflate")}
"""How a body begins that somebody compressed and did not say so."""
_SLASH = re.compile("%2[Ff]")
LARGE = 200_000
"""Bytes of a body from which on it is read and checked in a thread, so that nobody else waits for it."""
_DIGITS = bytes(48 if 48 <= each < 58 else 32 for each in range(256))
_LONG_NUMBER = b"0" * 19
"""What is in a body that has a number of so many digits, once every digit is a 0."""


def plain_path(raw: bytes) -> str:
    """The path with its escapes read, but for those of slashes: they part nothing (RFC 3986, 2.2)."""
    return "%2F".join(unquote(part) for part in _SLASH.split(raw.decode("ascii", "replace")))


async def read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body; Refusal 413 above `limit` bytes, ClientDisconnect when it breaks off."""
    _refuse_unreadable(scope, limit)
    found: list[bytes] = []
    size, more = 0, True
    while more:
        piece, more = _piece(await receive(), size, limit)
        size += len(piece)
        found.append(piece)
    return found[0] if len(found) == 1 else b"".join(found)


async def pieces(scope: Scope, receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes; Refusal 413 above `limit` bytes, ClientDisconnect when it breaks off."""
    _refuse_unreadable(scope, limit)
    size, more = 0, True
    while more:
        piece, more = _piece(await receive(), size, limit)
        size += len(piece)
        if piece:
            yield piece


def _refuse_unreadable(scope: Scope, limit: int) -> None:
    """Refusal 415 for a body that is said to be encoded, 413 for one that is declared with more than `limit` bytes."""
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            text = (
                f"Content-Encoding {value.decode('latin-1')!r} is not taken; send the body as it is, without encoding"
            )
            raise Refusal(415, text, headers={"Accept-Encoding": "identity"})
    declared: bytes = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if declared.isdigit() and int(declared) > limit:
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
    """The JSON value of a body; Refusal 400 for anything else, whatever its Content-Type (OP-26).

    A large one is for a thread.
    """
    if not raw:
        raise Refusal(400, "the body is empty; expected a JSON object", "ERR-11")
    try:
        return _read(raw, 0) if len(raw) <= LARGE else read_in_steps(raw, _read)
    except (RecursionError, orjson.JSONEncodeError) as error:
        raise Refusal(400, TOO_DEEP, "ERR-11") from error
    except ValueError as error:
        raise Refusal(400, _why_no_json(raw, error), "ERR-11") from error


def _read(raw: bytes, around: int) -> Any:
    """The JSON value of a text in so many arrays and objects; JSONEncodeError when it is nested too deeply."""
    value = orjson.loads(raw)
    if len(raw) > DEEPEST - around and raw.count(b"[") + raw.count(b"{") > DEEPEST - around:
        deep = value
        for _ in range(around):
            deep = [deep]
        orjson.dumps(deep)
    # orjson makes a float of what has more than 64 bits; a long account number must not lose its last digits.
    return json.loads(raw) if _LONG_NUMBER in raw.translate(_DIGITS) else value


def _why_no_json(raw: bytes, error: ValueError) -> str:
    """What keeps the body from being JSON: how it is encoded, how deep it is, else where it goes wrong."""
    if "depth limit" in str(error):
        return TOO_DEEP
    encoding = json.detect_encoding(raw)
    if encoding.startswith(("utf-16", "utf-32")):
        return f"the body is {encoding[:6].upper()}; JSON is sent as UTF-8"
    if packed := next((name for magic, name in _PACKED.items() if raw.startswith(magic)), None):
        return f"the body is compressed ({packed}); send it as it is, without encoding"
    try:
        raw.decode()
    except UnicodeDecodeError as wrong:
        return f"the body is not UTF-8, as JSON is: byte {wrong.start + 1} is 0x{raw[wrong.start]:02x}"
    return f"the body is not valid JSON: {error}"


def as_json(value: Any) -> bytes:
    """The value as JSON that may be kept: what orjson makes occupies 4 KB, however short it is."""
    return bytes(memoryview(orjson.dumps(value)))


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
    return Answer(value if isinstance(value, bytes) else as_json(value), status, headers)


def failure() -> Answer:
    """The answer where the mock itself has failed."""
    return error(500, "the mock failed to answer; its log has the details")


def head_of(response: Response) -> Answer:
    """The answer to a HEAD: the same headers, and no body (RFC 9110, 9.3.2)."""
    bare = Answer(b"", response.status_code)
    bare.raw_headers = response.raw_headers
    return bare


def error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The contract's one error body (ERR-01, ERR-02)."""
    return answer({"error": text}, status, headers)
