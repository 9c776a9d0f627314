"""The edge: what a handler is given of a request, how a body is read, and how an answer is made."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from mock_server.contract.clause_map import refusal_clause
from mock_server.dialects.reading import Heard
from mock_server.http.prefer import dialect_of
from mock_server.kernel.clock import real_time
from mock_server.preview.account import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from starlette.types import Message, Receive, Scope

    from mock_server.contract.document import Contract
    from mock_server.preview.session import Session
    from mock_server.recording.journal import Entry

JSON = "application/json"
TOO_DEEP = "the body is nested too deeply"
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


@dataclass(slots=True)
class Call:
    """One request to an operation: who calls, what for, and the session's time when it arrived."""

    scope: Scope
    receive: Receive
    contract: Contract
    session: Session
    operation_id: str
    parameters: Mapping[str, str]
    now: int
    entry: Entry

    def header(self, name: bytes) -> str | None:
        """The first header of that (lower-case) name."""
        return header(self.scope, name)

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last counts."""
        return dict(parse_qsl(self.scope["query_string"].decode("latin-1"), keep_blank_values=True))

    @property
    def origin(self) -> str:
        """Scheme and host as the caller wrote them, so that a signed URL leads back here."""
        return f"{self.scope['scheme']}://{self.header(b'host') or 'localhost'}"

    def later(self) -> int:
        """The session's time now, when the call itself has taken a while."""
        now = self.entry.acted = self.session.clock.at(real_time())
        return now

    async def json(self, *, optional: bool = False) -> Any:
        """The body, checked against the contract; Refusal 400 with what is wrong (ERR-11)."""
        raw = await read(self.scope, self.receive, self.session.settings.max_body)
        body = {} if optional and not raw else self._heard(parsed(raw))
        if (wrong := self.contract.request_complaint(self.operation_id, body)) is not None:
            found = self.contract.request_differences(self.operation_id, body)
            raise Refusal(400, wrong, refusal_clause(self.contract, self.operation_id, found))
        return body

    def _heard(self, body: Any) -> Any:
        """The body as the call's dialect takes it; Refusal where that takes less than the mock usually does."""
        dialect = dialect_of(self.scope, self.session)
        heard = Heard(self.operation_id, self.header(b"content-type"), body)
        if (refusal := dialect.refusal(heard)) is not None:
            raise Refusal(*refusal)
        return dialect.hear(heard)


@contextmanager
def busy(session: Session) -> Iterator[None]:
    """Within this block a call of the session's is under way."""
    session.busy += 1
    try:
        yield
    finally:
        session.busy -= 1
        session.release()


class Body:
    """A request's body on its way in: whether all of it has come, and its first `keep` bytes, for the journal."""

    def __init__(self, receive: Receive, coming: bool, keep: int) -> None:  # noqa: FBT001 - it says what the value is
        self._receive = receive
        self._coming = coming
        self._keep = keep
        self.kept = bytearray()
        self.size = 0

    async def receive(self) -> Message:
        """The next message."""
        message = await self._receive()
        if piece := message.get("body"):
            self.size += len(piece)
            if len(self.kept) < self._keep:
                self.kept += piece[: self._keep - len(self.kept)]
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._coming = False
        return message

    async def drained(self, limit: int) -> None:
        """Take in what nobody read, up to `limit` bytes.

        A server that answers while the caller still sends, and closes, resets the connection: the caller sees a broken
        pipe, and never the 413 or 401 that explains it.
        """
        size = 0
        while self._coming and size <= limit:
            size += len((await self.receive()).get("body", b""))


def arriving(scope: Scope) -> bool:
    """Whether the request has a body that may still be on its way."""
    return header(scope, b"content-length") not in {None, "0"} or header(scope, b"transfer-encoding") is not None


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of that (lower-case) name."""
    for known, value in scope["headers"]:
        if known == name:
            text: str = value.decode("latin-1")
            return text
    return None


async def read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body; Refusal 413 above `limit` bytes, ClientDisconnect when it breaks off."""
    return b"".join([piece async for piece in pieces(scope, receive, limit)])


async def pieces(scope: Scope, receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes; Refusal 413 above `limit` bytes, ClientDisconnect when it breaks off."""
    declared = header(scope, b"content-length")
    size = int(declared) if declared and declared.isdecimal() else 0
    if size > limit:
        raise Refusal(413, f"the body has {size} bytes; at most {limit} are taken")
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise Refusal(413, f"the body has more than {limit} bytes")
        if piece:
            yield piece
        if not message.get("more_body", False):
            return


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


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer (FMT-01); bytes are taken as they are."""
    content = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(content, status, headers, JSON)


def error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """The contract's one error body (ERR-01, ERR-02)."""
    return answer({"error": text}, status, headers)
