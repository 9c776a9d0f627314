"""Servers that lie when a company is provisioned, where it is seldom looked at: near misses, several at once (PROV)."""

from __future__ import annotations

import asyncio
import html
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bending import before, gives, reads
from lies import App, Liar, Lie, rule

from mock_server.http import messages as http
from mock_server.kernel.errors import Refusal
from mock_server.preview import operations as api
from mock_server.preview.account import Account, account_of
from mock_server.session.exchange import Exchange as Call

if TYPE_CHECKING:
    import pytest

_SOURCE = "5d0c8e1a-3b7f-4c26-9a41-6e2f0b9d7c11"


def _numbered(body: Any) -> None:
    told = body["company"]["external_id"]
    body["company"]["external_id"] = str(int(told)) if told is not None and told.isdigit() else told


def _escaped(body: Any) -> None:
    body["company"]["name"] = html.escape(body["company"]["name"])


def _last_alone(name: str) -> Lie:
    """A lie that knows what the last company has, and forgot the others."""

    def forget(self: Account, *_: Any) -> None:
        for company in list(self.companies.values())[:-1]:
            setattr(company, name, None)

    return before(Account.provision, forget)


def _of_the_source(self: Account, _: int, body: Any) -> None:
    """An external_id is looked for among the companies of the source alone."""
    for company in self.companies.values():
        if company.source.id != body["source"].lower():
            company.external_id = None


def _one_null(self: Account, _: int, body: Any) -> None:
    """Nothing is a value as any other, and so unique."""
    if "external_id" not in body and any(each.external_id is None for each in self.companies.values()):
        raise Refusal(409, "external_id is used by another company")


def _short_ids(self: Account, _: int, body: Any) -> None:
    for company in self.companies.values():
        if company.external_id and company.external_id[:64] == str(body.get("external_id"))[:64]:
            raise Refusal(409, "external_id is used by another company")


def _folded(self: Account, _: int, body: Any) -> None:
    for company in self.companies.values():
        if company.external_id and company.external_id.lower() == str(body.get("external_id")).lower():
            raise Refusal(409, "external_id is used by another company")


def _racing(app: App, patch: pytest.MonkeyPatch) -> App:
    """What is taken is looked up first, the company written a little later."""

    async def provision(call: Call) -> Any:
        account, raw = account_of(call.session), await call.read()
        call.repeat_body(raw)
        try:
            body = http.parsed(raw)
        except Refusal:
            return await honest(call)
        taken = {(each.name, each.external_id) for each in account.companies.values()}
        await asyncio.sleep(0.03)
        late = [
            each
            for each in account.companies.values()
            if (each.name, each.external_id) not in taken
            and isinstance(body, dict)
            and (each.name == body.get("name") or each.external_id == body.get("external_id"))
        ]
        for each in late:
            each.name, each.external_id = f"{each.name} ", None
        return await honest(call)

    honest = api.HANDLERS["provision_company"]
    patch.setitem(api.HANDLERS, "provision_company", provision)
    return app


def _keeps_refused(*words: str) -> Lie:
    """A lie that makes the company of a request that it refuses for one of these reasons."""

    async def json(self: Call, *, optional: bool = False) -> Any:
        raw = await self.read()
        body = {} if optional and not raw else http.parsed(raw)
        wrong = self.contract.request_differences(self.operation_id, body)
        if self.operation_id == "provision_company" and wrong and any(word in wrong[0].text for word in words):
            good = {name: body[name] for name in ("name", "source") if isinstance(body.get(name), str)}
            account_of(self.session).provision(self.now, {"source": _SOURCE} | good)
        if wrong:
            raise Refusal(400, wrong[0].text)
        return body

    return rule(Call.json, json)


def _begun(name: str) -> Lie:
    """A lie that takes a UUID with more behind it for that UUID."""

    def cut(each: Any) -> Any:
        return each[:36] if isinstance(each, str) else each

    def change(body: Any) -> None:
        value = body.get(name)
        body[name] = [cut(each) for each in value] if isinstance(value, list) else cut(value)

    return reads("provision_company", change)


def _trimmed(body: Any) -> None:
    if isinstance(body.get("external_id"), str):
        body["external_id"] = body["external_id"].strip()


def _any_digit(body: Any) -> None:
    """What Unicode calls a digit is one."""
    if isinstance(body.get("external_id"), str):
        body["external_id"] = "".join(str(int(mark)) if mark.isdigit() else mark for mark in body["external_id"])


def _texted(name: str) -> Lie:
    """A lie that makes a text of a number."""

    def change(body: Any) -> None:
        if isinstance(body.get(name), int):
            body[name] = f"{body[name]}-{uuid4().hex}"

    return reads("provision_company", change)


LIARS = (
    Liar("PROV-01", "lets one company alone have no external_id", before(Account.provision, _one_null)),
    Liar("PROV-02", "writes a name for HTML", gives("provision_company", _escaped)),
    Liar("PROV-07", "takes digits for a number", gives("provision_company", _numbered)),
    Liar("PROV-08", "takes a number for a name", _texted("name")),
    Liar("PROV-10", "looks at the first 36 characters of a source", _begun("source")),
    Liar("PROV-12", "takes the blanks around an external_id away", reads("provision_company", _trimmed)),
    Liar("PROV-12", "takes digits of every script", reads("provision_company", _any_digit)),
    Liar("PROV-12", "takes a number for an external_id", _texted("external_id")),
    Liar("PROV-12", "makes a company and refuses its external_id then", _keeps_refused("external_id")),
    Liar("PROV-13", "compares the first 64 characters of external_ids", before(Account.provision, _short_ids)),
    Liar("PROV-14", "knows the external_id of the last company alone", _last_alone("external_id")),
    Liar("PROV-14", "wants an external_id to be unique in its source", before(Account.provision, _of_the_source)),
    Liar("PROV-14", "minds no case in external_ids", before(Account.provision, _folded), ("PROV-01",)),
    Liar("PROV-14", "looks up what is taken, and writes later", _racing, ("PROV-16",)),
    Liar("PROV-15", "looks at the first 36 characters of a template id", _begun("template_ids")),
    Liar("PROV-15", "makes a company and refuses its template_ids then", _keeps_refused("template_ids")),
    Liar("PROV-16", "knows the name of the last company alone", _last_alone("name")),
)
