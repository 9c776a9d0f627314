"""Servers that lie about the active look-up, the history, and runs whose engine died (ACT, HIST, STALE)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from bending import refuses_with
from lies import Liar, answers, rule
from places import around, handled
from runlies import busy, company_of, histories, looked_up

from mock_server.http import messages as http
from mock_server.kernel.clock import HOUR, MINUTE
from mock_server.kernel.errors import Refusal
from mock_server.preview import history, lifecycle, operations
from mock_server.preview.account import account_of
from mock_server.preview.lifecycle import FOREVER, TERMINAL, TIMED_OUT, Fold, Life

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lies import Lie
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.preview.companies import Company
    from mock_server.session.exchange import Exchange as Call

NONE = {"run": None}


def _found(change: Callable[[dict[str, Any]], Any], *statuses: str) -> Lie:
    """A lie of the look-up about a run that it finds: in any status, or in one of these."""
    return looked_up(
        lambda body: change(body) if "run" not in body and body["status"] in (statuses or body["status"]) else body
    )


def _nothing(body: Any) -> Lie:
    """A lie of the look-up that finds nothing."""
    return looked_up(lambda found: body if found == NONE else found)


def _reported(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda body: body | {"report": body["report"] | change(body["report"])}


def _blocked(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda body: body | {"needs_attention": change(body["needs_attention"])}


def _none_is_404(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    return (404, {"error": "no active import"}) if body == NONE else (status, body)


def _looking(at: Callable[[Company, int], Any]) -> Lie:
    """A lie of the look-up about which run it shows, and how: None is the truth."""

    def bend(honest: Handler) -> Handler:
        async def list_imports(call: Call) -> Response:
            told = at(company_of(call), call.now) if call.query.get("status") == "active" else None
            return await honest(call) if told is None else http.answer(told)

        return list_imports

    return handled("list_imports", bend)


def _last_for_a_minute(company: Company, now: int) -> Any:
    if company.imports and (state := company.imports[-1].life(now)).terminal and now - state.since < MINUTE:
        return company.imports[-1].body(now)
    return None


def _running_for_a_minute(company: Company, now: int) -> Any:
    if company.imports and (state := company.imports[-1].life(now)).terminal and now - state.since < MINUTE:
        return {"run_id": company.imports[-1].id, "status": "running", "progress_message": "Cleaning"}
    return None


def _oldest(company: Company, now: int) -> Any:
    """Looks at the first run of the company alone."""
    return NONE if company.imports and company.imports[0].life(now).terminal else None


def _stored_status(company: Company, now: int) -> Any:
    """Looks at what the dead engine wrote down last."""
    if company.imports and company.imports[-1].life(now).says == TIMED_OUT:
        return {"run_id": company.imports[-1].id, "status": "running", "progress_message": "Cleaning"}
    return None


def _unknown_is_none(honest: Handler) -> Handler:
    async def list_imports(call: Call) -> Response:
        if (
            call.query.get("status") == "active"
            and call.parameters["company_id"] not in account_of(call.session).companies
        ):
            return http.answer(NONE)
        return await honest(call)

    return list_imports


def _paged(next_page: Callable[[int, int], int | None]) -> Lie:
    """A lie about where the next page begins: of all the runs, and those that are left."""

    def otherwise(honest: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def page(company: Company, limit: int, before: int, now: int) -> dict[str, Any]:
            found = honest(company, limit, before, now)
            rest = next_page(len(company.imports), before - len(found["runs"]))
            return found | {"next_cursor": None if rest is None else history._cursor(rest)}

        return page

    return around((operations, history.page), otherwise)


def _but(*statuses: str) -> Lie:
    """A lie of the history that leaves runs of these statuses out."""
    return histories(lambda items: [item for item in items if item["status"] not in statuses])


def _null_page(honest: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def page(*arguments: Any) -> dict[str, Any]:
        found = honest(*arguments)
        return found | {"runs": found["runs"] or None}

    return page


def _empty_is_404(honest: Handler) -> Handler:
    async def list_imports(call: Call) -> Response:
        if "status" not in call.query and not company_of(call).imports:
            raise Refusal(404, "this company has no imports")
        return await honest(call)

    return list_imports


def _stale(bend: Callable[[int], int]) -> Lie:
    """A lie about how long a run may make no progress."""

    def otherwise(honest: Callable[..., Iterator[Life]]) -> Callable[..., list[Life]]:
        def pass_time(fold: Fold, *given: Any) -> list[Life]:
            after, fold.stale_after = fold.stale_after, bend(fold.stale_after)
            spell = list(honest(fold, *given))
            fold.stale_after = after
            return spell

        return pass_time

    return around(Fold.pass_time, otherwise)


def _timed_out(change: Callable[[Life], list[Life]]) -> Lie:
    """A lie about what comes of a run whose engine died."""

    def otherwise(honest: Callable[..., Iterator[Life]]) -> Callable[..., list[Life]]:
        def pass_time(*arguments: Any) -> list[Life]:
            first, *dead = honest(*arguments)
            return [first, *(each for state in dead for each in change(state))]

        return pass_time

    return around(Fold.pass_time, otherwise)


def _revived(state: Life) -> list[Life]:
    back = state.since + 2 * HOUR
    return [Life("failed", state.since, back, state.says), Life("running", back, None, "Cleaning")]


def _forgotten(honest: Handler) -> Handler:
    """A run that nobody has looked at for ten minutes is taken for dead."""
    seen: dict[str, int] = {}

    async def poll_import(call: Call) -> Response:
        answer, run_id = await honest(call), call.parameters["run_id"]
        if call.now - seen.get(run_id, call.now) > 10 * MINUTE:
            return http.answer({"run_id": run_id, "status": "failed", "error": TIMED_OUT})
        if orjson.loads(answer.body)["status"] in {"queued", "running"}:
            seen[run_id] = call.now
        return answer

    return poll_import


def _dead_is_busy(company: Company, now: int) -> bool:
    timed_out = bool(company.imports) and company.imports[-1].life(now).says == TIMED_OUT
    return timed_out or company.active(now) is not None


LIARS = (
    Liar("ACT-01", "wraps the run that is in flight", _found(lambda body: {"run": body})),
    Liar(
        "ACT-01",
        "gives the id of the run in flight alone",
        _found(lambda body: {"run_id": body["run_id"]}),
    ),
    Liar("ACT-02", "answers 404 when nothing is in flight", answers(_none_is_404)),
    Liar("ACT-02", "answers an empty object when nothing is in flight", _nothing({}), ("ACT-01",)),
    Liar("ACT-02", "says more than that nothing is in flight", _nothing({"run": None, "runs": 0})),
    Liar("ACT-03", "lists what is in flight", _found(lambda body: [body])),
    Liar("ACT-03", "lists nothing when nothing is in flight", _nothing([]), ("ACT-02",)),
    Liar(
        "ACT-04",
        "does not count a parked run as active",
        _found(lambda _: NONE, "needs_attention"),
        ("ACT-01", "ACT-06"),
    ),
    Liar(
        "ACT-04",
        "leaves the proposed_patch out of the look-up",
        _found(_blocked(lambda block: {"questions": block["questions"]}), "needs_attention"),
        ("ACT-06",),
    ),
    Liar(
        "ACT-04",
        "gives the first question in the look-up",
        _found(_blocked(lambda block: block | {"questions": block["questions"][:1]}), "needs_attention"),
        ("ACT-06",),
    ),
    Liar("ACT-05", "shows an ended run as active for a minute", _looking(_last_for_a_minute)),
    Liar("ACT-05", "shows an ended run as running for a minute", _looking(_running_for_a_minute)),
    Liar(
        "ACT-06",
        "leaves perSheet out of the look-up",
        _found(_reported(lambda report: {"perSheet": []}), "needs_attention"),
    ),
    Liar(
        "ACT-06",
        "has another progress_message in the look-up",
        _found(lambda body: body | {"progress_message": "At work"}, "queued", "running"),
    ),
    Liar(
        "ACT-06",
        "says in the look-up that a queued run is running",
        _found(lambda body: body | {"status": "running"}, "queued"),
    ),
    Liar("ACT-07", "looks at the oldest run alone", _looking(_oldest)),
    Liar(
        "ACT-08",
        "finds nothing in flight for an unknown company",
        handled("list_imports", _unknown_is_none),
        ("AUTH-06",),
    ),
    Liar(
        "ACT-08",
        "answers 400 for an unknown company",
        refuses_with(404, 400, "no company", method="GET", ending="/imports"),
    ),
    Liar("HIST-01", "lists the oldest run first", histories(lambda items: items[::-1]), ("HIST-03",)),
    Liar(
        "HIST-01",
        "sorts the history by status",
        histories(lambda items: sorted(items, key=lambda item: item["status"])),
        ("HIST-03",),
    ),
    Liar(
        "HIST-02",
        "begins the next page with the last run of the page",
        _paged(lambda _, rest: rest + 1 if rest else None),
    ),
    Liar("HIST-02", "leaves a run out between two pages", _paged(lambda _, rest: rest - 1 if rest > 1 else None)),
    Liar("HIST-02", "follows the last page by the first", _paged(lambda number, rest: rest or number or None)),
    Liar("HIST-03", "lists a run once it is at work", _but("queued")),
    Liar(
        "HIST-03",
        "lists a new run last",
        histories(lambda items: sorted(items, key=lambda item: item["status"] == "queued")),
    ),
    Liar("HIST-04", "lists no parked runs", _but("needs_attention")),
    Liar("HIST-04", "lists no run that is over", _but(*TERMINAL)),
    Liar("HIST-05", "answers 404 for a history without runs", handled("list_imports", _empty_is_404)),
    Liar("HIST-05", "has null for a history without runs", around((operations, history.page), _null_page)),
    Liar("STALE-01", "lets a dead run be running for ever", _stale(lambda _: FOREVER)),
    Liar("STALE-01", "waits a day for a dead engine", _stale(lambda after: 24 * after)),
    Liar(
        "STALE-01",
        "has another text for a run that timed out",
        rule((lifecycle, "TIMED_OUT"), "Timed out"),
    ),
    Liar(
        "STALE-01", "cancels a run whose engine died", _timed_out(lambda state: [Life("canceled", state.since, None)])
    ),
    Liar("STALE-02", "looks up what a dead engine wrote down last", _looking(_stored_status)),
    Liar("STALE-03", "takes no import after a time-out", busy(_dead_is_busy)),
    Liar("STALE-04", "revives a run that timed out", _timed_out(_revived)),
    Liar("STALE-05", "takes a run for dead that nobody polls", handled("poll_import", _forgotten)),
    Liar("STALE-05", "times a run out that works for a second", _stale(lambda _: 1_000)),
)
