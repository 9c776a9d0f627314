"""A long JSON answer, made piece by piece in a thread while it is sent, so that nobody else waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import StreamingResponse

from mock_server.http.messages import JSON

if TYPE_CHECKING:
    from collections.abc import Iterable

PIECE = 65_536
"""Bytes of a piece, or of the entry that it ends with."""


def streamed(pieces: Iterable[bytes]) -> StreamingResponse:
    """The answer that has these pieces; what makes them runs in a thread."""
    return StreamingResponse(gathered(pieces), media_type=JSON)


def written(value: Any) -> Iterator[bytes]:
    """The JSON value in pieces, its members sorted; an iterator is written as a list, an entry a piece."""
    if isinstance(value, Iterator):
        mark = b"["
        for each in value:
            yield mark + orjson.dumps(each, option=orjson.OPT_SORT_KEYS)
            mark = b","
        yield b"]" if mark == b"," else b"[]"
    elif isinstance(value, Mapping) and value:
        mark = b"{"
        for name in sorted(value):
            yield mark + orjson.dumps(name) + b":"
            yield from written(value[name])
            mark = b","
        yield b"}"
    else:
        yield orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth a write each."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)
