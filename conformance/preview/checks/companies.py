"""Companies that are provisioned with the account's sources and templates (PROV).

A company cannot be removed again, so a check makes as few as it can, and each is named so that it can be found. That a
refused request has made none is told by its name, which a right one can still have.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

from conformance.engine.context import block_if, first_of, must_come, must_succeed, skip_if
from conformance.model.plain import plain
from conformance.preview.account import sources_of, templates_of
from conformance.preview.bodies import array, at, is_id
from conformance.preview.checks import Answer, StateDriver, check
from conformance.preview.driver import near, new_company, new_name

NAME = "\"q\" 'a' \\ back/slash & <b> &amp; %20 {0} $1 007"
"""What a name may hold and a careless server writes otherwise."""


@check("PROV-01", "PROV-02", "PROV-03", "PROV-07")
def a_company_is_provisioned(ctx: StateDriver) -> None:
    """Provision companies with external_ids of every kind of character."""
    ctx.must_provision()
    digits = str(uuid4().int)[:20]
    kinds = [f"{new_name()}_Az-09", f"000{digits}", f"-_{digits}_-", f"{digits[:15]}e5"]
    for external_id in kinds if ctx.whole else kinds[:1]:
        answer = ctx.provision(external_id=external_id)
        ctx.status("PROV-01", answer, 201, "a valid request is answered with 201")
        must_succeed(answer, "a company could not be provisioned")
        ctx.shaped(answer, "PROV-02", "PROV-03")
        there, echoed = _has(answer.json, "company", "external_id"), at(answer.json, "company", "external_id")
        ctx.require("PROV-02", there, "an external_id that was given is in the answer", answer, got=answer.text)
        block_if(not there, "the answer has no external_id", answer)
        ctx.equal("PROV-07", echoed, external_id, "`external_id` comes back unchanged", answer)
    first = ctx.provision(name=f"{new_name()} {NAME}")
    if first.ok:  # else no such name is taken here
        alike = [ctx.provision(name=f"{first.sent['name']}{end}") for end in ("a", "b")] if ctx.whole else []
        for answer in (first, *alike):
            ctx.status("PROV-01", answer, 201, "a name that begins like another one is accepted")
            told = at(answer.json, "company", "name")
            ctx.equal("PROV-02", told, answer.sent["name"], "the company has the name that was sent", answer)


@check("PROV-01", "PROV-07")
def a_company_needs_no_external_id(ctx: StateDriver) -> None:
    """Provision two companies with the required members alone."""
    ctx.must_provision()
    answer, second = ctx.provision(external_id=None), ctx.provision(external_id=None)
    answers = {"one company": answer, "another": second}
    ctx.each_status("PROV-01", answers, 201, "a request without external_id is answered with 201")
    none = [at(each.json, "company", "external_id") is None for each in answers.values()]
    ctx.require("PROV-07", all(none), "a company without external_id is given none", answer, second, got=second.text)
    paths = (("connections",), ("company", "external_id"))
    told = {path[-1]: at(answer.json, *path) for path in paths if _has(answer.json, *path)}
    ctx.reads("OP-02", f"present: {plain(told)}" if told else "both absent")


@check("PROV-01")
def a_company_may_have_a_destination(ctx: StateDriver) -> None:
    """Provision a company with the destination that can be reached, as the target file has it."""
    ctx.must_provision()
    there = ctx.target.destinations.get("reachable")
    skip_if(there is None, "the target file says of no destination that it can be reached")
    answer = ctx.provision(connections={"destination": there})
    ctx.status("PROV-01", answer, 201, "a request with the target file's destination is answered with 201")


def _has(value: Any, *path: str) -> bool:
    holder = at(value, *path[:-1])
    return isinstance(holder, dict) and path[-1] in holder


@check("PROV-04", "PROV-05", "PROV-06")
def sheets_follow_the_templates(ctx: StateDriver) -> None:
    """Provision companies with some of the templates, with all in another order, with one, and without template_ids."""
    ctx.must_provision()
    names = {str(at(each, "id")): at(each, "name") for each in templates_of(ctx)}
    # Fewer than all templates where there are several; those that link nowhere first.
    linking = [any(at(column, "linkRule") for column in array(each, "columns")) for each in templates_of(ctx)]
    ordered = [at(each, "id") for _, each in sorted(zip(linking, templates_of(ctx), strict=True), key=itemgetter(0))]
    last = max(linking.count(False) - 1, 0)  # of those that link nowhere
    choices = [ordered[: max(1, min(2, len(ordered) - 1))], ordered[::-1], ordered[last : last + 1]]
    made = [(chosen, ctx.provision(template_ids=chosen)) for chosen in choices[: 3 if ctx.whole else 1]]
    every = ctx.provision(template_ids=None)
    answers = [*(answer for _, answer in made), every]
    must_come(*answers)
    block_if(not any(each.ok for each in answers), "no company could be provisioned", *answers[:2])
    for clause, answer, wanted, requirement in (
        *(("PROV-04", answer, chosen, "one sheet for each chosen template") for chosen, answer in made),
        ("PROV-05", every, list(names), "without template_ids a sheet for every template"),
    ):
        got = [str(at(sheet, "template_id") or "none") for sheet in array(answer.json, "sheets")]
        holds = Counter(got) == Counter(wanted)
        ctx.require(clause, holds, requirement, answer, expected=", ".join(wanted), got=", ".join(got) or answer.text)
    sheets = [sheet for answer in answers for sheet in array(answer.json, "sheets")]
    wrong = [sheet for sheet in sheets if at(sheet, "name") != names.get(str(at(sheet, "template_id")))]
    block_if(not sheets, "no company with sheets could be provisioned", *answers[:2])
    ctx.require("PROV-06", not wrong, "a sheet has its template's name", *answers, expected=names, got=wrong)


def _asked(ctx: StateDriver, **members: Any) -> Answer:
    """The answer to a request with these members, null among them."""
    body = new_company(ctx.source()) | members
    return ctx.client.call("provision_company", body=body)


def _made_nothing(ctx: StateDriver, clause: str, **members: Any) -> None:
    """Provision what refused requests would have taken, had they made a company after all."""
    if ctx.whole:
        ctx.status(clause, ctx.provision(**members), 2, "a refused request makes no company, so its name stays free")


@check("PROV-08", "PROV-09", "PROV-10", "PROV-11")
def name_and_source_are_required(ctx: StateDriver) -> None:
    """Provision without name or source, and with sources that are none or nearly one; then with the right ones."""
    ctx.must_provision()
    source, ask = ctx.source(), ctx.client.call
    wrong: dict[str, list[dict[str, Any]]] = {
        "PROV-08": [{"name": None}, {"name": 7}],
        "PROV-10": [{"source": each} for each in ("not-a-uuid", f"{source}x", source[:-1], "", None)],
        "PROV-11": [{"source": each} for each in (str(uuid4()), near(source), at(templates_of(ctx), 0, "id"))],
    }
    without = {"PROV-08": ctx.provision(name=None), "PROV-09": ctx.provision(source=None)}
    for clause, answer in without.items():
        ctx.status(
            clause, answer, 400, f"a request without {(clause == 'PROV-08' and '`name`') or '`source`'} is refused"
        )
    for clause, each in wrong.items():
        status, right = 404 if clause == "PROV-11" else 400, new_company(source)
        asked = each if ctx.whole else each[:1]
        answers = {f"with {json.dumps(members)}": _asked(ctx, **(right | members)) for members in asked}
        ctx.each_status(clause, answers, status, f"a wrong or unknown name or source is answered with {status}")
        _made_nothing(ctx, clause, **right)
    nil = {"a source of zeros": ctx.provision(source=str(UUID(int=0)))}
    ctx.each_status("PROV-11", nil, 4, "a source of zeros is none")  # some do not call that a UUID
    bodies = {json.dumps(body): ask("provision_company", body=body) for body in _NO_OBJECTS}
    ctx.each_status("PROV-08", bodies, 400, "a body that is no object is answered with 400")


_NO_OBJECTS: tuple[Any, ...] = (None, [])
MARKS = (" ", ".", "/", "\u00e9", "\n", "\u0663")
"""What an external_id may not have; among them a digit of another script, which some patterns take for one."""


@check("PROV-12", "PROV-13")
def an_external_id_has_a_form(ctx: StateDriver) -> None:
    """Provision with external_ids of other characters in each place, and of 255 and 256 characters."""
    ctx.must_provision()
    right = new_company(ctx.source())
    ids = {f"{json.dumps(mark)} in the middle": f"{new_name()}{mark}x" for mark in MARKS[: None if ctx.whole else 3]}
    ids |= {f"{json.dumps(mark)} at the {place}": text for mark in " \n" for place, text in _at_the_ends(mark).items()}
    odd = {what: ctx.provision(**right | {"external_id": text}) for what, text in ids.items()}
    odd["a number"] = ctx.provision(**right | {"external_id": 7})
    ctx.each_status("PROV-12", odd, 400, "an external_id with another character is answered with 400")
    _made_nothing(ctx, "PROV-12", **right)
    longest = f"{new_name()}-".ljust(255, "x")
    for text, status in ((longest, 2), (f"{longest[:-1]}y", 2), (f"{new_name()}-".ljust(256, "x"), 400)):
        answer = ctx.provision(external_id=text)
        requirement = f"an external_id of {len(text)} characters is {'accepted' if status == 2 else 'refused'}"
        if ctx.status("PROV-13", answer, status, requirement) and answer.ok:
            echoed = at(answer.json, "company", "external_id") in (text, None)
            ctx.require("PROV-13", echoed, "an external_id of 255 characters comes back whole", answer, expected=text)


def _at_the_ends(mark: str) -> dict[str, str]:
    return {"beginning": f"{mark}{new_name()}", "end": f"{new_name()}{mark}"}


@check("PROV-14", "PROV-01")
def an_external_id_is_unique(ctx: StateDriver) -> None:
    """Provision with external_ids that are taken, also for another source; then with the names of those requests."""
    ctx.must_provision()
    known = sources_of(ctx)
    taken = [new_name(), new_name()]
    for external_id in taken:
        must_succeed(ctx.provision(external_id=external_id), "a company could not be provisioned")
    name = new_name()
    again = {
        "that of the company before": ctx.provision(external_id=taken[0], name=name),
        "that of the last company": ctx.provision(external_id=taken[1], name=name),
        "one that was refused": ctx.provision(external_id=taken[0], name=name),
    }
    if ctx.whole:
        again["one of another source"] = ctx.provision(external_id=taken[0], source=known[-1])
    if ctx.each_status("PROV-14", again, 409, "an external_id that is taken is answered with 409"):
        # Had the refused request left a company behind, its name would be taken now (PROV-16).
        free = ctx.provision(name=name)
        ctx.status("PROV-14", free, 2, "the refused request creates nothing, so its name stays free")
        for like in (taken[0].swapcase(), f"{taken[0]}_a", f"{taken[0]}-a", f"{taken[0]}a") if ctx.whole else ():
            other = ctx.provision(external_id=like)
            ctx.status("PROV-01", other, 2, "an external_id that is only like others is accepted")


AT_ONCE = 4


@check("PROV-14", "PROV-16", "ID-02", "PROV-01", "AUTH-05", whole=True)
def companies_are_provisioned_at_once(ctx: StateDriver) -> None:
    """Provision at the same moment: with one external_id, with one name, and with nothing in common."""
    ctx.must_provision()
    source, one, earlier = ctx.source(), new_name(), ctx.company()
    ways: dict[str, list[dict[str, Any]]] = {
        "PROV-14": [{"external_id": one, "name": new_name()} for _ in range(AT_ONCE)],
        "PROV-16": [{"name": one, "external_id": new_name()} for _ in range(AT_ONCE)],
        "PROV-01": [{"name": each, "external_id": each} for each in (new_name() for _ in range(AT_ONCE))],
    }
    asked = [(clause, members) for clause, each in ways.items() for members in each]
    calls = [partial(ctx.provision, source=source, **members) for _, members in asked]
    answers = ctx.client.concurrently(calls)
    must_come(*answers)
    for clause, status in (("PROV-14", 409), ("PROV-16", 400)):
        mine = [answer for (each, _), answer in zip(asked, answers, strict=True) if each == clause]
        statuses = sorted(str(each.status) for each in mine)
        requirement = f"of {AT_ONCE} equal requests at the same moment one makes a company, the others get {status}"
        holds = [each.ok for each in mine].count(True) == 1 and statuses.count(str(status)) == AT_ONCE - 1
        ctx.require(clause, holds, requirement, *mine, expected=f"one 201, else {status}", got=", ".join(statuses))
    plain = {f"request {number}": each for number, each in enumerate(answers[-AT_ONCE:], 1)}
    ctx.each_status(
        "PROV-01", plain, 201, "requests at the same moment that have nothing in common are answered with 201"
    )
    _judge_made(ctx, [each for each in answers if each.ok])
    ctx.status("AUTH-05", ctx.history(earlier), 2, "a company that was made before several others is there")


def _judge_made(ctx: StateDriver, made: list[Answer]) -> None:
    """The companies that were made at the same moment are there, and share no id."""
    companies = [at(each.json, "company", "id") for each in made]
    sheets = [at(sheet, "id") for each in made for sheet in array(each.json, "sheets")]
    twice = [each for each, times in Counter(filter(is_id, companies + sheets)).items() if times > 1]
    ctx.none("ID-02", ", ".join(twice), "companies that are made at the same moment share no id", *made)
    there = {f"company {each}": ctx.client.call("list_imports", company_id=each) for each in companies}
    ctx.each_status("PROV-01", there, 2, "each company that was made is there")


@check("PROV-15")
def template_ids_are_of_the_account(ctx: StateDriver) -> None:
    """Provision with template_ids of a wrong type, of no UUIDs, and of templates that the account lacks."""
    ctx.must_provision()
    known, strange, right = at(templates_of(ctx), 0, "id"), str(uuid4()), new_company(ctx.source())
    bad = {
        "text": known,
        "no UUID": ["contacts"],
        "known and foreign": [known, strange],
        "number": [1],
        "null beside": [known, None],
        "a list within": [[known]],
        "foreign and known": [strange, known],
        "more behind it": [f"{known}x"],
        "nearly known": [near(known)],
        "an object of known": {known: known},
        "an empty object": {},
        "an empty text": "",
        "nought": 0,
    }
    chosen = list(bad.items())[: None if ctx.whole else 3]
    answers = {what: ctx.provision(**right | {"template_ids": value}) for what, value in chosen}
    requirement = "template_ids that are no array of the account's template UUIDs are answered with 400"
    if ctx.each_status("PROV-15", answers, 400, requirement):
        _made_nothing(ctx, "PROV-15", **right)


@check("PROV-16", "PROV-17", "ID-02")
def a_name_is_unique_for_its_source(ctx: StateDriver) -> None:
    """Provision names a second time, for the same source and for another; then the external_id of what was refused."""
    ctx.must_provision()
    names, source, spare = [new_name(), new_name()], ctx.source(), new_name()
    first, _ = [must_succeed(ctx.provision(name=each, source=source), "no company is provisioned") for each in names]
    name = names[0]
    again = {
        "that of the company before": ctx.provision(name=name, source=source, external_id=spare),
        "without external_id": ctx.provision(name=name, source=source, external_id=None),
        "that of the last company": ctx.provision(name=names[1], source=source, external_id=spare),
    }
    if ctx.each_status("PROV-16", again, 400, "a name that is taken for the source is answered with 400"):
        free = ctx.provision(source=source, external_id=spare)
        ctx.status("PROV-16", free, 2, "the refused request creates nothing, so its external_id stays free")
    second = first_of((each for each in sources_of(ctx) if each != source), "the account has no second source")
    other = ctx.provision(name=name, source=second, external_id=new_name())
    if ctx.status("PROV-17", other, 2, "a name that is taken for one source is free for another"):
        sheets = [filter(is_id, (at(sheet, "id") for sheet in array(each.json, "sheets"))) for each in (first, other)]
        shared = set(sheets[0]) & set(sheets[1])
        ctx.none("ID-02", shared, "companies of one name under two sources have sheets of their own", first, other)
        third = ctx.provision(name=name, source=second, external_id=new_name())
        ctx.status("PROV-16", third, 400, "a name that is taken for another source, too, is answered with 400 there")
