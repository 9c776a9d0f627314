"""A call is begun in the turn of the loop that brought it, and most are answered there: a task is for those that wait.

A task costs a plain answer as much as a tenth of all the rest. What threads, time-outs and streams need is that the
call is in one; so they ask for it first.
"""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

T = TypeVar("T")


def begin(coroutine: Coroutine[Any, None, None]) -> Coroutine[Any, None, None] | None:
    """Do the coroutine up to where it waits; the rest of it, for a task, or None when nothing is left."""
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return _finish(coroutine, awaited)


async def be_in_task() -> None:
    """Go on in a task of the loop."""
    if asyncio.current_task() is None:
        await _next_turn()


async def in_thread(work: Callable[[], T]) -> T:
    """What comes of the work, which is done in a thread."""
    await be_in_task()
    return await run_in_threadpool(work)


async def _finish(coroutine: Coroutine[Any, None, None], awaited: Any) -> None:
    await _go_on(coroutine, awaited)


@types.coroutine
def _next_turn() -> Generator[None, None, None]:
    """Let the loop go round once."""
    yield


@types.coroutine
def _go_on(coroutine: Coroutine[Any, None, None], awaited: Any) -> Generator[Any, None, None]:
    """Wait for what the coroutine has asked for already, and then for all that it asks for."""
    try:
        while awaited is not None:
            try:
                yield awaited
                break
            except BaseException as error:
                awaited = coroutine.throw(error)
    except StopIteration:
        return
    yield from coroutine.__await__()
