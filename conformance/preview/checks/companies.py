"""Provisioning: what comes back, and what is refused (PROV).

A company cannot be removed again, so a check makes as few as it can, and each is named so that it can be found.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.model.results import Blocked, Skipped
from conformance.preview.checks.catalogue import (
    each_status,
    entries,
    heard,
    is_uuid,
    may_provision,
    member,
    sources_of,
    templates_of,
)
from conformance.preview.checks.register import check

if TYPE_CHECKING:
    from conformance.http.client import Answer
    from conformance.preview.driver import StateDriver

LONGEST = 255


def _name() -> str:
    return f"conformance-{uuid4().hex[:12]}"


def _made(ctx: StateDriver, **members: Any) -> Answer:
    """A company with these members, for a check that goes on from there; Blocked when it is refused."""
    answer = ctx.provision(**members)
    if not answer.ok:
        raise Blocked("a company could not be provisioned", [answer])
    return answer


# -- what comes back


@check("PROV-01", "PROV-02", "PROV-03", "PROV-07")
def a_company_is_provisioned(ctx: StateDriver) -> None:
    """Provision a company with an external_id of every kind of character."""
    may_provision(ctx)
    external_id = f"{_name()}_Az-09"
    answer = ctx.provision(external_id=external_id)
    ctx.status("PROV-01", answer, 201, requirement="a valid request is answered with 201")
    if not answer.ok:
        raise Blocked("a company could not be provisioned", [answer])
    body, company = answer.json, member(answer.json, "company")
    lacking = [name for name in ("id", "name", "created_at") if member(company, name) is None]
    lacking += [] if _has(body, "company", "external_id") else ["external_id"]
    lacking += [name for name in ("workbook_id", "magic_link_url") if not isinstance(member(body, name), str)]
    lacking += [] if entries(body, "sheets") else ["sheets"]
    lacking += [f"sheets[].{name}" for each in entries(body, "sheets") for name in _SHEET if member(each, name) is None]
    ctx.require("PROV-02", not lacking, "the answer has every documented member", answer, got=f"no {lacking}")
    ids = [member(company, "id"), member(body, "workbook_id")]
    ids += [member(sheet, name) for sheet in entries(body, "sheets") for name in ("id", "template_id")]
    ids += [member(connection, "id") for connection in entries(body, "connections")]
    created = member(company, "created_at")
    # What is not there breaks PROV-02.
    holds = all(is_uuid(each) for each in ids if each is not None) and (created is None or _is_time(created))
    ctx.require("PROV-03", holds, "ids are UUIDs, `created_at` is ISO-8601", answer, got=[*ids, created])
    if "external_id" in lacking:
        raise Blocked("the answer has no external_id", [answer])
    echoed = member(company, "external_id")
    ctx.require("PROV-07", echoed == external_id, "`external_id` comes back unchanged", answer,
                  expected=external_id, got=echoed)  # fmt: skip


_SHEET = ("id", "name", "template_id")


def _is_time(text: Any) -> bool:
    try:
        return isinstance(text, str) and "T" in text and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


@check("PROV-01")
def a_company_needs_no_external_id(ctx: StateDriver) -> None:
    """Provision a company with the required members alone."""
    may_provision(ctx)
    answer = ctx.provision(external_id=None)
    ctx.status("PROV-01", answer, 201, requirement="a request without external_id is answered with 201")
    told = {name: member(answer.json, *path) for name, path in _WITHOUT.items() if _has(answer.json, *path)}
    ctx.reads("OP-02", f"present: {told}" if told else "both absent")


_WITHOUT = {"connections": ("connections",), "external_id": ("company", "external_id")}


def _has(value: Any, *path: str) -> bool:
    holder = member(value, *path[:-1])
    return isinstance(holder, dict) and path[-1] in holder


@check("PROV-04", "PROV-05", "PROV-06")
def sheets_follow_the_templates(ctx: StateDriver) -> None:
    """Provision a company with some of the templates, and one without template_ids."""
    may_provision(ctx)
    names = {str(member(each, "id")): member(each, "name") for each in templates_of(ctx)}
    chosen = _some_templates(templates_of(ctx))
    some, every = ctx.provision(template_ids=chosen), ctx.provision(template_ids=None)
    heard(some, every)
    if not some.ok and not every.ok:
        raise Blocked("no company could be provisioned", [some, every])
    for clause, answer, wanted, requirement in (
        ("PROV-04", some, chosen, "one sheet for each chosen template"),
        ("PROV-05", every, list(names), "without template_ids a sheet for every template"),
    ):
        got = [str(member(sheet, "template_id")) for sheet in entries(answer.json, "sheets")]
        ctx.require(
            clause, Counter(got) == Counter(wanted), requirement, answer, expected=wanted, got=got or answer.text
        )
    sheets = entries(some.json, "sheets") + entries(every.json, "sheets")
    wrong = [sheet for sheet in sheets if member(sheet, "name") != names.get(str(member(sheet, "template_id")))]
    if not sheets:
        raise Blocked("no company with sheets could be provisioned", [some, every])
    ctx.require("PROV-06", not wrong, "a sheet has its template's name", some, every, expected=names, got=wrong)


def _some_templates(templates: list[Any]) -> list[str]:
    """Fewer than all templates where there are several; those that link nowhere first."""
    linking = [any(member(column, "linkRule") for column in entries(each, "columns")) for each in templates]
    ordered = [member(each, "id") for _, each in sorted(zip(linking, templates, strict=True), key=lambda pair: pair[0])]
    return ordered[: max(1, min(2, len(ordered) - 1))]


# -- what is refused


@check("PROV-08", "PROV-09", "PROV-10", "PROV-11")
def name_and_source_are_required(ctx: StateDriver) -> None:
    """Provision without name, without source, and with sources that are none."""
    may_provision(ctx)
    for clause, members, status, what in (
        ("PROV-08", {"name": None}, 400, "without `name`"),
        ("PROV-09", {"source": None}, 400, "without `source`"),
        ("PROV-10", {"source": "not-a-uuid"}, 400, "with a `source` that is no UUID"),
        ("PROV-11", {"source": str(uuid4())}, 404, "with a `source` that the account lacks"),
    ):
        requirement = f"a request {what} is answered with {status}"
        ctx.status(clause, ctx.provision(**members), status, requirement=requirement)


@check("PROV-12", "PROV-13")
def an_external_id_has_a_form(ctx: StateDriver) -> None:
    """Provision with external_ids of other characters, and of 255 and 256 characters."""
    may_provision(ctx)
    odd = {repr(mark): ctx.provision(external_id=f"{_name()}{mark}x") for mark in (" ", ".", "/", "\u00e9", "\n")}
    each_status(ctx, "PROV-12", odd, 400, requirement="an external_id with another character is answered with 400")
    for length, status in ((LONGEST, 2), (LONGEST + 1, 400)):
        answer = ctx.provision(external_id=f"{_name()}-".ljust(length, "x"))
        requirement = f"an external_id of {length} characters is {'accepted' if status == 2 else 'refused'}"
        ctx.status("PROV-13", answer, status, requirement=requirement)


@check("PROV-14")
def an_external_id_is_unique(ctx: StateDriver) -> None:
    """Provision with an external_id that is taken, then with the name of that refused request."""
    may_provision(ctx)
    external_id, name = _name(), _name()
    _made(ctx, external_id=external_id)
    again = ctx.provision(external_id=external_id, name=name)
    if ctx.status("PROV-14", again, 409, requirement="an external_id that is taken is answered with 409"):
        # Had the refused request left a company behind, its name would be taken now (PROV-16).
        free = ctx.provision(name=name)
        ctx.status("PROV-14", free, 2, requirement="the refused request creates nothing, so its name stays free")


@check("PROV-15")
def template_ids_are_of_the_account(ctx: StateDriver) -> None:
    """Provision with template_ids of a wrong type, of no UUIDs, and of templates that the account lacks."""
    may_provision(ctx)
    known = member(templates_of(ctx), 0, "id")
    bad = {"text": known, "object": {"id": known}, "no UUID": ["contacts"], "number": [1],
           "known and foreign": [known, str(uuid4())]}  # fmt: skip
    answers = {what: ctx.provision(template_ids=value) for what, value in bad.items()}
    requirement = "template_ids that are no array of the account's template UUIDs are answered with 400"
    each_status(ctx, "PROV-15", answers, 400, requirement=requirement)


@check("PROV-16", "PROV-17")
def a_name_is_unique_for_its_source(ctx: StateDriver) -> None:
    """Provision a name a second time, for the same source and for another."""
    may_provision(ctx)
    name, source = _name(), ctx.source()
    _made(ctx, name=name, source=source)
    again = ctx.provision(name=name, source=source, external_id=_name())
    ctx.status("PROV-16", again, 400, requirement="a name that is taken for the source is answered with 400")
    others = [each for each in sources_of(ctx) if each != source]
    if not others:
        raise Skipped("the account has no second source")
    other = ctx.provision(name=name, source=others[0], external_id=_name())
    ctx.status("PROV-17", other, 2, requirement="a name that is taken for one source is free for another")
