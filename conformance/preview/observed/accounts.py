"""What belongs to an account: its catalogue, its companies, and ids that name one thing each (SRC, TPL, PROV, ID)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conformance.http.client import OTHER, REVOKED
from conformance.preview.bodies import at, is_id, listed
from conformance.preview.observed.memory import Memory, contradiction

if TYPE_CHECKING:
    from conformance.engine.plan import Contradiction
    from conformance.http.client import Answer

Found = Iterator["Contradiction"]
OF_A_COLUMN = ("name", "description", "required", "unique", "desiredRule", "strictRule")

LINK = ("templateId", "columnName")
LISTING = "list_imports"


def sources(memory: Memory, answer: Answer) -> Found:
    """The account's sources, in any order; a logo's address may change."""
    if answer.ok:
        told = {id_: at(each, "name") for id_, each in _by_id(answer, "sources").items()}
        yield from _as_before(memory, "sources", told, answer)


def templates(memory: Memory, answer: Answer) -> Found:
    """The account's templates, in any order, their columns in theirs."""
    if answer.ok:
        found = _by_id(answer, "templates")
        told = {key: (at(each, "name"), at(each, "description"), _columns(each)) for key, each in found.items()}
        yield from _as_before(memory, "templates", told, answer)
        memory.templates = memory.templates or found


def _by_id(answer: Answer, what: str) -> dict[str, Any]:
    return {each["id"]: each for each in listed(answer.json, what) if is_id(each.get("id"))}


def _columns(template: Any) -> list[list[Any]]:
    columns = listed(template, "columns")
    links = [[at(link, name) for name in LINK] for column in columns for link in listed(column, "linkRule")]
    return [*([at(column, name) for name in OF_A_COLUMN] for column in columns), *links]


def _as_before(memory: Memory, what: str, told: Any, answer: Answer) -> Found:
    known, first = memory.catalogue.setdefault(what, (told, answer))
    if known != told:
        requirement = f"the account's {what} are the same at every read"
        other = sorted(key for key in {**known, **told} if known.get(key) != told.get(key))
        for clause in ("RUN-08", "SRC-01" if what == "sources" else "TPL-01"):
            got = f"otherwise: {', '.join(other)}"
            yield contradiction(clause, requirement, first, answer, expected="the same", got=got)


def provisioned(memory: Memory, answer: Answer) -> Found:
    """A company that was made."""
    company_id = at(answer.json, "company", "id")
    if not answer.ok or not is_id(company_id):
        return
    told = [(at(each, "id"), str(at(each, "template_id") or "none")) for each in listed(answer.json, "sheets")]
    sheets = {id_: template for id_, template in told if is_id(id_)}
    named = [(company_id, "a company"), (at(answer.json, "workbook_id"), "a workbook")]
    for each, what in [(id_, what) for id_, what in named if is_id(id_)] + [(sheet, "a sheet") for sheet in sheets]:
        known = memory.named.setdefault(each, f"{what} of {company_id}")
        if known != f"{what} of {company_id}" or (each == company_id and each in memory.companies):
            requirement = "an id that was given out names nothing else"
            yield contradiction("ID-02", requirement, answer, expected="ids of its own", got=f"{each}, {known}")
    company = memory.company_of(company_id)
    company.provisioned, company.sheets = answer, sheets
    yield from _echo(answer)
    yield from _sheets(memory, sheets, answer)
    yield from _taken(memory, answer)


def _echo(answer: Answer) -> Found:
    for name, clause in (("external_id", "PROV-07"), ("name", "PROV-02")):
        sent, told = at(answer.sent, name), at(answer.json, "company", name)
        if isinstance(sent, str) and sent.strip() == sent and isinstance(told, str) and told != sent:
            requirement = f"{name} is given back as it was sent"
            yield contradiction(clause, requirement, answer, expected=sent, got=told)


def _sheets(memory: Memory, sheets: dict[str, str], answer: Answer) -> Found:
    chosen = at(answer.sent, "template_ids")
    wanted = list(memory.templates) if chosen is None else chosen
    told = isinstance(answer.sent, dict) and ("template_ids" not in answer.sent or chosen)
    if not memory.templates or not told or not isinstance(wanted, list):
        return
    if not all(isinstance(each, str) for each in wanted):  # PROV-15
        return
    if sorted(each.casefold() for each in sheets.values()) != sorted({str(each).casefold() for each in wanted}):
        clause = "PROV-05" if chosen is None else "PROV-04"
        requirement = "there is one sheet for each template that was asked for, or for all"
        expected, got = ", ".join(map(str, wanted)), ", ".join(sheets.values())
        yield contradiction(clause, requirement, answer, expected=expected, got=got)
    for each in listed(answer.json, "sheets"):
        template = memory.templates.get(str(at(each, "template_id")))
        if template is not None and at(each, "name") != at(template, "name"):
            expected, got = str(at(template, "name")), str(at(each, "name"))
            yield contradiction("PROV-06", "a sheet has its template's name", answer, expected=expected, got=got)


def _taken(memory: Memory, answer: Answer) -> Found:
    """What no second company may have; a call of ours that was answered with 2xx has it."""
    sent = answer.sent
    for clause, taken in (
        ("PROV-14", ("external_id", at(sent, "external_id"))),
        ("PROV-16", ("name", at(sent, "name"), at(sent, "source"))),
    ):
        if all(isinstance(each, str) and each.strip() for each in taken):
            first = memory.taken.setdefault(taken, answer)
            if first is not answer:
                requirement = "external_id, and name within a source, are one company's alone"
                yield contradiction(clause, requirement, first, answer, expected="a refusal")


def upload_requested(memory: Memory, answer: Answer) -> Found:
    """A signed upload: its URL and its reference are new."""
    for name in ("upload_ref", "upload_url") if answer.ok else ():
        told = at(answer.json, name)
        if isinstance(told, str) and told:
            first = memory.taken.setdefault((name, told), answer)
            if first is not answer:
                requirement = f"no two uploads have the same {name}"
                yield contradiction("UPL-08", requirement, first, answer, expected="a new one", got=f"{name} again")


def trespassed(memory: Memory, key: str | None, answer: Answer) -> Found:
    """An answer to a call with another key, or with none."""
    company = memory.companies.get(str(answer.ids.get("company_id")))
    first = company.provisioned if company is not None else None
    if not answer.ok:
        return
    if key is None or key == REVOKED.value:
        clause, requirement = "AUTH-04" if key else "AUTH-02", "a call without a key that counts is refused"
        yield contradiction(clause, requirement, answer, expected="401", got=str(answer.status))
    elif key == OTHER.value and first is not None:
        requirement = "a company of the account is not there for another one"
        yield contradiction("AUTH-06", requirement, first, answer, expected="404", got=str(answer.status))


def reached(memory: Memory, answer: Answer) -> Found:
    """The answer to a call below a company that was provisioned with this key."""
    company = memory.companies.get(str(answer.ids.get("company_id")))
    first = company.provisioned if company is not None else None
    if first is None:
        return
    if answer.status == 401:
        requirement = "a key that was good for the account stays so"
        yield contradiction("AUTH-05", requirement, first, answer, expected="no 401")
    elif answer.status == 404 and answer.operation == LISTING and LISTING in memory.there and not answer.query:
        requirement = "a company that was provisioned is found with the account's key"
        yield contradiction("AUTH-05", requirement, first, answer, expected="no 404")
