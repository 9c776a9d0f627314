"""Servers whose answers lack what the checks go on with, or have it otherwise: no check breaks on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bending import refuses_with
from judging import failed, judged, with_outcome
from lies import answers

from conformance.engine.context import cut
from conformance.model.results import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = "73a136d8-4135-4701-8b7d-20ac00e79052"
GONE = object()
STRANGE: dict[str, Any] = {
    "lacks": GONE,
    "gives null as": None,
    "gives a number as": 17,
    "gives an empty text as": "",
    "gives an empty list as": [],
    "gives a list of strange things as": [None, 1, "x", [], {}],
    "gives an empty object as": {},
    "gives one and the same": ONE,
}
"""What a server may do with a member, and what it gives then."""
MEMBERS = [
    *("sheets/id", "company/id", "templates/id", "sources/id", "questions/id", "options/id", "columns/name"),
    *("sheets/template_id", "id", "run_id", "company", "company_id", "workbook_id", "sheets", "template_id"),
    *("sheet_id", "sheetId", "name", "templates", "sources", "columns", "desiredRule", "strictRule", "linkRule"),
    *("runs", "run", "status", "poll_url", "report", "perSheet", "rowCount", "inserted", "invalidCellCount"),
    *("templateName", "needs_attention", "questions", "target", "column", "affected_count", "sample_values"),
    *("options", "relevant_columns", "proposed_patch", "actions", "action", "value", "key_column", "upload_url"),
    *("upload_ref", "connections", "results", "error", "external_id", "created_at", "magic_link_url", "prompt"),
    *("label", "allow_custom", "summary", "required", "unique", "mode"),
]
"""What an answer may hold; `sheets/id` are those `id`s alone that are in `sheets`."""


def otherwise(body: Any, place: str, value: Any, within: str = "") -> Any:
    """The body with this value in the place of each member of the name, or of those alone that are in `sheets`, say."""
    holder, _, name = place.rpartition("/")
    match body:
        case dict():
            meant = holder in ("", within)
            kept = {key: each for key, each in body.items() if not (meant and key == name and value is GONE)}
            return {
                key: value if meant and key == name else otherwise(each, place, value, key)
                for key, each in kept.items()
            }
        case list():
            return [otherwise(each, place, value, within) for each in body]
    return body


def strange(member: str, value: Any) -> Callable[[Any], Any]:
    """A server with this value in the place of each member of the name in what it answers with 2xx."""

    def bend(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        return status, otherwise(body, member, value) if status < 300 else body

    return lambda app: answers(bend)(app, pytest.MonkeyPatch())


def broken(bend: Callable[[Any], Any], **plan: Any) -> set[str]:
    """How the suite itself broke on a server."""
    found = (finding for each in judged(bend=bend, strict=False, **plan).results for finding in each.findings)
    return {f"{each.check}: {each.reason}" for each in found if each.outcome is Outcome.ERROR}


SOON = [
    ("sheets/id", "gives one and the same"),
    ("sheets/id", "lacks"),
    ("templates/id", "gives null as"),
    ("questions/id", "gives an empty list as"),
    ("run_id", "gives a list of strange things as"),
    ("status", "gives an empty object as"),
]
REST = [(member, what) for member in MEMBERS for what in STRANGE][::7]


@pytest.mark.parametrize(("member", "what"), [*SOON, *(pytest.param(*each, marks=pytest.mark.whole) for each in REST)])
def test_no_answer_breaks_a_check(member: str, what: str) -> None:
    assert broken(strange(member, STRANGE[what])) == set()


@pytest.mark.parametrize(
    ("member", "nothing_seen"),
    [
        ("sources", {"SRC-02"}),
        ("templates", {"TPL-02", "TPL-03", "TPL-04", "TPL-05"}),
        ("columns", {"TPL-03", "TPL-04", "TPL-05", "TPL-06", "CSV-08"}),
        ("perSheet", {"POLL-09"}),
        ("actions", {"PATCH-02", "PATCH-03"}),
        ("options", {"QUE-09"}),
    ],
)
def test_where_nothing_is_seen_nothing_has_passed(member: str, nothing_seen: set[str]) -> None:
    results = judged(*nothing_seen, bend=strange(member, []), strict=False)
    assert not nothing_seen & {*with_outcome(results, Outcome.PASSED, Outcome.FAILED, Outcome.ERROR)}


def test_what_was_not_given_is_not_asked_for() -> None:
    results = judged(bend=strange("sheets/id", GONE), strict=False)
    sent = {each.url for result in results.results for finding in result.findings for each in finding.exchanges}
    assert not [url for url in sent if "None" in url]
    assert "PROV-02" in failed(results)
    assert not {"ID-02", "CSV-11"} & {*failed(results)}


@pytest.mark.parametrize(
    ("member", "value", "clause", "reason"),
    [
        ("company", GONE, "IMP-02", "the answer 201 to provision_company has no company.id (PROV-02)"),
        ("sheets", GONE, "IMP-02", "the answer 201 to provision_company has no sheets (PROV-02)"),
        ("sources/id", GONE, "IMP-02", "has no sources.0.id (SRC-02)"),
        ("run_id", GONE, "DEC-01", "the answer 201 to start_import has no run_id (IMP-02)"),
        ("upload_ref", GONE, "UPL-03", "the answer 201 to request_upload has no upload_ref (UPL-01)"),
    ],
)
def test_a_reason_names_what_is_lacking(member: str, value: Any, clause: str, reason: str) -> None:
    results = judged(clause, bend=strange(member, value), strict=False)
    (found,) = (each for each in results.results if each.clause == clause)
    assert any(reason in each.reason for each in found.findings), [each.reason for each in found.findings]


def test_a_reason_says_how_the_call_was_answered() -> None:
    lie = refuses_with(201, 503, method="POST", ending="/companies")
    results = judged("IMP-02", bend=lambda app: lie(app, pytest.MonkeyPatch()), strict=False)
    (found,) = (each for each in results.results if each.clause == "IMP-02")
    assert "POST /companies is answered with 503" in found.findings[0].reason


def test_an_operation_that_is_not_there_is_told_by_its_own_clauses() -> None:
    def bend(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        gone = method == "GET" and path.endswith("/imports")
        return (404, {"error": "Not found"}) if gone else (status, body)

    wanted = "AUTH-05", "PROV-01", "HIST-02", "HIST-05", "ACT-01"
    results = judged(*wanted, bend=lambda app: answers(bend)(app, pytest.MonkeyPatch()), strict=False)
    assert {"HIST-05", "ACT-01"} == {*failed(results)}
    (key,) = (each for each in results.results if each.clause == "AUTH-05")
    assert key.outcome is Outcome.INCONCLUSIVE
    reason = "GET /companies/{company_id}/imports is answered with 404 every time: is it there?"
    assert reason in [each.reason for each in key.findings]
    assert not {"OP-08", "OP-10"} & results.readings.keys()


def test_a_quoted_answer_ends_with_a_word() -> None:
    assert cut("one two three four", 15) == "one two three…"
    assert cut("onetwothree", 9) == "onetwothr…"
