"""Honest servers whose answers have other members: what is there, what may be missing or null (OP-02 to OP-28)."""

from __future__ import annotations

from typing import Any

from honesty import Honest, Sent, answered
from places import all_of, around

from mock_server.data import book as book_module
from mock_server.preview import runs

OF_RUNS = ("POLL", "ACT", "RUN", "QUE", "DEC-32")
PARKED = ("QUE", "PATCH", "POLL", "DEC")


def _drop(*names: str, of: str = "") -> Any:
    """Leave members out of a new company, or of its member `of`, where nothing was given for them."""

    def change(sent: Sent) -> None:
        if sent.operation == "provision_company" and sent.ok:
            body = sent.body[of] if of else sent.body
            for name in names:
                if not body[name]:
                    del body[name]

    return answered(change)


def _polled(change: Any) -> Any:
    """Change each body of an import, as polls and the active look-up show it."""

    def changed(sent: Sent) -> None:
        if sent.of_run:
            change(sent.body)

    return answered(changed)


def _without_sums(body: Any) -> None:
    if body["status"] == "needs_attention":
        body["report"].pop("perSheet", None)


def _rejected_without_sums(body: Any) -> None:
    if body["status"] == "failed" and "report" in body:
        body["report"].pop("perSheet", None)


def _null_members(body: Any) -> None:
    """Null for what has no business in the status."""
    wanted = {"queued": (), "running": (), "failed": ("needs_attention",)}
    for name in wanted.get(body["status"], ("error", "needs_attention")):
        body.setdefault(name, None)
    for name in ("report", "error", "needs_attention"):
        body.setdefault(name, None)


def _questions(change: Any) -> Any:
    def changed(body: Any) -> None:
        if body["status"] == "needs_attention":
            for question in body["needs_attention"]["questions"]:
                change(question)

    return _polled(changed)


def _nulls(question: Any) -> None:
    question.update(prompt=None, context=None, relevant_columns=None)
    question["target"].update(sample_values=None, error=None)
    for option in question["options"]:
        option["label"] = None


def _without_options(options: Any) -> Any:
    def change(question: Any) -> None:
        if question["allow_custom"]:
            question["options"] = options

    return _questions(change)


def _null_samples(question: Any) -> None:
    samples = question["target"]["sample_values"]
    if isinstance(samples, list):
        question["target"]["sample_values"] = [each or None for each in samples]


def _counted(count: Any) -> Any:
    """Count otherwise what `inserted` means: `count` is given a sheet's rows without and with a wrong cell."""

    def changed(honest: Any) -> Any:
        def report(book: Any, *, parked: bool) -> Any:
            made = honest(book, parked=parked)
            for entry, each in zip(made["perSheet"], book.counts, strict=True):
                entry["rowCount"] = count(each.clean, each.flagged, parked, entry["rowCount"])
            return made | {"inserted": sum(entry["rowCount"] for entry in made["perSheet"])}

        return report

    return around((runs, book_module.report), changed)


def _only_status(sent: Sent) -> None:
    if sent.operation == "decide" and sent.ok and sent.body["status"] == "failed":
        sent.body = {"status": "failed"}


def _says_running(sent: Sent) -> None:
    if sent.operation == "decide" and sent.ok:
        sent.body["status"] = "running"


def _silent(body: Any) -> None:
    if "progress_message" in body:
        body["progress_message"] = ""


def _talks(body: Any) -> None:
    if "progress_message" in body:
        body["progress_message"] = "Lecture de 3 feuilles \u2026 \u2705\nencore un instant " * 20


def _sheets_reversed(body: Any) -> None:
    if isinstance(body.get("report"), dict) and "perSheet" in body["report"]:
        body["report"]["perSheet"].reverse()


BODIES = (
    Honest(
        "OP-02",
        "leaves connections and external_id out of a company that was given none",
        all_of(_drop("connections"), _drop("external_id", of="company")),
        ("PROV", "SEC"),
    ),
    Honest("OP-02", "leaves connections out, and says null for external_id", _drop("connections"), ("PROV", "SEC")),
    Honest("OP-05", "says no run_id in polls and look-ups", _polled(lambda body: body.pop("run_id", None)), OF_RUNS),
    Honest("OP-09", "shows no perSheet while parked", _polled(_without_sums), PARKED),
    Honest("OP-14", "answers a reject with a status alone", answered(_only_status), ("DEC", "IMP", "IDEM")),
    Honest(
        "OP-14", "answers a reject with running, and has it failed at once", answered(_says_running), ("DEC", "IMP")
    ),
    Honest(
        "OP-17", "shows the report of a rejected run without perSheet", _polled(_rejected_without_sums), ("DEC", "RUN")
    ),
    Honest(
        "OP-21",
        "counts flagged rows as inserted while they wait",
        _counted(lambda clean, flagged, parked, _: clean + flagged),
        ("POLL", "CSV", "DEC", "QUE"),
    ),
    Honest(
        "OP-21",
        "has nothing inserted while a run is parked",
        _counted(lambda clean, flagged, parked, honest: 0 if parked else honest),
        ("POLL", "CSV", "DEC", "QUE"),
    ),
    Honest(
        "OP-21",
        "never counts flagged rows as inserted",
        _counted(lambda clean, flagged, parked, _: clean),
        ("POLL", "CSV", "DEC", "QUE"),
    ),
    Honest("OP-27", "has an empty progress_message", _polled(_silent), ("POLL", "ACT", "RUN")),
    Honest("OP-27", "talks at length in progress_message", _polled(_talks), ("POLL", "ACT", "RUN")),
    Honest("OP-28", "says null for the texts of a question", _questions(_nulls), PARKED),
    Honest("OP-28", "offers no options where free text is taken", _without_options([]), PARKED),
    Honest("OP-28", "says null for options where free text is taken", _without_options(None), PARKED),
    Honest("OP-28", "says null for an empty sample value", _questions(_null_samples), PARKED),
    Honest("nulls", "says null for what is not there in a status", _polled(_null_members), OF_RUNS),
    Honest("order", "lists the sheets of a report in reverse", _polled(_sheets_reversed), OF_RUNS),
)
