"""A whole answer in one write: uvicorn writes an answer's head and body apart, which costs a system call and a packet.

For as long as an answer is sent, the cycle of the request is given this in the place of its transport. A server that
shows no cycle sends in its own way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Message, Send


class _Joined:
    """A transport that holds the head back until the body comes."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Hold the first piece; send it together with the second."""
        if self._head is None:
            self._head = data
        else:
            self._transport.write(self._head + data)
            self._head = b""

    def end(self) -> None:
        """Send what is held, where no body came."""
        if self._head:
            self._transport.write(self._head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def send_in_one_write(send: Send, start: Message, body: Message) -> None:
    """Send an answer of two messages."""
    cycle: Any = getattr(send, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        await send(start)
        await send(body)
        return
    cycle.transport = joined = _Joined(transport)
    try:
        await send(start)
        await send(body)
    finally:
        joined.end()
        cycle.transport = transport
