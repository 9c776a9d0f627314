"""The generated layer: it accuses no honest server, finds what no check of a clause looks for, and repeats itself."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from bending import asked, reads
from judging import worse_than_passed
from lies import Liar, answers, polls

from conformance.engine.plan import Check, Draw
from conformance.fuzzing.layer import NAME, STIMULUS
from conformance.http.client import Client
from conformance.model import clauses
from conformance.model.results import Finding, Outcome
from conformance.preview.cases.layer import LAYER
from conformance.preview.driver import StateDriver
from conformance.preview.response_schema import differences
from conformance.preview.suite import Mock, mock
from conformance.target.target import Existing, Target
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = 4
CLAUSES = LAYER.clauses


@dataclass(frozen=True, slots=True)
class Said:
    """What the layer said, and what it cost."""

    findings: list[Finding]
    requests: int
    left_behind: list[str]

    def clauses(self, *outcomes: Outcome) -> set[str]:
        """The clauses with a finding of one of these outcomes."""
        return {each.clause for each in self.findings if each.outcome in outcomes}


@contextmanager
def stage_on(
    server: Mock, target: Target, heard: list[Finding], now: Callable[[], float] = monotonic
) -> Iterator[StateDriver]:
    """A ctx on the server whose shape differences go to `heard`."""

    def on_exchange(answer: Any) -> None:
        found = [each.clause for each in differences(answer.operation, answer)]
        heard.extend(Finding(clause, Outcome.FAILED, "shape", exchanges=(answer.exchange,)) for clause in found)

    client = Client(
        target.base_url,
        target.api_key,
        contract=contract.load(),
        requests_per_minute=0,
        request_timeout=target.request_timeout,
        on_exchange=on_exchange,
    )
    check = Check(NAME, CLAUSES, STIMULUS, lambda _: None)
    try:
        yield StateDriver(
            client=client,
            target=target,
            check=check,
            wait=server.wait,
            now=now,
            advance=server.advance,
            ways=server.ways(),
            shared=None,
        )
    finally:
        client.close()


def said(
    *only: str,
    seed: int = 0,
    bend: Callable[[Any], Any] | None = None,
    over: Callable[[], bool] = lambda: False,
    now: Callable[[], float] = monotonic,
    changed: Callable[[Target, Mock], Target] = lambda target, _: target,
) -> Said:
    """What the layer alone says of a mock whose app `bend` may wrap."""
    heard: list[Finding] = []
    with mock(bend=bend) as server, stage_on(server, changed(server.target(), server), heard, now) as ctx:
        LAYER.play(ctx, Draw(clauses.select(only), seed, EXAMPLES, over))
        return Said([*ctx.findings, *heard], ctx.client.requests, ctx.left_behind)


# -- honest servers


@pytest.fixture(scope="module")
def honest() -> Said:
    """What it says of the mock."""
    return said()


def test_the_honest_mock_is_accused_of_nothing(honest: Said) -> None:
    assert [each for each in honest.findings if each.outcome is not Outcome.PASSED] == []


def test_it_tries_nearly_all_that_it_speaks_of(honest: Said) -> None:
    assert len(set(CLAUSES) - honest.clauses(Outcome.PASSED)) <= 10
    assert honest.clauses(Outcome.PASSED) <= set(CLAUSES)


def test_it_leaves_little_behind(honest: Said) -> None:
    companies = [each for each in honest.left_behind if each.startswith("company")]
    assert len(companies) <= 20


def test_two_runs_on_fresh_targets_say_the_same() -> None:
    first, again = (said("DEC", "HIST", "CSV", seed=7) for _ in range(2))
    assert again.requests == first.requests
    assert again.findings == first.findings
    assert {each.outcome for each in first.findings} == {Outcome.PASSED}


# -- liars that no other check catches


def _in_body(operation: str, name: str, change: Callable[[Any], Any]) -> Any:
    """The mock reads what `change` makes of a member, where that is there."""

    def changed(body: Any) -> None:
        if name in body:
            body[name] = change(body[name])

    return reads(operation, changed)


def _in_query(name: str, change: Callable[[str], str]) -> Any:
    def changed(scope: Any) -> None:
        query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        if name in query:
            pairs = {**query, name: [change(query[name][0])]}
            scope["query_string"] = "&".join(f"{n}={v}" for n, vs in pairs.items() for v in vs).encode()

    return asked(changed)


def _fails_at(operation: str, words: str) -> Any:
    """A server that breaks down where the honest mock complains in these words."""
    ends = {"decide": "/decisions", "start_import": "/imports", "list_imports": "/imports"}[operation]

    def bend(_: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        broken = status == 400 and path.endswith(ends) and words in str(body)
        return (500, {"error": "Internal server error"}) if broken else (status, body)

    return answers(bend)


def _in_plain_text(query: bytes) -> Any:
    """Errors that are no JSON where this is asked for."""

    def make(app: Any, _: pytest.MonkeyPatch) -> Any:
        async def lying(scope: Any, receive: Any, send: Any) -> None:
            async def sent(message: Any) -> None:
                if message["type"] == "http.response.start" and message["status"] == 400:
                    kept = [(name, value) for name, value in message["headers"] if name != b"content-type"]
                    message = {**message, "headers": [*kept, (b"content-type", b"text/plain")]}
                await send(message)

            await app(scope, receive, sent if query in scope["query_string"] else send)

        return lying

    return make


def _as_objects(rows: Any) -> Any:
    """Rows that are all objects, whatever they were."""
    return [row if isinstance(row, dict) else {"Name": str(row)} for row in rows] if isinstance(rows, list) else rows


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, (list, dict)) else value


def _as_id(value: Any) -> Any:
    return f"id-{uuid4().hex}" if isinstance(value, (list, dict)) else value


def _no_false(value: Any) -> Any:
    return [] if value is False else value


LIARS = (
    Liar("IMP-06", "takes rows that are no objects", _in_body("start_import", "rows", _as_objects)),
    Liar("IMP-06", "breaks down at a body that is no object", _fails_at("start_import", "must be an object")),
    Liar("DEC-15", "takes a null for an approval", _in_body("decide", "decision", lambda word: word or "approve")),
    Liar("DEC-17", "takes false for no answers", _in_body("decide", "answers", _no_false)),
    Liar("PROV-08", "takes an array for a name", _in_body("provision_company", "name", _as_text)),
    Liar("PROV-12", "takes an object for an external_id", _in_body("provision_company", "external_id", _as_id)),
    Liar("CSV-10", "takes a filter of true for all", _in_query("filter", lambda word: {"true": "all"}.get(word, word))),
    Liar("ERR-06", "breaks down at a limit of 0", _fails_at("list_imports", "limit")),
    Liar("FMT-01", "complains about a filter of null in plain text", _in_plain_text(b"filter=null"), ("CSV-10",)),
)


@pytest.mark.parametrize("liar", LIARS, ids=[each.lie.replace(" ", "-") for each in LIARS])
def test_a_liar_is_told_by_this_layer_and_by_no_other(liar: Liar) -> None:
    assert all(each.outcome is not Outcome.FAILED for each in liar.judged(max_examples=0).results)
    told = {each.clause for each in liar.judged(max_examples=EXAMPLES).results if each.outcome is Outcome.FAILED}
    assert liar.clause in told, f"this server {liar.lie}, and nothing failed"


def test_a_failure_is_made_small() -> None:
    with pytest.MonkeyPatch.context() as patch:
        found = said("IMP-06", bend=lambda app: LIARS[0].make(app, patch))
    (failure,) = [each for each in found.findings if each.outcome is Outcome.FAILED]
    body = json.loads(failure.exchanges[0].request_body or "")
    assert list(body) == ["rows"]
    assert body["rows"] in ([0], [1], [None], [False], [True], [""], [[]])


def test_a_walk_that_fails_is_made_short() -> None:
    def bend(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        if method == "GET" and path.endswith("/imports") and status == 200 and len(body.get("runs", ())) > 1:
            body["runs"].reverse()
        return status, body

    with pytest.MonkeyPatch.context() as patch:
        found = said("HIST-03", bend=lambda app: answers(bend)(app, patch))
    (failure,) = [each for each in found.findings if each.outcome is Outcome.FAILED]
    steps = failure.got.partition(":")[0]
    assert steps.count("start_import") <= 2, steps
    assert "list_imports" in steps


# -- targets that offer less


def test_what_a_target_file_leaves_out_is_skipped_with_the_reason() -> None:
    def poor(target: Target, _: Mock) -> Target:
        return replace(target, states={"completed": target.states["completed"]})

    found = said("DEC", changed=poor)
    skipped = {each.clause: each.reason for each in found.findings if each.outcome is Outcome.SKIPPED}
    assert found.clauses(Outcome.FAILED, Outcome.INCONCLUSIVE) == set()
    assert skipped["DEC-15"] == "decide: the target file offers no way to needs_attention"


def test_lent_companies_are_used_and_none_is_provisioned() -> None:
    def lent(target: Target, server: Mock) -> Target:
        source = server.admin("GET", "/api/v1/sources")["sources"][0]["id"]
        made = [server.admin("POST", "/api/v1/companies", {"name": name, "source": source}) for name in ("One", "Two")]
        return replace(target, tenant=Existing(tuple(each["company"]["id"] for each in made)))

    found = said("PROV", "UPL", "ACT", changed=lent)
    reasons = {each.reason for each in found.findings if each.outcome is Outcome.SKIPPED}
    assert reasons == {
        "provision_company: the target file names existing companies, so the suite provisions none",
    }
    assert {"UPL-07", "ACT-08"} <= found.clauses(Outcome.PASSED)
    assert found.clauses(Outcome.FAILED) == set()
    assert not [each for each in found.left_behind if each.startswith("company")]


def test_without_time_all_is_skipped_and_nothing_sent() -> None:
    found = said(over=lambda: True)
    assert {each.outcome for each in found.findings} == {Outcome.SKIPPED}
    assert found.requests == 0


def test_a_target_that_hangs_is_inconclusive_and_left() -> None:
    def hangs(app: Any) -> Any:
        async def hanging(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"].endswith("/uploads"):
                await asyncio.sleep(5)
                return
            await app(scope, receive, send)

        return hanging

    found = said("UPL", bend=hangs, changed=lambda target, _: replace(target, request_timeout=0.5))
    assert found.clauses(Outcome.FAILED) == set()
    assert "UPL-01" in found.clauses(Outcome.INCONCLUSIVE)
    assert found.requests < 20


def test_runs_that_never_rest_are_waited_for_once() -> None:
    def runs_on(body: Any) -> None:
        body.clear()
        body |= {"status": "running", "progress_message": "Working"}

    looks = count()
    with pytest.MonkeyPatch.context() as patch:
        found = said(
            *("IMP-06", "DEC-15", "RUN-03"),
            bend=lambda app: polls(runs_on)(app, patch),
            changed=lambda target, _: replace(target, run_timeout=0.3),
            now=lambda: next(looks) / 100,
        )
    assert found.clauses(Outcome.FAILED) == set()
    assert {"DEC-15", "RUN-03"} <= found.clauses(Outcome.INCONCLUSIVE)
    assert found.requests < 200


def test_the_suite_runs_it_where_examples_are_asked_for() -> None:
    nobody = Liar("CSV-10", "is honest", lambda app, _: app)
    with_examples = nobody.judged(max_examples=EXAMPLES)
    assert worse_than_passed(with_examples) == {}
    assert with_examples.requests > nobody.judged(max_examples=0).requests
    assert any(finding.check == NAME for each in with_examples.results for finding in each.findings)
