"""Readings of which members a body has, and what is in them (OP-02 to OP-28), and of what is added to it at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mock_server.dialects.dialect import Answer, Reading

TALK = "Lecture de 3 feuilles … ✅\nencore un instant. " * 12
EVERY_STATUS = ("report", "error", "needs_attention")


def is_run(answer: Answer) -> bool:
    """Whether the body is an import as a poll shows it."""
    if answer.operation == "list_imports":
        return answer.has_json and isinstance(answer.body, dict) and "status" in answer.body
    return answer.operation == "poll_import" and answer.has_json


def is_page(answer: Answer) -> bool:
    """Whether the body is a page of the history, in the mock's own form."""
    return (
        answer.operation == "list_imports"
        and answer.has_json
        and isinstance(answer.body, dict)
        and "runs" in answer.body
    )


def _bare_company(answer: Answer) -> None:
    if answer.operation == "provision_company" and answer.ok:
        if not answer.body["connections"]:
            del answer.body["connections"]
        if answer.body["company"]["external_id"] is None:
            del answer.body["company"]["external_id"]


def _of_imports(change: Callable[[dict[str, Any]], None]) -> Callable[[Answer], None]:
    """Change each body of an import, in polls and in the active look-up alike (ACT-06)."""

    def change_answer(answer: Answer) -> None:
        if is_run(answer):
            change(answer.body)

    return change_answer


def _of_reports(change: Callable[[dict[str, Any]], None]) -> Callable[[Answer], None]:
    """Change the report of each run that is parked, or was rejected, wherever it is told."""

    def change_answer(answer: Answer) -> None:
        runs = [answer.body] if is_run(answer) else answer.body["runs"] if is_page(answer) else ()
        for run in runs:
            if run["status"] in {"needs_attention", "failed"} and "report" in run:
                change(run["report"])

    return change_answer


def _nothing_inserted(report: dict[str, Any]) -> None:
    report["inserted"] = 0
    for sheet in report.get("perSheet", ()):
        sheet["rowCount"] = 0


def _no_reports(answer: Answer) -> None:
    if is_page(answer):
        for run in answer.body["runs"]:
            run.pop("report", None)


def _nulls_in_catalogue(answer: Answer) -> None:
    if answer.ok and answer.operation == "list_sources":
        for source in answer.body["sources"]:
            source["logo_url"] = None
    if answer.ok and answer.operation == "list_templates":
        for template in answer.body["templates"]:
            template["description"] = None


def _bare_exports(answer: Answer) -> None:
    if answer.operation == "poll_export" and answer.has_json:
        for name in ("progress_message", "error"):
            answer.body.pop(name, None)


def _progress(text: str) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        if "progress_message" in body:
            body["progress_message"] = text

    return change


def _questions(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (body.get("needs_attention") or {}).get("questions", ())


def _null_texts(body: dict[str, Any]) -> None:
    for question in _questions(body):
        question.update(context=None, relevant_columns=None)
        question["target"].update(sample_values=None, error=None)


def _no_options(body: dict[str, Any]) -> None:
    for question in _questions(body):
        if question["allow_custom"]:
            question["options"] = []


def _null_members(body: dict[str, Any]) -> None:
    for name in EVERY_STATUS:
        body.setdefault(name, None)


def _name_charset(answer: Answer) -> None:
    if answer.operation == "export_csv" and answer.headers.get("content-type", "").startswith("text/csv"):
        answer.headers["content-type"] = "text/csv; charset=utf-8; header=present"


def _add_members(value: Any) -> Any:
    """The value with members that nobody documented in each of its objects."""
    if isinstance(value, list):
        return [_add_members(each) for each in value]
    if isinstance(value, dict):
        extra = {"object": "preview", "_rev": 7, "_links": {"self": None}}
        return {name: _add_members(each) for name, each in value.items()} | extra
    return value


def _add_unknown_members(answer: Answer) -> None:
    if answer.has_json and answer.body != {"run": None}:  # ACT-02 and ERR-02: exactly that
        answer.body = _add_members(answer.body)


READINGS = (
    Reading(
        "bare-company",
        "OP-02",
        "leaves `connections` and `external_id` out where none was given",
        _bare_company,
        minimal=True,
    ),
    Reading(
        "no-run-id",
        "OP-05",
        "says no `run_id` in polls and in the active look-up",
        _of_imports(lambda body: body.pop("run_id", None)),
        minimal=True,
    ),
    Reading(
        "no-parked-sums",
        "OP-09",
        "leaves `perSheet` out while a run is parked or was rejected",
        _of_reports(lambda report: report.pop("perSheet", None)),
        minimal=True,
    ),
    Reading("bare-history", "OP-08", "shows no `report` in the history", _no_reports, minimal=True, extended=False),
    Reading(
        "nulls-in-catalogue",
        "SRC-02",
        "has null for every logo and for every template's description",
        _nulls_in_catalogue,
        minimal=True,
        extended=False,
    ),
    Reading(
        "nothing-inserted-yet",
        "OP-21",
        "counts nothing as inserted while a run is parked",
        _of_reports(_nothing_inserted),
    ),
    Reading("bare-exports", "OP-18", "says nothing but `status` while an export runs or has failed", _bare_exports),
    Reading(
        "talkative",
        "OP-27",
        "talks at length in `progress_message`, in another language, over several lines",
        _of_imports(_progress(TALK)),
        rivals="progress",
    ),
    Reading(
        "silent",
        "OP-27",
        "has an empty `progress_message`",
        _of_imports(_progress("")),
        rivals="progress",
        extended=False,
    ),
    Reading(
        "null-texts",
        "OP-28",
        "has null for a question's `context`, `relevant_columns`, `sample_values` and `error`",
        _of_imports(_null_texts),
    ),
    Reading(
        "no-options", "OP-28", "offers no options where free text is taken", _of_imports(_no_options), extended=False
    ),
    Reading(
        "null-members",
        "POLL-20",
        "has null for the members that a run's status has no use for",
        _of_imports(_null_members),
    ),
)
ADDITIONS = (
    Reading("unknown-members", "POLL-20", "adds members that nobody documented to every object", _add_unknown_members),
    Reading("csv-charset", "CSV-01", "names charset and header line of a CSV", _name_charset),
)
"""Readings that add to an answer as all the other ones have made it."""
