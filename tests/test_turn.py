"""What is begun without a task goes on in one as if it had been there from the beginning."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mock_server.http.turn import be_in_task, begin, in_thread


def test_what_does_not_wait_is_done_at_once() -> None:
    done: list[str] = []

    async def call() -> None:
        done.append("all")

    assert begin(call()) is None
    assert done == ["all"]


def test_what_waits_goes_on_in_a_task() -> None:
    done: list[Any] = []

    async def run() -> None:
        awaited = [asyncio.get_running_loop().create_future() for _ in range(2)]

        async def call() -> None:
            done.extend([await each for each in awaited])
            await asyncio.sleep(0)
            async with asyncio.timeout(60):
                done.append(await in_thread(lambda: "by a thread"))

        task = asyncio.create_task(begin(call()) or asyncio.sleep(0))
        for each, value in zip(awaited, ("first", "second"), strict=True):
            await asyncio.sleep(0)
            each.set_result(value)
        await task

    asyncio.run(run())
    assert done == ["first", "second", "by a thread"]


def test_what_needs_a_task_gets_one() -> None:
    tasks: list[Any] = []

    async def call() -> None:
        tasks.append(asyncio.current_task())
        await be_in_task()
        tasks.append(asyncio.current_task())

    async def run() -> None:
        asyncio.get_running_loop().call_soon(lambda: tasks.append(begin(call())))
        await asyncio.sleep(0)
        await tasks.pop()

    asyncio.run(run())
    assert tasks[0] is None
    assert tasks[1] is not None


@pytest.mark.parametrize("wrong", [ValueError("no"), asyncio.CancelledError()])
def test_what_fails_while_it_waits_fails_there(wrong: BaseException) -> None:
    met: list[type[BaseException]] = []

    async def run() -> None:
        awaited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def call() -> None:
            try:
                await awaited
            except BaseException as error:
                met.append(type(error))
                await asyncio.sleep(0)
                raise

        task = asyncio.create_task(begin(call()) or asyncio.sleep(0))
        await asyncio.sleep(0)
        if isinstance(wrong, asyncio.CancelledError):
            task.cancel()
        else:
            awaited.set_exception(wrong)
        with pytest.raises(type(wrong)):
            await task

    asyncio.run(run())
    assert met == [type(wrong)]
