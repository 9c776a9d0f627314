"""Servers that lie when two calls come at the same moment: two effects, none, or an answer that is not true for one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID, uuid5

import orjson
from lies import App, Liar, Lie
from places import put
from twisting import Crowd, anew, gathers, looks

from mock_server.http import messages as http
from mock_server.kernel.errors import Refusal
from mock_server.preview import account, preconditions, uploads
from mock_server.preview import operations as api
from mock_server.preview.account import account_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest
    from starlette.responses import Response
    from twisting import Answers, Look

    from mock_server.preview.companies import Company
    from mock_server.session.exchange import Exchange as Call

_BROKEN = "duplicate key value violates unique constraint"
_NAMES = UUID("4f1c8a02-93de-4c57-8a7b-0d6e2b1f9c35")
_LEAST = 0.004
"""Seconds that a poll takes longer, so that two of them can meet."""


def _here(call: Call, *more: Any) -> tuple[Any, ...]:
    return (call.session.key, call.parameters.get("company_id"), *more)


def _json(response: Response) -> Any:
    return orjson.loads(bytes(response.body))


# -- starts


def _same_key(act: Callable[[Call, Any, Answers], Any], operation_id: str = "start_import") -> Lie:
    """A lie about the later ones of simultaneous starts with one key."""

    async def chosen(call: Call, body: Any, answer: Answers, before: int, _: list[Any]) -> Response:
        late = before and body.get("idempotency_key") is not None
        return await act(call, body, answer) if late else await answer(body)

    return gathers(operation_id, lambda call, body: _here(call, str(body.get("idempotency_key"))), chosen)


async def _is_busy(_call: Call, _body: Any, _answer: Answers) -> Response:
    raise Refusal(409, "an import of this company is in flight")


async def _breaks(_call: Call, _body: Any, _answer: Answers) -> Response:
    return http.error(500, _BROKEN)


async def _phantom(call: Call, body: Any, answer: Answers) -> Response:
    told = _json(await answer(body))
    made = str(uuid5(_NAMES, told["run_id"]))
    poll_url = told["poll_url"].replace(told["run_id"], made)
    return http.answer({"run_id": made, "status": "queued", "poll_url": poll_url}, 201)


def _both_start(app: App, patch: pytest.MonkeyPatch) -> App:
    """Neither of two simultaneous starts sees the other."""
    loose: set[str] = set()
    honest = preconditions.refuse_busy

    def refuse_busy(company: Company, now: int) -> None:
        if company.id not in loose:
            honest(company, now)

    async def act(call: Call, body: Any, answer: Answers, before: int, _: list[Any]) -> Response:
        if not before:
            return await answer(body)
        loose.add(call.parameters["company_id"])
        try:
            return await answer(body)
        finally:
            loose.discard(call.parameters["company_id"])

    for module in (api, account):
        put(patch, (module, honest), refuse_busy)
    return gathers("start_import", lambda call, _: _here(call), act)(app, patch)


async def _none_starts(_call: Call, body: Any, answer: Answers, before: int, there: list[Any]) -> Response:
    if before or len(there) > 1:
        raise Refusal(409, "another import of this company is being started")
    return await answer(body)


async def _one_lock(call: Call, body: Any, answer: Answers, before: int, there: list[Any]) -> Response:
    if before and any(other.parameters != call.parameters for other, _ in there[:before]):
        raise Refusal(409, "another import is being started")
    return await answer(body)


def _keys_of_all() -> Lie:
    known: dict[Any, Response] = {}

    async def act(call: Call, body: Any, answer: Answers, before: int, there: list[Any]) -> Response:
        key = body.get("idempotency_key")
        if before and key is not None and there[0][0].parameters != call.parameters:
            for _ in range(100):
                if key in known:
                    return known[key]
                await asyncio.sleep(0.01)
        response = await answer(body)
        if key is not None:
            known[key] = response
        return response

    return gathers("start_import", lambda call, body: (call.session.key, str(body.get("idempotency_key"))), act)


# -- companies and uploads


def _late(operation_id: str, about: Callable[[Call, Any], Any], act: Callable[[Any, Answers], Any]) -> Lie:
    """A lie about those that come later than the first of simultaneous calls."""

    async def chosen(_call: Call, body: Any, answer: Answers, before: int, _: list[Any]) -> Response:
        return await (act(body, answer) if before else answer(body))

    return gathers(operation_id, about, chosen)


def _of_id(call: Call, body: Any) -> Any:
    return _here(call, body.get("external_id") or id(call))


def _of_name(call: Call, body: Any) -> Any:
    return _here(call, str(body.get("name")), str(body.get("source")))


async def _taken_twice(body: Any, answer: Answers) -> Response:
    response = await answer({name: value for name, value in body.items() if name != "external_id"})
    if response.status_code != 201:
        return response
    told = _json(response)
    told["company"]["external_id"] = body["external_id"]
    return http.answer(told, 201)


async def _named_twice(body: Any, answer: Answers) -> Response:
    response = await answer(body | {"name": f"{body['name']} (2)"})
    told = _json(response)
    told["company"]["name"] = body["name"]
    return http.answer(told, response.status_code)


def _others(operation_id: str, *members: str) -> Lie:
    """The later one of simultaneous calls is told these members of the earlier one's answer."""
    last: dict[Any, Any] = {}

    async def act(call: Call, body: Any, answer: Answers, before: int, _: list[Any]) -> Response:
        response = await answer(body)
        told, where = _json(response), _here(call)
        if response.status_code != 201:
            return response
        if before and where in last:
            told |= {name: last[where][name] for name in members}
        else:
            last[where] = told
        return http.answer(told, 201)

    return gathers(operation_id, lambda call, _: _here(call), act)


def _put_twice(app: App, patch: pytest.MonkeyPatch) -> App:
    crowd, honest = Crowd(), uploads.put

    async def lying(call: Call) -> Response:
        async with crowd.joined(call.scope["path"]) as (before, _):
            if not before:
                return await honest(call)
            size = sum([len(piece) async for piece in call.pieces(1 << 30)])
            return http.answer({"upload_ref": call.parameters["upload_ref"], "size": size})

    put(patch, uploads.put, lying)
    return app


# -- decisions


def _decisions(act: Callable[[Call, Any, Answers, int, list[Any]], Any]) -> Lie:
    return gathers("decide", lambda call, _: call.parameters.get("run_id"), act)


async def _loser_breaks(_call: Call, body: Any, answer: Answers, before: int, _: list[Any]) -> Response:
    return http.error(500, "deadlock detected") if before else await answer(body)


async def _nobody_wins(_call: Call, body: Any, answer: Answers, before: int, there: list[Any]) -> Response:
    if before or len(there) > 1:
        raise Refusal(409, "the run is being decided")
    return await answer(body)


async def _loser_has_effect(_call: Call, body: Any, answer: Answers, before: int, there: list[Any]) -> Response:
    return await answer(body if before else there[-1][1])


async def _other_words_win(call: Call, body: Any, answer: Answers, before: int, there: list[Any]) -> Response:
    if before and body.get("decision") != there[0][1].get("decision"):
        run = account_of(call.session).runs[call.parameters["run_id"]]
        return http.answer(run.accepted("running" if body.get("decision") == "approve" else "failed"))
    return await answer(body)


# -- reads


def _reads(operation_id: str, about: Callable[[Call], Any], act: Any) -> Lie:
    """A lie about simultaneous reads that are about the same."""

    def new() -> Look:
        crowd = Crowd(_LEAST)

        async def bend(call: Call, answer: Callable[[], Awaitable[Response]]) -> Response:
            async with crowd.joined(about(call), call) as (before, there):
                response: Response = await act(call, answer, before, there)
                return response

        return bend

    return looks(operation_id, new)


async def _third_is_too_many(_: Call, answer: Any, before: int, __: list[Any]) -> Response:
    if before >= 2:
        raise Refusal(429, "Too many requests")
    response: Response = await answer()
    return response


async def _second_breaks(_: Call, answer: Any, before: int, __: list[Any]) -> Response:
    response: Response = http.error(500, "the run is locked") if before else await answer()
    return response


async def _as_the_first(call: Call, answer: Any, before: int, there: list[Call]) -> Response:
    if before and there[0].parameters["company_id"] != call.parameters["company_id"]:
        run = account_of(there[0].session).runs.get(there[0].parameters["run_id"])
        if run is not None:
            return http.answer(run.body(call.now))
    response: Response = await answer()
    return response


async def _by_the_first_key(call: Call, answer: Any, before: int, there: list[Call]) -> Response:
    if before:
        call.session = there[0].session
    response: Response = await answer()
    return response


async def _filter_of_the_first(call: Call, answer: Any, before: int, there: list[Call]) -> Response:
    if before and "sheet_id" in call.query:
        query = call.query | {"filter": there[0].query.get("filter", "valid")}
        call.scope = {**call.scope, "query_string": urlencode(query).encode()}
    response: Response = await answer()
    return response


LIARS = (
    Liar("IDEM-08", "is busy for the second of two simultaneous starts with one key", _same_key(_is_busy),
         ("IDEM-02",)),
    Liar("IDEM-08", "breaks at the second of two simultaneous starts with one key", _same_key(_breaks)),
    Liar("IDEM-08", "tells the second of two simultaneous starts with one key a run that is not there",
         _same_key(_phantom)),
    Liar("IMP-09", "lets two starts at the same moment begin", _both_start, ("IMP-13",)),
    Liar("IMP-02", "refuses both of two starts at the same moment",
         gathers("start_import", lambda call, _: _here(call), _none_starts), ("IMP-01", "IMP-09", "IDEM-08")),
    Liar("IMP-12", "starts the imports of two companies one after the other alone",
         gathers("start_import", lambda call, _: call.session.key, _one_lock)),
    Liar("IDEM-06", "mixes up one key of two companies at the same moment", anew(_keys_of_all)),
    Liar("PROV-14", "gives one external id to two companies at the same moment",
         _late("provision_company", _of_id, _taken_twice)),
    Liar("PROV-16", "gives one name to two companies at the same moment",
         _late("provision_company", _of_name, _named_twice)),
    Liar("ID-02", "tells the second of two companies at the same moment the sheets of the first",
         anew(lambda: _others("provision_company", "workbook_id", "sheets")), ("SEC-02", "PROV-04")),
    Liar("UPL-08", "gives two uploads at the same moment one reference",
         anew(lambda: _others("request_upload", "upload_ref")), ("UPL-06",)),
    Liar("UPL-03", "takes two files at the same moment at one URL", _put_twice),
    Liar("DEC-25", "breaks at the second of two decisions at the same moment", _decisions(_loser_breaks)),
    Liar("DEC-25", "takes neither of two decisions at the same moment", _decisions(_nobody_wins)),
    Liar("DEC-25", "carries out the decision that it refuses of two at the same moment",
         _decisions(_loser_has_effect)),
    Liar("DEC-25", "says yes to an approval and a rejection at the same moment", _decisions(_other_words_win)),
    Liar("RATE-01", "takes two polls at the same moment and no third",
         _reads("poll_import", lambda call: call.session.key, _third_is_too_many), ("POLL-01",)),
    Liar("POLL-01", "breaks at the second of two polls at the same moment",
         _reads("poll_import", lambda call: call.parameters.get("run_id"), _second_breaks)),
    Liar("SEC-02", "answers the second of two polls at the same moment as the first",
         _reads("poll_import", lambda call: call.session.key, _as_the_first)),
    Liar("AUTH-06", "takes the second of two look-ups at the same moment for one by the key of the first",
         _reads("list_imports", lambda call: call.parameters.get("company_id"), _by_the_first_key), ("SEC-02",)),
    Liar("CSV-05", "gives the second of two downloads at the same moment the rows of the first",
         _reads("export_csv", lambda call: _here(call, call.query.get("sheet_id")), _filter_of_the_first),
         ("CSV-04",)),
    Liar("DST-09", "tells the second of two simultaneous exports with one key a run that is not there",
         _same_key(_phantom, "start_export")),
)  # fmt: skip
