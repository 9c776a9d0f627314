"""Servers that lie when a company is provisioned: what comes back, and what is refused (PROV)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bending import before, gives, reads, refuses_with
from lies import App, Liar, Lie, answers, rule
from places import put

from mock_server.kernel.errors import Refusal
from mock_server.preview.account import Account
from mock_server.scenarios.catalog import World

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

LONGEST = 255
_workbook, _provision = World.workbook, Account.provision


def _answer(change: Callable[[Any], Any]) -> Lie:
    return gives("provision_company", change)


def _body(change: Callable[[Any], None]) -> Lie:
    return reads("provision_company", change)


def _status(instead: int) -> Lie:
    """A lie about the status of a company that was made."""
    return answers(
        lambda _, path, status, body: (instead if status == 201 and path.endswith("/companies") else status, body)
    )


def _no(*path: str) -> Lie:
    """A lie that leaves a member out."""

    def change(body: Any) -> None:
        for name in path[:-1]:
            body = body[name]
        body.pop(path[-1], None)

    return _answer(change)


def _company(**members: Any) -> Lie:
    """A lie about members of `company`."""
    return _answer(lambda body: body["company"].update(members))


def _lower(body: Any) -> None:
    body["company"]["external_id"] = str(body["company"]["external_id"]).lower()


def _sheet(change: Callable[[Any], None]) -> Lie:
    """A lie about each sheet that is shown."""

    def bend(body: Any) -> None:
        for sheet in body["sheets"]:
            change(sheet)

    return _answer(bend)


def _sheets(change: Callable[[World, Any], Any]) -> Lie:
    """A lie about the templates for which a company gets sheets."""

    def workbook(self: World, company_id: str, template_ids: Any, known: Any) -> Any:
        return _workbook(self, company_id, template_ids if known else change(self, list(template_ids)), known)

    return rule(World.workbook, workbook)


def _every(world: World, _: list[str]) -> list[str]:
    return [template.id for template in world.catalogue.templates]


def _first_by_default(world: World, wanted: list[str]) -> list[str]:
    every = _every(world, wanted)
    return every[:1] if wanted == every else wanted


def _without_last(world: World, wanted: list[str]) -> list[str]:
    return [each for each in wanted if each != _every(world, wanted)[-1]]


def _linked_too(world: World, wanted: list[str]) -> list[str]:
    """A template that links to others brings them with it, and is brought by them."""
    return _every(world, wanted) if len(wanted) > 1 else wanted


def _forgets(name: str) -> Lie:
    """A lie that knows nothing of what other companies have in this member."""

    def forget(self: Account, *_: Any) -> None:
        for company in self.companies.values():
            setattr(company, name, None)

    return before(Account.provision, forget)


def _kept_anyway(app: App, patch: pytest.MonkeyPatch) -> App:
    """The company is there before its external_id is looked at."""

    def provision(self: Account, now: int, body: Any) -> Any:
        try:
            return _provision(self, now, body)
        except Refusal as refusal:
            if refusal.status == 409:
                _provision(self, now, _without(body))
            raise

    put(patch, Account.provision, provision)
    return app


def _without(body: Any) -> Any:
    return {name: value for name, value in body.items() if name != "external_id"}


def _finds_it(app: App, patch: pytest.MonkeyPatch) -> App:
    """A repeated external_id finds the company that has it, as if provisioning were idempotent."""

    def provision(self: Account, now: int, body: Any) -> Any:
        for company in self.companies.values():
            if company.external_id is not None and company.external_id == body.get("external_id"):
                return company
        return _provision(self, now, body)

    put(patch, Account.provision, provision)
    return app


def _of_all_sources(self: Account, _: int, body: Any) -> None:
    if any(company.name == body["name"] for company in self.companies.values()):
        raise Refusal(400, "the name is taken")


def _plain(body: Any) -> None:
    """An external_id is made to fit, where it does not."""
    if isinstance(body.get("external_id"), str):
        body["external_id"] = "".join(mark if mark.isascii() and (mark.isalnum() or mark in "-_") else "-"
                                      for mark in body["external_id"])  # fmt: skip


def _allows(*marks: str) -> Lie:
    """A lie that takes these characters in an external_id, too."""

    def change(body: Any) -> None:
        if isinstance(body.get("external_id"), str):
            body["external_id"] = body["external_id"].translate({ord(mark): "_" for mark in marks})

    return _body(change)


def _cut(body: Any) -> None:
    if isinstance(body.get("external_id"), str):
        body["external_id"] = body["external_id"][:LONGEST]


def _shorter(body: Any) -> None:
    if isinstance(body.get("external_id"), str) and len(body["external_id"]) >= LONGEST:
        raise Refusal(400, "external_id is too long")


def _default(name: str, value: Callable[[], Any]) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        if name not in body:
            body[name] = value()

    return change


def _any_source(body: Any) -> None:
    if isinstance(body.get("source"), str) and not body["source"].startswith(("5d0c", "9a4e", "c37f")):
        body["source"] = _SOURCE


def _source_not_found(body: Any) -> None:
    if body.get("source") == "not-a-uuid":
        raise Refusal(404, "no such source")


def _only_known(body: Any) -> None:
    """Templates that the account lacks are left out."""
    if isinstance(ids := body.get("template_ids"), list):
        body["template_ids"] = [each for each in ids if str(each).startswith(_TEMPLATES)] or list(_FIRST)


def _wrapped(body: Any) -> None:
    if isinstance(body.get("template_ids"), str):
        body["template_ids"] = [body["template_ids"]]


def _texts(body: Any) -> None:
    if isinstance(ids := body.get("template_ids"), list) and not all(isinstance(each, str) for each in ids):
        body["template_ids"] = list(_FIRST)


def _object(body: Any) -> None:
    """Whoever goes over an object goes over its names."""
    if isinstance(ids := body.get("template_ids"), dict) and ids:
        body["template_ids"] = list(ids)


def _nothing(body: Any) -> None:
    """Whoever asks whether there is something takes `{}`, `""` and 0 for nothing."""
    if not (ids := body.get("template_ids")) and ids != []:
        body.pop("template_ids", None)


_SOURCE = "5d0c8e1a-3b7f-4c26-9a41-6e2f0b9d7c11"
_FIRST = ("1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310",)
_TEMPLATES = ("1f6b", "8c2d", "e90b")


def _wants_no_destination(body: Any) -> None:
    if body.get("connections"):
        raise Refusal(400, "connections are not known here")


def _wants_external_id(body: Any) -> None:
    if "external_id" not in body:
        raise Refusal(400, "external_id is missing")


def _refuses_templates(body: Any) -> None:
    if "template_ids" in body:
        raise Refusal(400, "template_ids is not a member of a company")


def _wants_templates(body: Any) -> None:
    if "template_ids" not in body:
        raise Refusal(400, "template_ids is missing")


def _connected(**members: Any) -> Lie:
    """A lie about each connection that is shown."""

    def change(body: Any) -> None:
        for each in body["connections"]:
            each.update(members)

    return _answer(change)


LIARS = (
    Liar("PROV-01", "refuses a company with a destination", _body(_wants_no_destination)),
    Liar("PROV-01", "answers a new company with 200", _status(200)),
    Liar("PROV-01", "answers a new company with 202", _status(202)),
    Liar("PROV-01", "wants an external_id", _body(_wants_external_id)),
    Liar("PROV-02", "gives no magic link", _no("magic_link_url")),
    Liar("PROV-02", "gives no workbook", _no("workbook_id"), ("PROV-03",)),
    Liar("PROV-02", "leaves out when the company was made", _no("company", "created_at"), ("PROV-03",)),
    Liar("PROV-02", "leaves out the company's name", _no("company", "name")),
    Liar("PROV-02", "does not wrap the company", _answer(lambda body: {**body.pop("company"), **body}), ("PROV-03",)),
    Liar("PROV-02", "gives a magic link of null", _answer(lambda body: body.update(magic_link_url=None))),
    Liar("PROV-03", "dates a company in seconds", _company(created_at=1_767_225_600)),
    Liar("PROV-03", "dates a company in words", _company(created_at="Thu, 1 Jan 2026 00:00:00 GMT")),
    Liar("PROV-03", "dates a company without a zone", _company(created_at="2026-01-01 00:00:00")),
    Liar(
        "PROV-03",
        "prefixes the workbook's id",
        _answer(lambda body: body.update(workbook_id="wb_" + body["workbook_id"])),
    ),
    Liar("PROV-04", "makes a sheet for every template", _sheets(_every)),
    Liar("PROV-04", "makes a sheet for the first template alone", _sheets(lambda _, wanted: wanted[:1]), ("PROV-05",)),
    Liar("PROV-04", "makes sheets of linked templates, too", _sheets(_linked_too)),
    Liar("PROV-04", "takes no template_ids", _body(_refuses_templates), ("PROV-15",)),
    Liar("PROV-05", "wants template_ids", _body(_wants_templates)),
    Liar("PROV-05", "makes one sheet by default", _sheets(_first_by_default)),
    Liar("PROV-05", "forgets the last template", _sheets(_without_last)),
    Liar("PROV-06", "names its sheets by number", _sheet(lambda each: each.update(name=f"Sheet {each['id'][:4]}"))),
    Liar("PROV-06", "names its sheets in lower case", _sheet(lambda each: each.update(name=each["name"].lower()))),
    Liar("PROV-07", "gives external_id in lower case", _answer(_lower)),
    Liar("PROV-07", "gives no external_id", _company(external_id=None), ("PROV-02",)),
    Liar("PROV-08", "names a nameless company itself", _body(_default("name", lambda: uuid4().hex))),
    Liar("PROV-08", "answers 422 without a name", refuses_with(400, 422, "name is required"), ("ERR-06",)),
    Liar("PROV-09", "takes the first source by default", _body(_default("source", lambda: _SOURCE))),
    Liar("PROV-09", "finds no source where none is named", refuses_with(400, 404, "source is required")),
    Liar("PROV-10", "looks for a source that is no UUID", _body(_source_not_found)),
    Liar("PROV-10", "takes any source", _body(_any_source), ("PROV-11",)),
    Liar("PROV-11", "calls an unknown source a bad request", refuses_with(404, 400, "no source")),
    Liar("PROV-12", "makes an external_id fit", _body(_plain)),
    Liar("PROV-12", "allows dots", _allows(".")),
    Liar("PROV-12", "allows a slash", _allows("/")),
    Liar("PROV-12", "takes any letter for a letter", _allows("\u00e9")),
    Liar("PROV-12", "takes a line's end inside an external_id", _allows("\n")),
    Liar("PROV-13", "allows 254 characters", _body(_shorter)),
    Liar("PROV-13", "allows 256 characters", _body(_cut)),
    Liar("PROV-14", "lets two companies have one external_id", _forgets("external_id")),
    Liar("PROV-14", "calls a taken external_id a bad request", refuses_with(409, 400, "external_id")),
    Liar("PROV-14", "finds a company by its external_id", _finds_it),
    Liar("PROV-14", "makes the company and refuses it then", _kept_anyway),
    Liar("PROV-15", "leaves out templates that it lacks", _body(_only_known)),
    Liar("PROV-15", "takes one template id as a list", _body(_wrapped)),
    Liar("PROV-15", "takes an object of template ids for a list", _body(_object)),
    Liar("PROV-15", "takes whatever is empty for no template_ids", _body(_nothing)),
    Liar("PROV-15", "overlooks ids that are no text", _body(_texts)),
    Liar("PROV-15", "does not find a template that it lacks", refuses_with(400, 404, "template_ids names")),
    Liar("PROV-16", "lets two companies have one name", _forgets("name")),
    Liar("PROV-16", "calls a taken name a conflict", refuses_with(400, 409, "exists already")),
    Liar("PROV-17", "wants names that no source has", before(Account.provision, _of_all_sources)),
    Liar("PROV-18", "shows the credentials", _connected(auth={"kind": "bearer"})),
    Liar("PROV-18", "shows the destination's address", _connected(base_url="https://destination.example.com/v2")),
    Liar("PROV-18", "shows when credentials were given", _connected(credentials={"set": True})),
    Liar("PROV-19", "says that no credentials are there", _connected(creds_configured=False)),
    Liar("PROV-19", "shows no connections", _answer(lambda body: body.update(connections=[]))),
)
