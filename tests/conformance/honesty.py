"""How an honest server is made that is unlike our mock: the mock, bent where the contract leaves it open.

The rule that it keeps: whatever is bent takes what it finds in its place into account, so that several readings of
different open points can be put together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson
import pytest
from judging import judged
from places import around

from conformance.model.clauses import server_clauses
from conformance.preview.suite import Mock
from mock_server.contract import document as contract
from mock_server.http.messages import error
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from conformance.model.results import Results

App = Any
Make = Callable[[App, pytest.MonkeyPatch], App]
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Honest:
    """A server that keeps the contract in its own way."""

    open_point: str
    """What it reads differently: an open point, or a word for what no open point is about."""
    reading: str
    """What it does, as an end of the sentence "This server …"."""
    make: Make
    concerns: tuple[str, ...]
    """Areas and clauses whose checks meet it."""
    rate_limit: int | None = None
    """The calls a minute that the mock behind it allows; None: no limit."""
    mixes: bool = True
    """Whether it goes together with other readings."""

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses of its open point; of what no open point is about all that it concerns."""
        return tuple(c.id for c in server_clauses().values() if self.open_point in c.open_points) or self.concerns

    def judged(self, *only: str, isolated: bool = True) -> Results:
        """What the suite says of it, asked for these clauses or for the whole contract."""
        return of_all([self], *only, isolated=isolated)


def of_all(servers: list[Honest], *only: str, isolated: bool, depth: str = "whole") -> Results:
    """What the suite says of a server that does as all of these do."""
    limits = [each.rate_limit for each in servers if each.rate_limit is not None]
    with pytest.MonkeyPatch.context() as patch:
        return judged(
            *only,
            isolated=isolated,
            strict=False,
            bend=lambda app: reduce(lambda inner, each: each.make(inner, patch), servers, app),
            rate_limit=min(limits) if limits else None,
            rate_checks=bool(limits),
            depth=depth,
        )


# -- rules of the mock


def target(*, run_timeout: float | None = None, **states: Any) -> Make:
    """Tell in the target file what differs: another way to a state, or, with None, that there is none."""

    def changed(honest: Any) -> Any:
        def made(self: Mock) -> Any:
            told = honest(self)
            found = {name: way for name, way in {**told.states, **states}.items() if way is not None}
            return replace(told, states=found, run_timeout=run_timeout or told.run_timeout)

        return made

    return around(Mock.target, changed)


def waiting(seconds: float) -> Make:
    """Let so much time pass between two polls."""

    def wait(self: Mock) -> float:
        self.advance(seconds)
        return seconds

    return around(Mock.wait, lambda _: wait)


# -- requests and answers


@dataclass(slots=True)
class Sent:
    """An answer under the API on its way out; what is changed here is what the caller gets."""

    operation: str | None
    path: str
    query: dict[str, list[str]]
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    dumps: Callable[[Any], bytes] = field(default=orjson.dumps)

    @property
    def ok(self) -> bool:
        """Whether it is 2xx."""
        return 200 <= self.status < 300

    @property
    def of_run(self) -> bool:
        """Whether the body is an import as a poll shows it."""
        active = self.operation == "list_imports" and "status" in self.query and "status" in self.body
        return self.status == 200 and (self.operation == "poll_import" or active)


def answered(change: Callable[[Sent], None]) -> Make:
    """Change the answers under the API that are JSON."""

    def make(app: App, _: pytest.MonkeyPatch) -> App:
        async def served(scope: Any, receive: Any, send: Any) -> None:
            await _answering(app, change, scope, receive, send)

        return served

    return make


async def _answering(app: App, change: Callable[[Sent], None], scope: Any, receive: Any, send: Any) -> None:
    if not scope["path"].startswith("/api/"):
        await app(scope, receive, send)
        return
    start: dict[str, Any] = {}
    pieces: list[bytes] = []

    async def held(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            for each in _changed(scope, start, b"".join(pieces), change):
                await send(each)

    await app(scope, receive, held)


def _changed(scope: Any, start: Any, raw: bytes, change: Callable[[Sent], None]) -> list[Any]:
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    if headers.get("content-type", "").lower().startswith(JSON):
        sent = Sent(
            operation=_operation(scope),
            path=scope["path"],
            query=parse_qs(scope["query_string"].decode()),
            status=start["status"],
            headers=headers,
            body=json.loads(raw),
        )
        change(sent)
        start, raw, headers = {**start, "status": sent.status}, sent.dumps(sent.body), sent.headers
        headers["content-length"] = str(len(raw))
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return [{**start, "headers": pairs}, {"type": "http.response.body", "body": raw, "more_body": False}]


def asked(change: Callable[[str, Any], Any]) -> Make:
    """Take what `change` makes of operation and body for the body that was sent; it may raise a Refusal."""

    def make(app: App, _: pytest.MonkeyPatch) -> App:
        async def served(scope: Any, receive: Any, send: Any) -> None:
            await _asking(app, change, scope, receive, send)

        return served

    return make


async def _asking(app: App, change: Callable[[str, Any], Any], scope: Any, receive: Any, send: Any) -> None:
    operation = _operation(scope)
    if operation is None or scope["method"] != "POST":
        await app(scope, receive, send)
        return
    raw, more = b"", True
    while more:
        message = await receive()
        raw, more = raw + message.get("body", b""), message.get("more_body", False)
    try:
        raw = orjson.dumps(change(operation, json.loads(raw)))
    except ValueError:
        pass  # no JSON: for the mock to refuse
    except Refusal as refusal:
        await error(refusal.status, refusal.text)(scope, receive, send)
        return
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    headers.append((b"content-length", str(len(raw)).encode()))
    given = iter([{"type": "http.request", "body": raw, "more_body": False}])

    async def received() -> Any:
        return next(given, None) or await receive()

    await app({**scope, "headers": headers}, received, send)


def _operation(scope: Any) -> str | None:
    match = contract.load().match(scope["method"], scope["path"])
    return match.operation.id if match.operation is not None else None
