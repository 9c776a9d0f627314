"""Servers that lie about the keys that make a start repeatable (IDEM)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lies import Liar
from places import all_of, around
from runlies import busy, company_of, everywhere, keyed
from twisting import starts

from mock_server.kernel.errors import Refusal
from mock_server.preview.account import Account, account_of
from mock_server.preview.lifecycle import Canceled
from mock_server.preview.operations import _identity

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from lies import App, Lie
    from starlette.responses import Response

    from mock_server.preview.companies import Company
    from mock_server.preview.runs import ImportRun, Run
    from mock_server.session.exchange import Exchange as Call

    Replayed = Callable[[], Run | None]


def _replays(find: Callable[[Company, str, bytes, Replayed], Any]) -> Lie:
    """A lie about the run that a key stands for; it is given company, key, digest, and the honest answer."""

    def bend(honest: Callable[..., Run | None]) -> Callable[..., Any]:
        def replayed(session: Account, company: Company, kind: str, key: str | None, digest: bytes) -> Any:
            def answer() -> Run | None:
                return honest(session, company, kind, key, digest)

            return answer() if key is None or kind != "import" else find(company, key, digest, answer)

        return replayed

    return around(Account.replayed, bend)


def _keyless(_: Company, __: str, ___: bytes, ____: Replayed) -> None:
    """Every start is a new one."""


def _state(company: Company, key: str) -> str:
    """The status of the key's run, at the time at which it was looked at last; empty without one."""
    run: Any = company.keys.get(("import", key), (b"", None))[1]
    return run.life(_NOW[0]).status if run is not None else ""


_NOW = [0]


async def _noting_the_time(call: Call, body: dict[str, Any], honest: Any) -> Response:
    _NOW[0] = call.now
    answer: Response = await honest(body)
    return answer


def _refusing(*statuses: str) -> Lie:
    """A lie that looks for a run in flight before it looks for the key."""

    def find(company: Company, key: str, _: bytes, honest: Replayed) -> Any:
        if _state(company, key) in statuses:
            raise Refusal(409, "an import of this company is in flight")
        return honest()

    return all_of(_replays(find), starts(_noting_the_time))


def _forgetting(company: Company, key: str, _: bytes, honest: Replayed) -> Any:
    """A key counts as long as its run is in flight."""
    return None if _state(company, key) in {"completed", "failed", "canceled"} else honest()


def _payload_blind(company: Company, key: str, _: bytes, honest: Replayed) -> Any:
    """The key alone decides."""
    return company.keys[("import", key)][1] if ("import", key) in company.keys else honest()


def _payload_blind_at_the_end(company: Company, key: str, digest: bytes, honest: Replayed) -> Any:
    ended = _state(company, key) in {"completed", "failed", "canceled"}
    return _payload_blind(company, key, digest, honest) if ended else honest()


def _other_status(company: Company, key: str, _: bytes, honest: Replayed) -> Any:
    try:
        return honest()
    except Refusal as refusal:
        raise Refusal(400, refusal.text) from refusal


def _overwriting(company: Company, key: str, _: bytes, honest: Replayed) -> Any:
    """The refused payload's run is given up."""
    try:
        return honest()
    except Refusal:
        run: Any = company.keys[("import", key)][1]
        run.events.append(Canceled(_NOW[0]))
        raise


async def _listed_again(call: Call, body: dict[str, Any], honest: Any) -> Response:
    """A replay is written into the history, and answered with the run of old."""
    again, company = keyed(call, body), company_of(call)
    answer: Response = await honest(body)
    if again:
        run: ImportRun = company.imports[-1]
        events = [*run.events, Canceled(run.started.at)]
        company.imports.insert(0, replace(run, id=call.session.made_id("run"), events=events, kept=None))
    return answer


def _of_the_account(app: App, patch: pytest.MonkeyPatch) -> App:
    """One table of keys for all companies."""

    def find(company: Company, key: str, digest: bytes, honest: Replayed) -> Any:
        others = [
            each.keys
            for session in everywhere(app)
            for each in account_of(session).companies.values()
            if each is not company
        ]
        if any(keys["import", key][0] != digest for keys in others if ("import", key) in keys):
            raise Refusal(409, "idempotency_key was used before with another payload")
        return honest()

    return _replays(find)(app, patch)


def _first_of_the_account(app: App, patch: pytest.MonkeyPatch) -> App:
    """The run of whichever company used the key first."""
    owners: dict[str, Company] = {}

    def find(company: Company, key: str, _: bytes, honest: Replayed) -> Any:
        owner = owners.setdefault(key, company)
        return honest() if owner is company else owner.keys[("import", key)][1]

    return _replays(find)(app, patch)


def _replay_status(status: int) -> Lie:
    async def bend(call: Call, body: dict[str, Any], honest: Any) -> Response:
        again = keyed(call, body)
        answer: Response = await honest(body)
        if again:
            answer.status_code = status
        return answer

    return starts(bend)


def _racing(app: App, patch: pytest.MonkeyPatch) -> App:
    """Looks for the key, takes its time, and starts the run: no lock is held meanwhile."""
    racing: set[str] = set()

    async def bend(call: Call, body: dict[str, Any], honest: Any) -> Response:
        company = company_of(call)
        key, digest = _identity(body)
        if key is None or keyed(call, body) or (company.id not in racing and company.active(call.now)):
            answer: Response = await honest(body)
            return answer
        racing.add(company.id)
        await asyncio.sleep(0.05)
        answer = await honest({name: value for name, value in body.items() if name != "idempotency_key"})
        company.keys["import", key] = digest, company.imports[-1]
        await asyncio.sleep(0.05)
        racing.discard(company.id)
        return answer

    def blocks(company: Company, now: int) -> bool:
        return company.id not in racing and company.active(now) is not None

    return all_of(starts(bend), busy(blocks))(app, patch)


def _timed(find: Callable[[Company, str, bytes, Replayed], Any]) -> Lie:
    return all_of(_replays(find), starts(_noting_the_time))


LIARS = (
    Liar("IDEM-01", "lists a replay as a run of its own", starts(_listed_again)),
    Liar("IDEM-02", "takes no notice of keys", _replays(_keyless), ("IDEM-03", "IDEM-04")),
    Liar("IDEM-02", "refuses a replay while its run is at work", _refusing("queued", "running")),
    Liar("IDEM-03", "forgets a key when its run has ended", _timed(_forgetting)),
    Liar("IDEM-04", "refuses a replay while its run is parked", _refusing("needs_attention")),
    Liar("IDEM-05", "takes other rows with a used key for a replay", _replays(_payload_blind)),
    Liar("IDEM-05", "takes other rows for a replay once the run has ended", _timed(_payload_blind_at_the_end)),
    Liar("IDEM-05", "answers 400 for other rows with a used key", _replays(_other_status)),
    Liar("IDEM-05", "cancels the run whose key comes with other rows", _timed(_overwriting)),
    Liar("IDEM-06", "has one table of keys for all companies", _of_the_account),
    Liar("IDEM-06", "gives the run of whichever company used the key first", _first_of_the_account),
    Liar("IDEM-07", "answers a replay with 202", _replay_status(202)),
    Liar("IDEM-07", "answers a replay with 208", _replay_status(208)),
    Liar("IDEM-08", "holds no lock between key and run", _racing),
)
