"""How a server that lies is made: our own mock, bent in one place, so that it breaks one clause and keeps the others.

A lie takes the honest app and a `MonkeyPatch`, and gives the app to serve. It may wrap the app (`answers`), or change a
rule inside the mock (`rule`); the patch is undone when the server has been judged. The judge reads
`mock_server.contract.document`, so a lie leaves that module alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from judging import FIRST, failed, judged
from places import around

if TYPE_CHECKING:
    from places import Rule

    from conformance.model.results import Results

App = Any
Lie = Callable[[App, pytest.MonkeyPatch], App]
Bend = Callable[[str, str, int, Any], tuple[int, Any]]
"""Method, path, status and JSON body of an answer to the status and body that are sent in its place."""


@dataclass(frozen=True, slots=True)
class Liar:
    """A server that breaks one clause."""

    clause: str
    lie: str
    """What it does wrong, as an end of the sentence "This server …"."""
    make: Lie
    implied: tuple[str, ...] = ()
    """Other clauses that this lie cannot but break, too."""
    rate_limit: int | None = None
    """The calls a minute that the mock behind it allows; None: no limit."""

    def judged(
        self, *, whole: bool = False, isolated: bool = True, max_examples: int = 0, depth: str = "whole", **plan: Any
    ) -> Results:
        """What the suite says of it, asked for the clauses that it breaks, or for the `whole` contract."""
        only = () if whole else (self.clause, *self.implied)
        rates = self.rate_limit is not None or self.clause.startswith("RATE")
        with pytest.MonkeyPatch.context() as patch:
            return judged(
                *only,
                isolated=isolated,
                bend=lambda app: self.make(app, patch),
                rate_limit=self.rate_limit,
                rate_checks=rates,
                max_examples=max_examples,
                depth=depth,
                **plan,
            )

    def told(self, depths: Iterable[str] = (FIRST, "quick", "whole"), **plan: Any) -> list[str]:
        """The clauses that it is said to break by the checks of its own; what is told at once needs no long look."""
        broken: list[str] = []
        for depth in depths:
            broken = failed(self.judged(depth=depth, **plan))
            if {self.clause, *self.implied}.intersection(broken):
                break
        return broken


def rule(honest: Rule, replacement: Any) -> Lie:
    """A lie that puts `replacement` in the place of a rule of the mock."""
    return around(honest, lambda _: replacement)


def answers(bend: Bend) -> Lie:
    """A lie that changes the JSON answers under the API."""

    def bend_raw(method: str, path: str, status: int, raw: bytes) -> tuple[int, bytes]:
        status, body = bend(method, path, status, json.loads(raw))
        return status, json.dumps(body).encode()

    return raw_answers(bend_raw)


def raw_answers(bend: Callable[[str, str, int, bytes], tuple[int, bytes]]) -> Lie:
    """A lie that changes the bytes of the JSON answers under the API that come in one piece."""

    def make(app: App, _: pytest.MonkeyPatch) -> App:
        return _bent(app, bend)

    return make


def polls(change: Callable[[Any], None]) -> Lie:
    """A lie that changes the body of each 200 of a poll in place."""

    def bend(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        if method == "GET" and status == 200 and "/imports/" in path:
            change(body)
        return status, body

    return answers(bend)


def _bent(app: App, bend: Callable[[str, str, int, bytes], tuple[int, bytes]]) -> App:
    async def lying(scope: Any, receive: Any, send: Any) -> None:
        begun: list[Any] = []

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
                return
            kind = dict(begun[0]["headers"]).get(b"content-type", b"")
            if begun and kind == b"application/json" and not message.get("more_body") and len(begun) == 1:
                status, raw = bend(scope["method"], scope["path"], begun[0]["status"], message["body"])
                headers = [(name, value) for name, value in begun[0]["headers"] if name != b"content-length"]
                length = (b"content-length", str(len(raw)).encode())
                await send({**begun[0], "status": status, "headers": [*headers, length]})
                await send({**message, "body": raw})
                begun.append(None)
                return
            if len(begun) == 1:
                begun.append(None)
                await send(begun[0])
            await send(message)

        await app(scope, receive, sent if scope["path"].startswith("/api/") else send)

    return lying
