"""What an account has: sources and templates (SRC, TPL). That they are the same at each read the observer sees."""

from __future__ import annotations

import csv
import io
from itertools import product
from typing import Any

from conformance.engine.context import block_if, must_come, skip_if
from conformance.preview.account import fetch, filled_sheets, sources_of
from conformance.preview.bodies import array, at, is_uuid, listed
from conformance.preview.checks import Answer, Run, StateDriver, check

READS = 3
SOURCES = 5
"""With how many of the sources a company is provisioned at most."""


def _read(ctx: StateDriver, operation: str, *clauses: str) -> list[Answer]:
    """The list, read several times, each of its contract's shape."""
    answers = [ctx.client.call(operation) for _ in range(READS)]
    ctx.each_status(
        clauses[0], {f"read {number}": each for number, each in enumerate(answers, 1)}, 200, "200 each time"
    )
    for answer in answers:
        ctx.shaped(answer, *clauses)
    return answers


@check("SRC-01", "SRC-02")
def sources_are_listed(ctx: StateDriver) -> None:
    """Read the sources several times."""
    answers = _read(ctx, "list_sources", "SRC-01", "SRC-02")
    ids = [at(each, "id") for each in listed(answers[0].json, "sources")]
    skip_if(not ids, "the account lists no source")
    ctx.require("SRC-02", len(set(map(str, ids))) == len(ids), "each source has an id of its own", answers[0], got=ids)


@check("SRC-04")
def a_listed_source_is_accepted(ctx: StateDriver) -> None:
    """Provision companies with the source that the suite uses, with the last of the list, and with some between."""
    ctx.must_provision()
    known = sources_of(ctx)
    now = [at(each, "id") for each in listed(ctx.client.call("list_sources").json, "sources")]
    chosen = dict.fromkeys([ctx.source() if ctx.source() in known else known[0], known[-1], *now[-1:], *now, *known])
    wanted = [each for each in chosen if is_uuid(each)][: SOURCES if ctx.whole else 2]
    answers = {f"source {source}": ctx.provision(source=source) for source in wanted}
    ctx.each_status("SRC-04", answers, 2, "the id of a listed source is accepted as the source of a company")


@check("TPL-01", "TPL-02", "TPL-03", "TPL-04", "TPL-05")
def templates_are_listed(ctx: StateDriver) -> None:
    """Read the templates several times."""
    answers = _read(ctx, "list_templates", "TPL-01", "TPL-02", "TPL-03", "TPL-04", "TPL-05")
    for answer in answers:
        columns = [column for each in listed(answer.json, "templates") for column in listed(each, "columns")]
        for clause, kind in (("TPL-04", "strict"), ("TPL-05", "link")):
            odd = [each for each in columns if f"{kind}Rule" in each and each.get("desiredRule") != kind]
            if columns:
                ctx.none(clause, odd, f"`{kind}Rule` is there exactly with `{kind}`", answer)
    ids = [at(each, "id") for each in listed(answers[0].json, "templates")]
    skip_if(not ids, "the account lists no template")
    alone = len(set(map(str, ids))) == len(ids)
    ctx.require("TPL-02", alone, "each template has an id of its own", answers[0], got=ids)


@check("TPL-06", needs=("completed",))
def a_csv_has_the_template_s_columns(ctx: StateDriver) -> None:
    """Download the sheets of a completed run as CSV, and compare their headers with the templates."""
    run = ctx.run("completed", fresh=False)
    sheets = _templates_of_sheets(ctx, run)
    block_if(not any(sheets.values()), "no sheet whose template is known", run.polled)
    skip_if(not any(array(each, "columns") for each in sheets.values()), "no template of the sheets has columns")
    for sheet, chosen in product(filled_sheets(run), ("all", None)):
        names = [at(column, "name") for column in array(sheets.get(sheet), "columns")]
        answer = fetch(ctx, run.company.id, sheet, chosen)
        must_come(answer)
        header = next(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))), [])
        if names and (header or not answer.ok):  # a sheet without rows may have no header either
            ctx.equal("TPL-06", header, names, "the columns of a CSV come in the template's order", answer)
    block_if(not ctx.findings, "no CSV of a completed run has a header", run.polled)


def _templates_of_sheets(ctx: StateDriver, run: Run) -> dict[str, Any]:
    """The template of each sheet of the run's company, as the account lists it now."""
    templates = {
        str(at(each, "id")).lower(): each for each in array(ctx.client.call("list_templates").json, "templates")
    }
    if run.company.sheets:
        return {id_: templates.get(template.lower()) for id_, template in run.company.sheets.items()}
    by_name = {str(at(each, "name")): each for each in templates.values()}
    reported = array(run.state, "report", "perSheet")
    return {str(at(each, "sheetId")): by_name.get(str(at(each, "templateName"))) for each in reported}
