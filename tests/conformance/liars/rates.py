"""Servers that lie about the rate limit (RATE); each has one of few calls, so that it is soon reached."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bending import Headers, headed
from lies import App, Liar, Lie, answers, rule
from places import put

from mock_server.kernel import rate_limit
from mock_server.kernel.errors import Refusal
from mock_server.kernel.rate_limit import WINDOW
from mock_server.preview import operations
from mock_server.server.pipeline import TOO_MANY
from mock_server.session import session as session_module
from mock_server.session.session import Session

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Sequence

    import pytest

    from mock_server.session.exchange import Exchange as Call

_admit = Session.admit
_LIMIT = 60


def _honest(app: App, _: pytest.MonkeyPatch) -> App:
    """What is wrong is the limit itself."""
    return app


def _throttled(change: Any) -> Lie:
    """A lie that gives a 429 another body."""
    return answers(lambda _m, _p, status, body: (status, change(body) if status == 429 else body))


def _seconds(status: int, headers: Headers) -> Headers:
    return [*headers, (b"retry-after", b"60")] if status == 429 else headers


def _for_all(self: Session, now: int, _operation_id: str, _own: Any = None) -> bool:
    return _admit(self, now, "any")


def _for_reads(self: Session, now: int, operation_id: str, own: Any = None) -> bool:
    return _admit(self, now, "reads" if operation_id.startswith("list") else operation_id, own)


def _of_one_address(app: App, patch: pytest.MonkeyPatch) -> App:
    """The budgets are those of the caller's address, whichever key it uses."""
    shared: list[Any] = []

    def admit(self: Session, now: int, operation_id: str, own: Any = None) -> bool:
        shared.append(self._budgets)
        self._budgets = shared[0]
        return _admit(self, now, operation_id, own)

    put(patch, Session.admit, admit)
    return app


def _acts(ending: str) -> Lie:
    """A lie that does what a throttled call asks for, and answers 429 all the same."""

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        put(patch, Session.admit, lambda *_: True)
        for operation_id, honest in operations.HANDLERS.items():
            patch.setitem(operations.HANDLERS, operation_id, _limited(honest, ending))
        return app

    return make


def _limited(honest: Any, ending: str) -> Any:
    async def handler(call: Call) -> Any:
        admitted = _admit(call.session, call.now, call.operation_id)
        if admitted:
            return await honest(call)
        if call.scope["path"].endswith(ending):
            with suppress(Refusal):
                await honest(call)
        raise Refusal(429, TOO_MANY)

    return handler


def _for_ever(budgets: Sequence[tuple[deque[int], int]], now: int) -> bool:
    if any(len(passed) >= limit for passed, limit in budgets):
        return False
    for passed, _ in budgets:
        passed.append(now)
    return True


def _counts_refused(budgets: Sequence[tuple[deque[int], int]], now: int) -> bool:
    """An honest reading, OP-25, but for a window that each refused call opens anew for a day."""
    for passed, limit in budgets:
        if len(passed) >= limit and passed[-1] > now - 1_440 * WINDOW:
            passed.append(now)
            return False
    for passed, _ in budgets:
        passed.append(now)
    return True


LIARS = (
    Liar("RATE-01", "has no limit", _honest),
    Liar("RATE-01", "allows 40 calls a minute", _honest, rate_limit=40),
    Liar("RATE-01", "allows 300 calls a minute", _honest, rate_limit=300),
    Liar("RATE-02", "says it otherwise", _throttled(lambda _: {"error": "Rate limit exceeded"}), rate_limit=_LIMIT),
    Liar("RATE-02", "says more", _throttled(lambda body: {**body, "retry_in": 60}), ("ERR-02",), rate_limit=_LIMIT),
    Liar("RATE-03", "says when to come back", headed(_seconds), rate_limit=_LIMIT),
    Liar(
        "RATE-05",
        "has one budget for all calls",
        rule(Session.admit, _for_all),
        rate_limit=_LIMIT,
    ),
    Liar(
        "RATE-05",
        "has one budget for all lists",
        rule(Session.admit, _for_reads),
        rate_limit=_LIMIT,
    ),
    Liar("RATE-06", "has one budget for all keys", _of_one_address, rate_limit=_LIMIT),
    Liar("RATE-07", "takes a throttled decision", _acts("/decisions"), rate_limit=_LIMIT),
    Liar("RATE-07", "starts a throttled import", _acts("/imports"), rate_limit=_LIMIT),
    Liar(
        "RATE-08",
        "never forgets the calls that were made",
        rule((session_module, rate_limit.admit), _for_ever),
        rate_limit=_LIMIT,
    ),
    Liar(
        "RATE-08",
        "locks a caller out for a day",
        rule((session_module, rate_limit.admit), _counts_refused),
        rate_limit=_LIMIT,
    ),
)
