"""An answer in the session's dialect: taken apart, changed by the readings, and put together again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response, StreamingResponse

from mock_server.dialects.dialect import Answer, Dialect
from mock_server.http.messages import JSON

if TYPE_CHECKING:
    from starlette.types import Scope


LARGEST = 4_000_000
"""Bytes of a streamed answer up to which its members are changed; a larger one passes as it is."""
APPLIED = "preference-applied"
NO_CONTENT = 204


async def apply(
    dialect: Dialect, response: Response, scope: Scope, operation: str | None, preferred: str | None
) -> Response:
    """The answer in that dialect; `operation` is None where the contract has none."""
    if dialect.readings:
        response = await _change(dialect, response, scope, operation)
    if preferred is not None:
        applied = f"dialect={dialect.name}"
        before = response.headers.get(APPLIED)
        response.headers[APPLIED] = f"{before}, {applied}" if before else applied
    return response


async def _change(dialect: Dialect, response: Response, scope: Scope, operation: str | None) -> Response:
    answer = Answer(
        operation=operation,
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        status=response.status_code,
        headers=dict(response.headers),
        body=await _read_json(response),
    )
    dialect.change_answer(answer)
    if answer.body is None:
        made = response
    else:
        empty = answer.status == NO_CONTENT
        option = orjson.OPT_INDENT_2 if answer.indented else None
        made = Response(None if empty else orjson.dumps(answer.body, option=option), answer.status)
        for name in ("content-length", "content-type") if empty else ("content-length",):
            answer.headers.pop(name, None)
    made.headers.update(answer.headers)
    return made


async def _read_json(response: Response) -> Any:
    """The answer's JSON; None for any other, and for one that is too large to be held."""
    if not response.headers.get("content-type", "").startswith(JSON):
        return None
    raw = await _read_whole(response) if isinstance(response, StreamingResponse) else bytes(response.body)
    return orjson.loads(raw) if raw else None


async def _read_whole(response: StreamingResponse) -> bytes:
    """All of a streamed answer; nothing when it is too large, and then it is streamed as before."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response.body_iterator:
        pieces.append(piece.encode() if isinstance(piece, str) else bytes(piece))
        size += len(pieces[-1])
        if size > LARGEST:
            response.body_iterator = _replay(pieces, response.body_iterator)
            return b""
    return b"".join(pieces)


async def _replay(pieces: list[bytes], rest: Any) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    async for piece in rest:
        yield piece
