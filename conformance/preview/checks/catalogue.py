"""Sources and templates (SRC, TPL), and the small readers and ways that the checks about an account stand on.

A reader gives None where an answer lacks something, so that a strange answer fails a clause and never the suite.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jsonschema_rs

from conformance.http.client import OTHER
from conformance.model.results import Blocked, Skipped
from conformance.preview.checks.register import check
from conformance.preview.driver import Company, Run, StateDriver
from conformance.target.file import Body, Existing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.http.client import Answer, Key

FILE: dict[str, Any] = {"name": "conformance.csv", "content_type": "text/csv", "size": 8}
RULES = ("none", "ai", "strict", "link")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_INLINE_FLAGS = re.compile(r"\(\?[A-Za-z-]+\)")
_ECMA: Any = jsonschema_rs.Draft202012Validator({"type": "string", "format": "regex"}, validate_formats=True)

# -- reading answers


def member(value: Any, *path: str | int) -> Any:
    """What is at this path of member names and positions, or None where there is nothing."""
    for step in path:
        try:
            value = value[step]
        except (TypeError, KeyError, IndexError):
            return None
    return value


def entries(value: Any, *path: str | int) -> list[Any]:
    """The array at this path; empty where there is none."""
    found = member(value, *path)
    return found if isinstance(found, list) else []


def is_uuid(value: Any) -> bool:
    """True for a UUID in its usual notation."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def is_error(answer: Answer) -> bool:
    """True when the body is an object with a text in `error`."""
    text = member(answer.json, "error")
    return isinstance(answer.json, dict) and isinstance(text, str) and bool(text.strip())


def heard(*answers: Answer) -> None:
    """Blocked when one of the answers never came: what did not come cannot be judged."""
    for answer in answers:
        if answer.status is None:
            raise Blocked(f"no answer: {answer.problem}", [answer])


def each_status(
    ctx: StateDriver, clause: str, answers: Mapping[str, Answer], *statuses: int, requirement: str, body: bool = False
) -> bool:
    """Record whether each of the named answers has one of these statuses; 2 and 4 stand for any 2xx and 4xx.

    `body` asks for an error body, too.
    """
    heard(*answers.values())
    wrong = {
        name: answer
        for name, answer in answers.items()
        if not {answer.status, (answer.status or 0) // 100} & set(statuses) or (body and not is_error(answer))
    }
    wanted = " or ".join(f"{status}xx" if status < 10 else str(status) for status in statuses)
    expected = f"{wanted} from each, with an error body" if body else f"{wanted} from each"
    got = "; ".join(f"{name}: {answer.status} {answer.text[:100]}" for name, answer in wrong.items())
    return ctx.require(clause, not wrong, requirement, *wrong.values(), expected=expected, got=got)


# -- reaching what the checks need


def lent(ctx: StateDriver) -> tuple[str, ...] | None:
    """The companies that the target file lends, or None when the suite provisions its own."""
    company = ctx.target.company
    return company.companies if isinstance(company, Existing) else None


def may_provision(ctx: StateDriver) -> None:
    """Skipped when the target file lends companies: then the suite makes none of its own."""
    if lent(ctx) is not None:
        raise Skipped("the target file names existing companies, so the suite provisions none")


def any_company(ctx: StateDriver) -> Company:
    """A company to look at, whatever it is busy with; what is asked of it changes nothing."""
    companies = lent(ctx)
    return ctx.company() if companies is None else Company(companies[0])


def other_key(ctx: StateDriver) -> Key:
    """The key of another account; Skipped when the target file has none."""
    if not ctx.client.has(OTHER):
        raise Skipped("the target file has no other_api_key")
    return OTHER


def new_company(source: str) -> dict[str, Any]:
    """The body of a new company with a name and an external_id of its own."""
    name = f"conformance-{uuid4().hex[:12]}"
    return {"name": name, "source": source, "external_id": name}


def valid_import(ctx: StateDriver) -> dict[str, Any]:
    """A body that a start of an import accepts; Skipped when the target file has none."""
    for way in ctx.target.states.values():
        if isinstance(way, Body):
            return {name: value for name, value in way.body.items() if name != "idempotency_key"}  # IDEM-01
    raise Skipped("the target file offers no body to start an import with")


def two_companies(ctx: StateDriver) -> tuple[Company, Company]:
    """Two companies of the account; Skipped when the target file lends one alone."""
    companies = lent(ctx)
    if companies is not None and len(companies) < 2:
        raise Skipped("the target file names one existing company alone")
    if companies is not None:
        return Company(companies[0]), Company(companies[1])
    shared: dict[str, Any] = {} if ctx.shared is None else ctx.shared
    if "second company" not in shared:
        shared["second company"] = ctx.company(fresh=True)
    return ctx.company(), shared["second company"]


# -- sources


@check("SRC-01", "SRC-02")
def sources_are_listed(ctx: StateDriver) -> None:
    """Read the sources."""
    answer = ctx.client.call("list_sources")
    holds = answer.status == 200 and isinstance(member(answer.json, "sources"), list)
    ctx.require("SRC-01", holds, "200 and an object with the array `sources`", answer, got=answer.text)
    wrong = [source for source in entries(answer.json, "sources") if not _is_source(source)]
    requirement = "a source has a UUID `id`, a text `name`, and a `logo_url` that is text or null"
    ctx.require("SRC-02", not wrong, requirement, answer, got=wrong)


def _is_source(source: Any) -> bool:
    named = is_uuid(member(source, "id")) and isinstance(member(source, "name"), str)
    return named and "logo_url" in source and isinstance(source["logo_url"], str | None)


@check("SRC-04")
def a_listed_source_is_accepted(ctx: StateDriver) -> None:
    """Provision companies with the source that the suite uses, and with the last of the list."""
    may_provision(ctx)
    listed = sources_of(ctx)
    chosen = {ctx.source() if ctx.source() in listed else listed[0], listed[-1]}
    answers = {f"source {source}": ctx.provision(source=source) for source in sorted(chosen)}
    requirement = "the id of a listed source is accepted as the source of a company"
    each_status(ctx, "SRC-04", answers, 2, requirement=requirement)


# -- templates


@check("TPL-01", "TPL-02", "TPL-03", "TPL-04", "TPL-05")
def templates_are_listed(ctx: StateDriver) -> None:
    """Read the templates."""
    answer = ctx.client.call("list_templates")
    holds = answer.status == 200 and isinstance(member(answer.json, "templates"), list)
    ctx.require("TPL-01", holds, "200 and an object with the array `templates`", answer, got=answer.text)
    listed = entries(answer.json, "templates")
    columns = [column for template in listed for column in entries(template, "columns")]
    for clause, wrong, requirement in (
        ("TPL-02", [each for each in listed if not _is_template(each)],
         "a template has a UUID `id`, a `name`, a `description` that is text or null, and `columns`"),
        ("TPL-03", [each for each in columns if not _is_column(each)],
         "a column has `name`, `description`, booleans `required` and `unique`, and a known `desiredRule`"),
        ("TPL-04", [each for each in columns if not _strict_fits(each)],
         "`strictRule` is there exactly with `strict`, and is a regular expression"),
        ("TPL-05", [each for each in columns if not _link_fits(each)],
         "`linkRule` is there exactly with `link`; its entries have `templateId` and `columnName`"),
    ):  # fmt: skip
        ctx.require(clause, not wrong, requirement, answer, got=wrong)


def _is_template(template: Any) -> bool:
    named = is_uuid(member(template, "id")) and isinstance(member(template, "name"), str)
    return (
        named
        and "description" in template
        and isinstance(template["description"], str | None)
        and isinstance(member(template, "columns"), list)
    )


def _is_column(column: Any) -> bool:
    texts = all(isinstance(member(column, name), str) for name in ("name", "description"))
    switches = all(isinstance(member(column, name), bool) for name in ("required", "unique"))
    return texts and switches and member(column, "desiredRule") in RULES


def _strict_fits(column: Any) -> bool:
    pattern = member(column, "strictRule")
    if member(column, "desiredRule") not in RULES:
        return True  # without a known rule the column breaks TPL-03, and that is all
    if column["desiredRule"] != "strict":
        return "strictRule" not in column
    return isinstance(pattern, str) and _compiles(pattern)


def _compiles(pattern: str) -> bool:
    """True when some usual dialect takes the pattern: which one a rule is in, the documentation does not say."""
    try:
        if _ECMA.is_valid(_INLINE_FLAGS.sub("", pattern)):
            return True
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError, UnicodeError):
        return False
    return True


def _link_fits(column: Any) -> bool:
    links = member(column, "linkRule")
    if member(column, "desiredRule") not in RULES:
        return True  # as above
    if column["desiredRule"] != "link":
        return "linkRule" not in column
    named = [isinstance(member(link, name), str) for link in entries(links) for name in ("templateId", "columnName")]
    return isinstance(links, list) and all(named)


@check("TPL-06", needs=("completed",))
def a_csv_has_the_template_s_columns(ctx: StateDriver) -> None:
    """Download a sheet of a completed run as CSV, and compare its header with the template."""
    run = ctx.run("completed", fresh=False)
    templates = {str(member(each, "id")): each for each in templates_of(ctx)}
    by_name = {str(member(each, "name")): each for each in templates.values()}
    sheets = {id_: templates.get(template) for id_, template in run.company.sheets.items()}
    if not sheets:
        reported = entries(run.state, "report", "perSheet")
        sheets = {str(member(each, "sheetId")): by_name.get(str(member(each, "templateName"))) for each in reported}
    if not any(sheets.values()):
        raise Blocked("no sheet whose template is known", [run.polled])
    for sheet in filled_sheets(run):
        template = sheets.get(sheet)
        names = [member(column, "name") for column in entries(template, "columns")]
        query = {"sheet_id": sheet, "filter": "all"}
        answer = ctx.client.call("export_csv", company_id=run.company.id, query=query)
        heard(answer)
        header = next(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))), [])
        if names and (header or not answer.ok):  # a sheet without rows may have no header either
            requirement = "the columns of a CSV come in the template's order"
            ctx.require("TPL-06", header == names, requirement, answer, expected=names, got=header)
    if not ctx.findings:
        raise Blocked("no CSV of a completed run has a header", [run.polled])


def templates_of(ctx: StateDriver) -> list[Any]:
    """The account's templates, which it lists once; Blocked when it lists none."""
    if "templates" not in ctx.known:
        answer = ctx.client.call("list_templates")
        if not entries(answer.json, "templates"):
            raise Blocked("GET /templates lists no template", [answer])
        if not all(is_uuid(member(each, "id")) for each in entries(answer.json, "templates")):
            raise Blocked("GET /templates lists a template without a UUID", [answer])
        ctx.known["templates"] = entries(answer.json, "templates")
    listed: list[Any] = ctx.known["templates"]
    return listed


def sources_of(ctx: StateDriver) -> list[str]:
    """The ids of the account's sources, which it lists once; Skipped when it has none."""
    if "sources" not in ctx.known:
        listed = entries(ctx.client.call("list_sources").json, "sources")
        ctx.known["sources"] = [member(source, "id") for source in listed if is_uuid(member(source, "id"))]
    if not ctx.known["sources"]:
        raise Skipped("the account lists no source with a UUID")
    ids: list[str] = ctx.known["sources"]
    return ids


def filled_sheets(run: Run) -> list[str]:
    """The ids of the sheets that the run's report says to have rows; of all sheets where it says none."""
    told = entries(run.state, "report", "perSheet")
    return [str(member(each, "sheetId")) for each in told if member(each, "rowCount")] or list(run.company.sheets)
