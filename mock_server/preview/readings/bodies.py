"""Readings of which members a body has, and what is in them (OP-02 to OP-28)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.dialects.reading import Reading, Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TALK = "Lecture de 3 feuilles … ✅\nencore un instant. " * 12
EVERY_STATUS = ("report", "error", "needs_attention")


def _bare_company(said: Said) -> None:
    if said.operation == "provision_company" and said.ok:
        if not said.body["connections"]:
            del said.body["connections"]
        if said.body["company"]["external_id"] is None:
            del said.body["company"]["external_id"]


def _of_imports(change: Callable[[dict[str, Any]], None]) -> Callable[[Said], None]:
    """Change each body of an import, in polls and in the active look-up alike (ACT-06)."""

    def says(said: Said) -> None:
        if said.of_import:
            change(said.body)

    return says


def _of_reports(change: Callable[[dict[str, Any]], None]) -> Callable[[Said], None]:
    """Change the report of each run that is parked, or was rejected, wherever it is told."""

    def says(said: Said) -> None:
        runs = [said.body] if said.of_import else said.body["runs"] if said.is_page else ()
        for run in runs:
            if run["status"] in {"needs_attention", "failed"} and "report" in run:
                change(run["report"])

    return says


def _no_sums(report: dict[str, Any]) -> None:
    report.pop("perSheet", None)


def _nothing_inserted(report: dict[str, Any]) -> None:
    report["inserted"] = 0
    for sheet in report.get("perSheet", ()):
        sheet["rowCount"] = 0


def _no_reports(said: Said) -> None:
    if said.is_page:
        for run in said.body["runs"]:
            run.pop("report", None)


def _nulls_in_catalogue(said: Said) -> None:
    if said.ok and said.operation == "list_sources":
        for source in said.body["sources"]:
            source["logo_url"] = None
    if said.ok and said.operation == "list_templates":
        for template in said.body["templates"]:
            template["description"] = None


def _bare_exports(said: Said) -> None:
    if said.operation == "poll_export" and said.told:
        for name in ("progress_message", "error"):
            said.body.pop(name, None)


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


def _more(value: Any) -> Any:
    """The value with members that nobody documented in each of its objects."""
    if isinstance(value, list):
        return [_more(each) for each in value]
    if isinstance(value, dict):
        extra = {"object": "preview", "_rev": 7, "_links": {"self": None}}
        return {name: _more(each) for name, each in value.items()} | extra
    return value


def _unknown_members(said: Said) -> None:
    if said.told and said.body != {"run": None}:  # ACT-02 and ERR-02: exactly that
        said.body = _more(said.body)


BARE_COMPANY = Reading(
    "bare-company", "OP-02", "leaves `connections` and `external_id` out where none was given", _bare_company
)
NO_RUN_ID = Reading(
    "no-run-id",
    "OP-05",
    "says no `run_id` in polls and in the active look-up",
    _of_imports(lambda body: body.pop("run_id", None)),
)
NO_PARKED_SUMS = Reading(
    "no-parked-sums", "OP-09", "leaves `perSheet` out while a run is parked or was rejected", _of_reports(_no_sums)
)
BARE_HISTORY = Reading("bare-history", "OP-08", "shows no `report` in the history", _no_reports)
NULLS_IN_CATALOGUE = Reading(
    "nulls-in-catalogue", "SRC-02", "has null for every logo and for every template's description", _nulls_in_catalogue
)
NOTHING_INSERTED = Reading(
    "nothing-inserted-yet", "OP-21", "counts nothing as inserted while a run is parked", _of_reports(_nothing_inserted)
)
BARE_EXPORTS = Reading(
    "bare-exports", "OP-18", "says nothing but `status` while an export runs or has failed", _bare_exports
)
TALKATIVE = Reading(
    "talkative",
    "OP-27",
    "talks at length in `progress_message`, in another language, over several lines",
    _of_imports(_progress(TALK)),
    instead="progress",
)
SILENT = Reading("silent", "OP-27", "has an empty `progress_message`", _of_imports(_progress("")), instead="progress")
NULL_TEXTS = Reading(
    "null-texts",
    "OP-28",
    "has null for a question's `context`, `relevant_columns`, `sample_values` and `error`",
    _of_imports(_null_texts),
)
NO_OPTIONS = Reading("no-options", "OP-28", "offers no options where free text is taken", _of_imports(_no_options))
NULL_MEMBERS = Reading(
    "null-members", "POLL-20", "has null for the members that a run's status has no use for", _of_imports(_null_members)
)
UNKNOWN_MEMBERS = Reading(
    "unknown-members", "POLL-20", "adds members that nobody documented to every object", _unknown_members
)
