"""More ways to make a lie: the request is read otherwise, a method does something before or instead, bytes are changed.

Each keeps what it bends in one place, so that the server lies about one thing and is honest about all else.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lies import App, Lie, answers, rule
from places import around

from mock_server.http import messages as http
from mock_server.kernel.errors import Refusal
from mock_server.session.exchange import Exchange as Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest
    from places import Rule

Headers = list[tuple[bytes, bytes]]


def asked(change: Callable[[Any], None]) -> Lie:
    """A lie that changes the scope of each call of the API before the mock sees it."""

    def make(app: App, _: pytest.MonkeyPatch) -> App:
        async def lying(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"].startswith("/api/"):
                scope = {**scope, "headers": list(scope["headers"])}
                change(scope)
            await app(scope, receive, send)

        return lying

    return make


def broken_off(begins: Callable[[Any, int], bool]) -> Lie:
    """A lie that promises an answer and sends half of it, where `begins` says so of the scope and the status."""

    def make(app: App, _: pytest.MonkeyPatch) -> App:
        async def lying(scope: Any, receive: Any, send: Any) -> None:
            cut = False

            async def sent(message: Any) -> None:
                nonlocal cut
                if message["type"] == "http.response.start":
                    cut = begins(scope, message["status"])
                    kept = [pair for pair in message["headers"] if pair[0] != b"content-length"]
                    message = {**message, "headers": [*kept, (b"content-length", b"1000000")]} if cut else message
                elif cut:
                    message = {**message, "body": message["body"][: len(message["body"]) // 2]}
                await send(message)

            await app(scope, receive, sent)

        return lying

    return make


def key_of(scope: Any) -> str:
    """The key that a call brings; empty when it brings none."""
    brought: bytes = dict(scope["headers"]).get(b"x-api-key", b"")
    return brought.decode("latin-1")


def with_key(scope: Any, key: str) -> None:
    """Let the call come with this key instead."""
    kept = [(name, value) for name, value in scope["headers"] if name != b"x-api-key"]
    scope["headers"] = [*kept, (b"x-api-key", key.encode())]


def reads(operation: str, change: Callable[[Any], None]) -> Lie:
    """A lie that changes the body of a request in place before it is checked; it may raise a Refusal of its own."""
    honest = http.parsed

    async def json(self: Call, *, optional: bool = False) -> Any:
        raw = await self.read()
        body = {} if optional and not raw else honest(raw)
        if self.operation_id == operation and isinstance(body, dict):
            change(body)
        if wrong := self.contract.request_differences(self.operation_id, body):
            raise Refusal(400, wrong[0].text)
        return body

    return rule(Call.json, json)


def before(rule: Rule, act: Callable[..., Any]) -> Lie:
    """A lie that calls `act` with a method's own arguments before the method itself."""
    return around(rule, lambda honest: lambda *given, **named: (act(*given, **named), honest(*given, **named))[1])


def after(rule: Rule, change: Callable[[Any], Any]) -> Lie:
    """A lie that changes what a method gives back."""
    return around(rule, lambda honest: lambda *given, **named: change(honest(*given, **named)))


def refuses_with(status: int, instead: int, *words: str, method: str = "", ending: str = "") -> Lie:
    """A lie that answers `instead` where `status` is due: where the error holds all the words, on such a path."""

    def bend(asked_with: str, path: str, got: int, body: Any) -> tuple[int, Any]:
        meant = got == status and asked_with.startswith(method) and path.endswith(ending)
        return (instead if meant and all(word in str(body) for word in words) else got), body

    return answers(bend)


def gives(operation: str, change: Callable[[Any], Any], status: int | None = None) -> Lie:
    """A lie about an operation's 2xx: its body changed, in place or for another value, or another status given."""
    return partial(_gives, operation, change, status)


def _gives(
    operation: str, change: Callable[[Any], Any], instead: int | None, app: App, patch: pytest.MonkeyPatch
) -> App:
    match = app.world.contract.match

    def bend(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        found = match(method, path).operation
        if status < 300 and found is not None and found.id == operation:
            changed = change(body)
            return instead or status, body if changed is None else changed
        return status, body

    return answers(bend)(app, patch)


def headed(change: Callable[[int, Headers], Iterable[tuple[bytes, bytes]]]) -> Lie:
    """A lie that gives each answer of the API other headers, by its status and the honest ones."""

    def make(app: App, _: pytest.MonkeyPatch) -> App:
        async def lying(scope: Any, receive: Any, send: Any) -> None:
            async def sent(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message = {**message, "headers": list(change(message["status"], list(message["headers"])))}
                await send(message)

            await app(scope, receive, sent if scope["path"].startswith("/api/") else send)

        return lying

    return make
