"""Sources, templates, and companies that are provisioned with them (SRC, TPL, PROV).

A company cannot be removed again, so a check makes as few as it can, and each is named so that it can be found.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from operator import itemgetter
from typing import Any
from uuid import uuid4

from conformance.engine.context import block_if, first_of, must_come, must_succeed
from conformance.preview.account import filled_sheets, sources_of, templates_of
from conformance.preview.bodies import array, at, listed
from conformance.preview.checks import StateDriver, check
from conformance.preview.driver import new_name


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
    known = sources_of(ctx)
    chosen = {ctx.source() if ctx.source() in known else known[0], known[-1]}
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


@check("PROV-01", "PROV-02", "PROV-03", "PROV-07")
def a_company_is_provisioned(ctx: StateDriver) -> None:
    """Provision a company with an external_id of every kind of character."""
    ctx.must_provision()
    external_id = f"{new_name()}_Az-09"
    answer = ctx.provision(external_id=external_id)
    ctx.status("PROV-01", answer, 201, "a valid request is answered with 201")
    must_succeed(answer, "a company could not be provisioned")
    ctx.shaped(answer, "PROV-02", "PROV-03")
    there, echoed = _has(answer.json, "company", "external_id"), at(answer.json, "company", "external_id")
    ctx.require("PROV-02", there, "an external_id that was given is in the answer", answer, got=answer.text)
    block_if(not there, "the answer has no external_id", answer)
    ctx.equal("PROV-07", echoed, external_id, "`external_id` comes back unchanged", answer)


@check("PROV-01")
def a_company_needs_no_external_id(ctx: StateDriver) -> None:
    """Provision a company with the required members alone."""
    ctx.must_provision()
    answer = ctx.provision(external_id=None)
    ctx.status("PROV-01", answer, 201, "a request without external_id is answered with 201")
    paths = (("connections",), ("company", "external_id"))
    told = {path[-1]: at(answer.json, *path) for path in paths if _has(answer.json, *path)}
    ctx.reads("OP-02", f"present: {told}" if told else "both absent")


def _has(value: Any, *path: str) -> bool:
    holder = at(value, *path[:-1])
    return isinstance(holder, dict) and path[-1] in holder


@check("PROV-04", "PROV-05", "PROV-06")
def sheets_follow_the_templates(ctx: StateDriver) -> None:
    """Provision a company with some of the templates, and one without template_ids."""
    ctx.must_provision()
    names = {str(at(each, "id")): at(each, "name") for each in templates_of(ctx)}
    # Fewer than all templates where there are several; those that link nowhere first.
    linking = [any(at(column, "linkRule") for column in array(each, "columns")) for each in templates_of(ctx)]
    ordered = sorted(zip(linking, templates_of(ctx), strict=True), key=itemgetter(0))
    chosen = [at(each, "id") for _, each in ordered][: max(1, min(2, len(ordered) - 1))]
    some, every = ctx.provision(template_ids=chosen), ctx.provision(template_ids=None)
    must_come(some, every)
    block_if(not some.ok and not every.ok, "no company could be provisioned", some, every)
    for clause, answer, wanted, requirement in (
        ("PROV-04", some, chosen, "one sheet for each chosen template"),
        ("PROV-05", every, list(names), "without template_ids a sheet for every template"),
    ):
        got = [str(at(sheet, "template_id")) for sheet in array(answer.json, "sheets")]
        holds = Counter(got) == Counter(wanted)
        ctx.require(clause, holds, requirement, answer, expected=wanted, got=got or answer.text)
    sheets = array(some.json, "sheets") + array(every.json, "sheets")
    wrong = [sheet for sheet in sheets if at(sheet, "name") != names.get(str(at(sheet, "template_id")))]
    block_if(not sheets, "no company with sheets could be provisioned", some, every)
    ctx.require("PROV-06", not wrong, "a sheet has its template's name", some, every, expected=names, got=wrong)


@check("PROV-08", "PROV-09", "PROV-10", "PROV-11")
def name_and_source_are_required(ctx: StateDriver) -> None:
    """Provision without name, without source, and with sources that are none."""
    ctx.must_provision()
    for clause, members, status, what in (
        ("PROV-08", {"name": None}, 400, "without `name`"),
        ("PROV-09", {"source": None}, 400, "without `source`"),
        ("PROV-10", {"source": "not-a-uuid"}, 400, "with a `source` that is no UUID"),
        ("PROV-11", {"source": str(uuid4())}, 404, "with a `source` that the account lacks"),
    ):
        ctx.status(clause, ctx.provision(**members), status, f"a request {what} is answered with {status}")


@check("PROV-12", "PROV-13")
def an_external_id_has_a_form(ctx: StateDriver) -> None:
    """Provision with external_ids of other characters, and of 255 and 256 characters."""
    ctx.must_provision()
    odd = {repr(mark): ctx.provision(external_id=f"{new_name()}{mark}x") for mark in (" ", ".", "/", "\u00e9", "\n")}
    ctx.each_status("PROV-12", odd, 400, "an external_id with another character is answered with 400")
    for length, status in ((255, 2), (256, 400)):
        answer = ctx.provision(external_id=f"{new_name()}-".ljust(length, "x"))
        requirement = f"an external_id of {length} characters is {'accepted' if status == 2 else 'refused'}"
        ctx.status("PROV-13", answer, status, requirement)


@check("PROV-14")
def an_external_id_is_unique(ctx: StateDriver) -> None:
    """Provision with an external_id that is taken, then with the name of that refused request."""
    ctx.must_provision()
    external_id, name = new_name(), new_name()
    must_succeed(ctx.provision(external_id=external_id), "a company could not be provisioned")
    again = ctx.provision(external_id=external_id, name=name)
    if ctx.status("PROV-14", again, 409, "an external_id that is taken is answered with 409"):
        # Had the refused request left a company behind, its name would be taken now (PROV-16).
        free = ctx.provision(name=name)
        ctx.status("PROV-14", free, 2, "the refused request creates nothing, so its name stays free")


@check("PROV-15")
def template_ids_are_of_the_account(ctx: StateDriver) -> None:
    """Provision with template_ids of a wrong type, of no UUIDs, and of templates that the account lacks."""
    ctx.must_provision()
    known = at(templates_of(ctx), 0, "id")
    bad = {"text": known, "object": {"id": known}, "no UUID": ["contacts"], "number": [1],
           "known and foreign": [known, str(uuid4())]}  # fmt: skip
    answers = {what: ctx.provision(template_ids=value) for what, value in bad.items()}
    requirement = "template_ids that are no array of the account's template UUIDs are answered with 400"
    ctx.each_status("PROV-15", answers, 400, requirement)


@check("PROV-16", "PROV-17")
def a_name_is_unique_for_its_source(ctx: StateDriver) -> None:
    """Provision a name a second time, for the same source and for another."""
    ctx.must_provision()
    name, source = new_name(), ctx.source()
    must_succeed(ctx.provision(name=name, source=source), "a company could not be provisioned")
    again = ctx.provision(name=name, source=source, external_id=new_name())
    ctx.status("PROV-16", again, 400, "a name that is taken for the source is answered with 400")
    second = first_of((each for each in sources_of(ctx) if each != source), "the account has no second source")
    other = ctx.provision(name=name, source=second, external_id=new_name())
    ctx.status("PROV-17", other, 2, "a name that is taken for one source is free for another")
