"""Servers that lie when an import is started (IMP)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
from bending import gives, refuses_with
from lies import Liar
from places import around, handled
from runlies import busy, company_of, keyed
from twisting import starts

from mock_server.kernel.errors import Refusal
from mock_server.preview.account import account_of
from mock_server.preview.lifecycle import Canceled, Started
from mock_server.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from lies import Lie
    from runlies import Handler
    from starlette.responses import Response

    from mock_server.preview.companies import Company
    from mock_server.preview.runs import ImportRun
    from mock_server.session.exchange import Exchange as Call

ROWS = [{"Name": "Ada Ames", "Email": "ada@example.com"}]


def _answered(member: str, status: int) -> Lie:
    """A lie about the status of a start that has this member."""

    async def bend(call: Call, body: dict[str, Any], honest: Any) -> Response:
        answer: Response = await honest(body)
        if member in body and answer.status_code == 201:
            answer.status_code = status
        return answer

    return starts(bend)


def _accepting(wrong: Callable[[dict[str, Any]], bool]) -> Lie:
    """A lie that takes such a body, and imports something."""

    async def bend(call: Call, body: dict[str, Any], honest: Any) -> Response:
        kept = {name: value for name, value in body.items() if name == "idempotency_key"}
        answer: Response = await honest(kept | {"rows": ROWS} if wrong(body) else body)
        return answer

    return starts(bend)


async def _no_poll_url(call: Call, body: dict[str, Any], honest: Any) -> Response:
    answer: Response = await honest(body)
    if "files" in body and answer.status_code == 201:
        told = orjson.loads(answer.body)
        answer.body = orjson.dumps({name: told[name] for name in ("run_id", "status")})
        answer.headers["content-length"] = str(len(answer.body))
    return answer


async def _no_rows(call: Call, body: dict[str, Any], honest: Any) -> Response:
    if "rows" in body:
        raise Refusal(400, "files is missing")
    answer: Response = await honest(body)
    return answer


def _first_poll_is_404(honest: Handler) -> Handler:
    """A run is written down a moment after its start was answered."""
    met: set[str] = set()

    async def poll_import(call: Call) -> Response:
        answer, run_id = await honest(call), call.parameters["run_id"]
        if run_id not in met:
            met.add(run_id)
            raise Refusal(404, f"no import {run_id!r} of this company")
        return answer

    return poll_import


def _queued_is_404(honest: Handler) -> Handler:
    """A run can be read once a worker has taken it up."""

    async def poll_import(call: Call) -> Response:
        answer = await honest(call)
        if orjson.loads(answer.body)["status"] == "queued":
            raise Refusal(404, f"no import {call.parameters['run_id']!r} of this company")
        return answer

    return poll_import


def _unknown_company(status: int) -> Lie:
    return refuses_with(404, status, "no company", method="POST", ending="/imports")


async def _new_keys_pass(call: Call, body: dict[str, Any], honest: Any) -> Response:
    """A start with a key that was never used is no second import to this one: it ends the run in flight."""
    active = company_of(call).active(call.now)
    if "idempotency_key" in body and not keyed(call, body) and active and active[1].status != "needs_attention":
        account_of(call.session).cancel(call.now, active[0].id)
    answer: Response = await honest(body)
    return answer


async def _refused_and_created(call: Call, body: dict[str, Any], honest: Any) -> Response:
    """The run is written down before it is looked whether another one is in flight."""
    company = company_of(call)
    active = company.active(call.now)
    if active is not None and active[1].status != "needs_attention" and not keyed(call, body):
        company.imports.insert(0, _like(call, active[0]))
    answer: Response = await honest(body)
    return answer


def _like(call: Call, run: ImportRun) -> ImportRun:
    made = replace(run, id=call.session.made_id("run"), events=[Canceled(run.started.at)], kept=None)
    account_of(call.session).runs[made.id] = made
    return made


def _in_flight(company: Company, now: int) -> bool:
    return company.active(now) is not None


def _only_parked(company: Company, now: int) -> bool:
    active = company.active(now)
    return active is not None and active[1].status == "needs_attention"


def _but_parked(company: Company, now: int) -> bool:
    active = company.active(now)
    return active is not None and active[1].status != "needs_attention"


def _after(how: str) -> Callable[[Company, int], bool]:
    """A company whose last run ended so is busy for ever."""

    def blocks(company: Company, now: int) -> bool:
        ended = company.imports[-1].life(now) if company.imports else None
        over = ended is not None and how == ("rejected" if ended.rejected else ended.status)
        return over or company.active(now) is not None

    return blocks


async def _one_for_all(call: Call, body: dict[str, Any], honest: Any) -> Response:
    if not keyed(call, body) and any(each.active(call.now) for each in account_of(call.session).companies.values()):
        raise Refusal(409, "an import of this account is in flight")
    answer: Response = await honest(body)
    return answer


def _key_used_by(status: int) -> Lie:
    """A lie that remembers the key of a start which was refused so."""
    used: set[tuple[str, str]] = set()

    async def bend(call: Call, body: dict[str, Any], honest: Any) -> Response:
        name = call.parameters["company_id"], body.get("idempotency_key", "")
        if name in used:
            raise Refusal(409, "idempotency_key was used before with another payload")
        try:
            answer: Response = await honest(body)
        except Refusal as refusal:
            if refusal.status == status and name[1] and not keyed(call, body):
                used.add(name)
            raise
        return answer

    return starts(bend)


def _traces(status: int, act: Callable[[Call, Company], None]) -> Lie:
    """A lie that does something although it refuses the start so."""

    async def bend(call: Call, body: dict[str, Any], honest: Any) -> Response:
        try:
            answer: Response = await honest(body)
        except Refusal as refusal:
            if refusal.status == status and not keyed(call, body):
                act(call, company_of(call))
            raise
        return answer

    return starts(bend)


def _failed_start(call: Call, company: Company) -> None:
    started = Started(call.now, drift="the request was refused")
    scenario = account_of(call.session).scenario_of(company)
    account_of(call.session)._add_import(company, call.session.made_id("run"), scenario, started, None)


def _give_way(call: Call, company: Company) -> None:
    if (active := company.active(call.now)) is not None and active[1].status == "needs_attention":
        account_of(call.session).reject(call.now, active[0].id)


def _with_id(make: Callable[[str], str]) -> Lie:
    """A lie about the ids of runs."""

    def bend(honest: Callable[[Session, str], str]) -> Callable[[Session, str], str]:
        return lambda session, kind: make(honest(session, kind)) if kind == "run" else honest(session, kind)

    return around(Session.made_id, bend)


def _at(change: Callable[[str], str]) -> Lie:
    """A lie about the poll_url of a start."""
    return gives("start_import", lambda body: body | {"poll_url": change(body["poll_url"])})


def _files_are_a_text(body: dict[str, Any]) -> bool:
    return isinstance(body.get("files"), str)


def _files_without_ref(body: dict[str, Any]) -> bool:
    files = body.get("files")
    return isinstance(files, list) and any("upload_ref" not in file for file in files)


def _empty(body: dict[str, Any]) -> bool:
    return "files" not in body and "rows" not in body


LIARS = (
    Liar("IMP-01", "answers a start of files with 200", _answered("files", 200)),
    Liar("IMP-01", "gives no poll_url for files", starts(_no_poll_url)),
    Liar("IMP-02", "answers a start of rows with 202", _answered("rows", 202)),
    Liar("IMP-02", "does not take rows", starts(_no_rows)),
    Liar(
        "IMP-03", "calls a run running from the start", gives("start_import", lambda body: body | {"status": "running"})
    ),
    Liar("IMP-04", "gives runs an id with a prefix", _with_id(lambda made: f"run_{made}"), ("ID-01",)),
    Liar("IMP-04", "gives an absolute poll_url", _at(lambda url: f"https://api.example.com{url}")),
    Liar(
        "IMP-04", "leaves the company out of the poll_url", _at(lambda url: f"/api/v1/imports/{url.rpartition('/')[2]}")
    ),
    Liar("IMP-05", "does not find a run at the first poll", handled("poll_import", _first_poll_is_404), ("POLL-01",)),
    Liar("IMP-05", "does not find a run while it is queued", handled("poll_import", _queued_is_404), ("POLL-01",)),
    Liar("IMP-04", "gives a poll_url that leads nowhere", _at(lambda url: f"{url}/status")),
    Liar("IMP-06", "takes a start of nothing", _accepting(_empty)),
    Liar(
        "IMP-06",
        "answers a start of nothing with 422",
        refuses_with(400, 422, "neither", method="POST", ending="/imports"),
        ("ERR-06",),
    ),
    Liar("IMP-07", "takes files that are a text", _accepting(_files_are_a_text)),
    Liar("IMP-07", "takes a file without an upload_ref", _accepting(_files_without_ref)),
    Liar("IMP-08", "answers 400 for an unknown company", _unknown_company(400)),
    Liar("IMP-08", "answers 403 for an unknown company", _unknown_company(403)),
    Liar("IMP-09", "starts a second import while one is at work", busy(_only_parked)),
    Liar("IMP-09", "ends the import in flight for one with a new key", starts(_new_keys_pass)),
    Liar("IMP-09", "answers 400 for a second import", busy(_in_flight, 400)),
    Liar("IMP-09", "refuses a second import and creates it", starts(_refused_and_created)),
    Liar("IMP-10", "starts an import while another one is parked", busy(_but_parked)),
    Liar("IMP-11", "imports once into a company", busy(_after("completed"))),
    Liar("IMP-11", "takes no import after a rejected one", busy(_after("rejected"))),
    Liar("IMP-12", "imports for one company at a time", starts(_one_for_all)),
    Liar("IMP-13", "remembers the key of a start that was refused with 400", _key_used_by(400)),
    Liar("IMP-13", "remembers the key of a start that was refused with 409", _key_used_by(409)),
    Liar("IMP-13", "keeps a failed run of a start that was refused with 400", _traces(400, _failed_start)),
    Liar("IMP-13", "ends a parked run for a start that is refused", _traces(409, _give_way)),
)
