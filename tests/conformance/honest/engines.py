"""Honest servers whose runs take other ways in time (OP-11, OP-14, OP-25, OP-36, OP-39), fast or slow."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from typing import Any

from honesty import Honest, target, waiting
from places import all_of, around

from conformance.preview.suite import Mock
from mock_server.kernel.clock import HOUR, MINUTE, SECOND
from mock_server.preview import account, lifecycle, preconditions, runs, uploads
from mock_server.preview.account import Account
from mock_server.preview.beats import Queue, Work
from mock_server.preview.lifecycle import TIMED_OUT, Life

LIVES = ("RUN", "POLL", "ACT", "STALE", "DEC", "IMP", "IDEM")


def _stale_after(lasts: int) -> Any:
    def changed(honest: Any) -> Any:
        return lambda script, started, events, *rest: honest(script, started, events, *rest[:-1], lasts)

    return all_of(around((runs, lifecycle.life), changed), around((runs, lifecycle.states), changed))


def _expiring(lasts: int) -> Any:
    """A parked run that nobody decides about for so long has timed out."""

    def changed(honest: Any) -> Any:
        def states(*given: Any) -> Any:
            for state in honest(*given):
                ends = state.since + lasts
                if state.status != "needs_attention" or (state.until is not None and state.until <= ends):
                    yield state
                    continue
                yield replace(state, until=ends)
                yield Life("failed", ends, None, TIMED_OUT, state.parkings)
                return

        return states

    return around(lifecycle.states, changed)  # and not `runs.states`: no clock is moved to an expiry


def _rejecting(lasts: int) -> Any:
    """After a reject the run is wound up for a while."""

    def changed(honest: Any) -> Any:
        def reject(fold: Any, *beats: Any) -> Any:
            since, fold.at = fold.at, fold.at + lasts
            yield Life("running", since, fold.at, "Winding up", fold.parkings)
            yield from honest(fold, *beats)

        return reject

    return around(lifecycle.Fold.reject, changed)


def _scripted(change: Any) -> Any:
    """Change the beats of imports that work on rows of the caller's own."""

    def changed(honest: Any) -> Any:
        def scenario_of(self: Any, company: Any) -> Any:
            found = honest(self, company)
            if not found.own_rows:
                return found
            return found._replace(run=tuple(map(change, found.run)))

        return scenario_of

    return around(Account.scenario_of, changed)


def _lasting(queue: int, work: int) -> Any:
    def change(beat: Any) -> Any:
        match beat:
            case Queue():
                return replace(beat, lasts=queue)
            case Work():
                return replace(beat, lasts=work)
        return beat

    return change


def _slow(app: Any, _: Any) -> Any:
    """Answers take some milliseconds, now fewer and now more."""
    numbers = count()

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/api/"):
            await asyncio.sleep(next(numbers) * 7 % 5 / 1_000)
        await app(scope, receive, send)

    return served


def _never_expires(honest: Any) -> Any:
    """Upload URLs live by a clock that nobody moves."""
    return lambda upload, now: honest(upload, min(now, upload.expires - 1))


NEVER_CANCELED = around(
    Mock.ways,
    lambda honest: lambda self: {name: way for name, way in honest(self).items() if name != "canceled"},
)

ENGINES = (
    Honest(
        "OP-11", "counts a run as stale after 40 minutes", _stale_after(40 * MINUTE), ("STALE", "RUN", "ACT", "UPL")
    ),
    Honest(
        "OP-11", "counts a run as stale after 90 minutes", _stale_after(90 * MINUTE), ("STALE", "RUN", "ACT", "UPL")
    ),
    Honest("OP-11", "lets a parked run expire after an hour", _expiring(HOUR), LIVES),
    Honest("OP-11", "lets a parked run expire after a day", _expiring(24 * HOUR), LIVES),
    Honest("OP-14", "winds a rejected run up for a while", _rejecting(2 * SECOND), (*LIVES, "CSV")),
    Honest(
        "OP-39",
        "moves the time of runs alone",
        all_of(
            around((uploads, preconditions.refuse_closed), _never_expires),
            around((account, preconditions.refuse_closed), _never_expires),
        ),
        ("UPL", "PROV", "STALE"),
    ),
    Honest(
        "pace",
        "queues for 5 minutes and works for 20",
        all_of(_scripted(_lasting(5 * MINUTE, 20 * MINUTE)), target(run_timeout=3600), waiting(200)),
        (*LIVES, "UPL"),
    ),
    Honest("pace", "never queues", _scripted(_lasting(0, 5 * SECOND)), LIVES),
    Honest(
        "pace",
        "is done before anybody looks",
        all_of(_scripted(_lasting(0, 0)), target(running=None), NEVER_CANCELED),
        LIVES,
    ),
    Honest(
        "pace",
        "is polled many times while it runs",
        all_of(_scripted(_lasting(SECOND, 3 * SECOND)), waiting(0.2)),
        ("RUN-02", "POLL-02", "ACT-01"),
        mixes=False,  # it takes a thousand polls
    ),
    Honest("slow", "answers late", _slow, ("DEC-25", "IDEM-08", "ACT", "POLL")),
)

LIMITS = tuple(
    Honest("OP-25", f"lets {calls} calls a minute pass", lambda app, _: app, ("RATE",), calls, mixes=False)
    for calls in (61, 120, 199)
)
