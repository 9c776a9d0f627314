"""What is no HTTP: it gets the contract's error body (ERR-01), after all answers that are due before it."""

from __future__ import annotations

from typing import Any

import orjson


def last_answer(status: str, text: str) -> bytes:
    """An error as it goes over a connection that ends with it."""
    body = orjson.dumps({"error": text})
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body


_ANSWER = last_answer("400 Bad Request", "the request is no well-formed HTTP")


class _Refused:
    """Takes its turn behind the requests of its connection, as one that is answered with 400."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    async def run_asgi(self, _app: object) -> None:
        """Answer, and hang up."""
        self._transport.write(_ANSWER)
        self._transport.close()


def refuse(protocol: Any, _reason: str) -> None:
    """Answer 400 and hang up, when all whole requests of this connection of uvicorn's have been answered."""
    cycle, transport = protocol.cycle, protocol.transport
    waiting: Any = getattr(protocol, "pipeline", ())  # h11 looks at what comes next when an answer is complete
    if waiting and type(waiting[0][0]) is _Refused:
        return  # more of the same
    if cycle is not None and cycle.more_body and waiting and waiting[0][0] is cycle:
        waiting.popleft()  # it is broken itself, and nobody has begun to answer it
    elif cycle is None or cycle.response_complete or cycle.more_body:
        if cycle is None or cycle.response_complete or not cycle.response_started:
            transport.write(_ANSWER)
        transport.close()
        return
    waiting.appendleft((_Refused(transport), None))
