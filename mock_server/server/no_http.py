"""What is no HTTP: it gets the contract's error body (ERR-01), after all answers that are due before it."""

from __future__ import annotations

from typing import Any

import orjson

LAST_READING = 1
"""Seconds in which the rest of what was refused is read: a client that is reset while it sends sees no answer."""


def last_answer(status: str, text: str) -> bytes:
    """An error as it goes over a connection that ends with it."""
    body = orjson.dumps({"error": text})
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body


NO_HTTP = last_answer("400 Bad Request", "the request is no well-formed HTTP")


class _Refused:
    """Takes its turn behind the requests of its connection, as one that is answered with an error."""

    def __init__(self, protocol: Any, answer: bytes) -> None:
        self._given = protocol, answer

    async def run_asgi(self, _app: object) -> None:
        """Answer, and hang up."""
        _end(*self._given)


def refuse(protocol: Any, answer: bytes) -> None:
    """Answer so and hang up, when all whole requests of this connection of uvicorn's have been answered."""
    cycle = protocol.cycle
    waiting: Any = getattr(protocol, "pipeline", ())  # h11 looks at what comes next when an answer is complete
    if cycle is not None and cycle.more_body and waiting and waiting[0][0] is cycle:
        waiting.popleft()  # it is broken itself, and nobody has begun to answer it
    elif cycle is None or cycle.response_complete or cycle.more_body:
        if cycle is None or cycle.response_complete or not cycle.response_started:
            _end(protocol, answer)
        else:
            protocol.transport.close()
        return
    waiting.appendleft((_Refused(protocol, answer), None))


def _end(protocol: Any, answer: bytes) -> None:
    transport = protocol.transport
    if not transport.is_closing():
        transport.write(answer)
        transport.write_eof()
        protocol.loop.call_later(LAST_READING, transport.close)
