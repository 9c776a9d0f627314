"""Ways to make a lie that takes the whole of a call: it sees what is sent, and the honest answer before it goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
from bending import asked
from lies import raw_answers
from places import around, handled
from starlette.responses import Response

from mock_server.data import csv_file
from mock_server.kernel.errors import Refusal
from mock_server.preview import downloads
from mock_server.preview.account import account_of
from mock_server.preview.runs import ImportRun
from mock_server.session.exchange import Exchange as Call

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest
    from lies import App, Lie
    from runlies import Handler

    from mock_server.data.book import Row
    from mock_server.preview.companies import Company
    from mock_server.preview.lifecycle import Life

Answers = Callable[[Any], Awaitable[Response]]
"""The honest answer to the call with this body: a JSON value, or bytes."""
Bend = Callable[[Call, Any, Answers], Awaitable[Response]]
Look = Callable[[Call, Callable[[], Awaitable[Response]]], Awaitable[Response]]


def anew(new: Callable[[], Lie]) -> Lie:
    """A lie with a memory that is made for each server."""

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        return new()(app, patch)

    return make


def asks(operation_id: str, new: Callable[[], Bend]) -> Lie:
    """A lie about a call with a body; `new` makes it with a memory of its own for each server."""

    def bend(honest: Handler) -> Handler:
        lie = new()

        async def lying(call: Call) -> Response:
            raw = await call.read()

            async def answer(body: Any) -> Response:
                call.repeat_body(body if isinstance(body, bytes) else orjson.dumps(body))
                return await honest(call)

            try:
                body = orjson.loads(raw)
            except ValueError:
                return await answer(raw)
            return await (lie(call, body, answer) if isinstance(body, dict) else answer(body))

        return lying

    return handled(operation_id, bend)


def starts(bend: Bend) -> Lie:
    """A lie about a start that remembers nothing."""
    return asks("start_import", lambda: bend)


def looks(operation_id: str, new: Callable[[], Look]) -> Lie:
    """A lie about a read; `new` makes it with a memory of its own for each server."""

    def bend(honest: Handler) -> Handler:
        lie = new()

        async def lying(call: Call) -> Response:
            return await lie(call, lambda: honest(call))

        return lying

    return handled(operation_id, bend)


def refused(operation_id: str, act: Callable[[Call, Any, Refusal], object]) -> Lie:
    """A lie about what a refused call does all the same: `act` is given the call, its body and the refusal."""

    async def bend(call: Call, body: Any, answer: Answers) -> Response:
        try:
            return await answer(body)
        except Refusal as refusal:
            act(call, body, refusal)
            raise

    return asks(operation_id, lambda: bend)


def queries(ending: str, change: Callable[[bytes], bytes]) -> Lie:
    """A lie that reads the query of the GETs on such a path otherwise."""

    def bend(scope: Any) -> None:
        if scope["method"] == "GET" and scope["path"].endswith(ending):
            scope["query_string"] = change(scope["query_string"])

    return asked(bend)


def writes(change: Callable[[Iterable[Row]], Iterable[Row]]) -> Lie:
    """A lie about the rows of each download."""

    def bend(honest: Any) -> Any:
        return lambda names, rows: honest(names, change(rows))

    return around((downloads, csv_file.write_csv), bend)


def cell_by_cell(change: Callable[[str], str]) -> Lie:
    """A lie about the cells of each download."""
    return writes(lambda rows: (tuple(map(change, row)) for row in rows))


def raw_bodies(change: Callable[[bytes], bytes]) -> Lie:
    """A lie about the bytes of each JSON answer of the API that comes in one piece."""
    return raw_answers(lambda _method, _path, status, raw: (status, change(raw)))


def companies(call: Call) -> dict[str, Company]:
    """The companies of the caller's account."""
    return account_of(call.session).companies


def import_of(call: Call) -> tuple[ImportRun, Life] | None:
    """The import of the path and what it is now; None where the account has none of that id."""
    run = account_of(call.session).runs.get(call.parameters["run_id"])
    return (run, run.life(call.now)) if isinstance(run, ImportRun) else None


class Crowd:
    """Who is under way at the same moment, by what their calls are about."""

    def __init__(self, pause: float = 0.1) -> None:
        self._pause = pause
        self._there: dict[Any, list[Any]] = {}

    @asynccontextmanager
    async def joined(self, about: Any, tag: Any = None) -> AsyncIterator[tuple[int, list[Any]]]:
        """Stay for a moment: how many were there before, and the tags of all, the earliest first."""
        there = self._there.setdefault(about, [])
        earlier, mine = [each for (each,) in there], [tag]
        there.append(mine)
        try:
            await asyncio.sleep(self._pause)
            yield len(earlier), [*earlier, *(each for (each,) in there[there.index(mine) :])]
        finally:
            there.remove(mine)


def gathers(
    operation_id: str, about: Callable[[Call, Any], Any], act: Callable[[Call, Any, Answers, int, list[Any]], Any]
) -> Lie:
    """A lie about calls with a body that come at the same moment, and are about the same; each is known by its body."""

    def new() -> Bend:
        crowd = Crowd()

        async def bend(call: Call, body: Any, answer: Answers) -> Response:
            async with crowd.joined(about(call, body), (call, body)) as (before, all_of_them):
                response: Response = await act(call, body, answer, before, all_of_them)
                return response

        return bend

    return asks(operation_id, new)
