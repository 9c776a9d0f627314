"""Whether a client is still there to get its answer: what its connection tells without waiting for it."""

from __future__ import annotations

import asyncio
import os
import select
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Send

HUNG_UP = "the client hung up"
"""What journal and log say of a client that is gone."""
UNREAD = "vern-mock.unread"
"""Where the ASGI scope of a call that was answered keeps what is to be called when its client did not read that."""
_NO_MORE = getattr(select, "POLLRDHUP", 0)
"""The other side sends no more; where the system has no word for it, it says that the line was hung up."""
_REFUSED = select.POLLERR | (select.POLLHUP if _NO_MORE else 0) if hasattr(select, "poll") else 0
"""Nothing is taken in any more; the first word goes when a read or a write has failed by it."""


def transport_of(send: Send) -> Any:
    """The transport of the connection that uvicorn's `send` belongs to; None with another server."""
    return getattr(getattr(send, "__self__", None), "transport", None)


async def deliver(send: Send, write: Callable[[], Awaitable[None]]) -> bool | None:
    """Whether the client got what `write` writes; None, and nothing is written, where nothing speaks against it.

    A client that has closed, and one that only sends no more, look the same until something is written: then the
    first one's system refuses it.
    """
    transport = transport_of(send)
    if transport is None:
        return None
    if transport.is_closing():  # to the loop the end of what a client sends is the end of the connection
        await write()
        return False
    number = transport.get_extra_info("socket").fileno()
    if not _look(number):
        return None
    same = os.dup(number)  # which stays open when the loop closes the connection
    try:
        await write()
        turn, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.call_soon(turn.set)
        await turn.wait()  # the loop writes what waits
        return not _look(same) & _REFUSED
    finally:
        os.close(same)


def is_refused(transport: Any) -> bool:
    """Whether the other side refuses what is sent to it."""
    return bool(_look(transport.get_extra_info("socket").fileno()) & _REFUSED)


def _look(number: int) -> int:
    """What has happened to the connection: 0, or a sum of the system's words for it."""
    if not hasattr(select, "poll"):
        return 0
    looking = select.poll()
    looking.register(number, _NO_MORE)
    return sum(event for _, event in looking.poll(0))
