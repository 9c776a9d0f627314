"""Sources and templates (SRC, TPL)."""

from __future__ import annotations

import csv
import io

from conformance.engine.context import block_if, must_come
from conformance.preview.account import filled_sheets, sources_of, templates_of
from conformance.preview.bodies import array, at, listed
from conformance.preview.checks import StateDriver, check


@check("SRC-01", "SRC-02")
def sources_are_listed(ctx: StateDriver) -> None:
    """Read the sources."""
    answer = ctx.client.call("list_sources")
    ctx.status("SRC-01", answer, 200, "the sources are answered with 200")
    ctx.shaped(answer, "SRC-01", "SRC-02")


@check("SRC-04")
def a_listed_source_is_accepted(ctx: StateDriver) -> None:
    """Provision companies with the source that the suite uses, and with the last of the list."""
    ctx.must_provision()
    listed = sources_of(ctx)
    chosen = {ctx.source() if ctx.source() in listed else listed[0], listed[-1]}
    answers = {f"source {source}": ctx.provision(source=source) for source in sorted(chosen)}
    ctx.each_status("SRC-04", answers, 2, "the id of a listed source is accepted as the source of a company")


@check("TPL-01", "TPL-02", "TPL-03", "TPL-04", "TPL-05")
def templates_are_listed(ctx: StateDriver) -> None:
    """Read the templates."""
    answer = ctx.client.call("list_templates")
    ctx.status("TPL-01", answer, 200, "the templates are answered with 200")
    ctx.shaped(answer, "TPL-01", "TPL-02", "TPL-03", "TPL-04", "TPL-05")
    columns = [column for template in listed(answer.json, "templates") for column in listed(template, "columns")]
    for clause, kind in (("TPL-04", "strict"), ("TPL-05", "link")):
        odd = [each for each in columns if f"{kind}Rule" in each and each.get("desiredRule") != kind]
        ctx.none(clause, odd, f"`{kind}Rule` is there exactly with `{kind}`", answer)


@check("TPL-06", needs=("completed",))
def a_csv_has_the_template_s_columns(ctx: StateDriver) -> None:
    """Download a sheet of a completed run as CSV, and compare its header with the template."""
    run = ctx.run("completed", fresh=False)
    templates = {str(at(each, "id")): each for each in templates_of(ctx)}
    by_name = {str(at(each, "name")): each for each in templates.values()}
    sheets = {id_: templates.get(template) for id_, template in run.company.sheets.items()}
    if not sheets:
        reported = array(run.state, "report", "perSheet")
        sheets = {str(at(each, "sheetId")): by_name.get(str(at(each, "templateName"))) for each in reported}
    block_if(not any(sheets.values()), "no sheet whose template is known", run.polled)
    for sheet in filled_sheets(run):
        template = sheets.get(sheet)
        names = [at(column, "name") for column in array(template, "columns")]
        answer = ctx.client.call("export_csv", company_id=run.company.id, query={"sheet_id": sheet, "filter": "all"})
        must_come(answer)
        header = next(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))), [])
        if names and (header or not answer.ok):  # a sheet without rows may have no header either
            ctx.equal("TPL-06", header, names, "the columns of a CSV come in the template's order", answer)
    block_if(not ctx.findings, "no CSV of a completed run has a header", run.polled)
