"""Servers that lie about keys: who may call, and what a call without a right to it leaves behind (AUTH)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from bending import asked, before, key_of, refuses_with, with_key
from lies import App, Liar, Lie, answers, rule
from places import put

from conformance.preview.suite import KEY, OTHER, REVOKED
from mock_server.kernel.errors import Refusal
from mock_server.preview import operations as api
from mock_server.preview.account import Account, account_of
from mock_server.session.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


def _lets_in(path: str, *keys: str) -> Lie:
    """A lie that takes these keys for the account's own where the path is like that."""

    def change(scope: Any) -> None:
        if key_of(scope) in keys and re.search(path, scope["path"]):
            with_key(scope, KEY)

    return asked(change)


def _takes(alike: Callable[[str], bool]) -> Lie:
    """A lie that takes what is like the account's key for it."""

    def change(scope: Any) -> None:
        if key_of(scope) not in (KEY, OTHER) and alike(key_of(scope)):
            with_key(scope, KEY)

    return asked(change)


def _acts_first(ending: str, key: str = "") -> Lie:
    """A lie that does what a call without a key, or with this one, asks for, and refuses it afterwards."""

    def make(app: App, _: pytest.MonkeyPatch) -> App:
        async def lying(scope: Any, receive: Any, send: Any) -> None:
            if scope["method"] == "POST" and scope["path"].endswith(ending) and key_of(scope) == key:
                known = {**scope, "headers": list(scope["headers"])}
                with_key(known, KEY)
                await app(known, receive, _nowhere)
                receive = _nothing
            await app(scope, receive, send)

        return lying

    return make


def _of_now(app: App, _: pytest.MonkeyPatch) -> App:
    """Who calls is kept in one place for all calls that are under way."""
    now: list[str] = []

    async def lying(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/api/") and scope["path"].endswith("/imports"):
            now[:] = [key_of(scope)]
            await asyncio.sleep(0.1)
            scope = {**scope, "headers": list(scope["headers"])}
            with_key(scope, now[0])
        await app(scope, receive, send)

    return lying


async def _nothing() -> Any:
    """What is left of a body that was read already."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def _nowhere(_: Any) -> None:
    """Where an answer goes that nobody sees."""


def _tells_anybody(scope: Any) -> None:
    """Nobody's key is asked for by the active look-up."""
    if not key_of(scope) and scope["query_string"] == b"status=active":
        with_key(scope, KEY)


def _takes_to(path: str) -> Lie:
    """A lie that takes an unknown key where the path is like that."""

    def change(scope: Any) -> None:
        if key_of(scope).startswith("invalid") and re.search(path, scope["path"]):
            with_key(scope, KEY)

    return asked(change)


def _unknown_is_known(self: Sessions, key: str | None) -> str:
    if not key:
        raise Refusal(401, "the x-api-key header is missing")
    if key == REVOKED:
        raise Refusal(401, "the API key has been revoked")
    return key


def _late(app: App, patch: pytest.MonkeyPatch) -> App:
    """The first call with the revoked key finds it in a cache, still good."""
    seen: list[str] = []

    def change(scope: Any) -> None:
        if key_of(scope) == REVOKED:
            seen.append(REVOKED)
            if len(seen) == 1:
                with_key(scope, KEY)

    return asked(change)(app, patch)


def _first_alone(self: Account, company_id: str) -> None:
    if company_id in self.companies and company_id != next(iter(self.companies)):
        raise Refusal(404, f"no company {company_id!r} for this key")


def _forbids(app: App, patch: pytest.MonkeyPatch) -> App:
    def bend(_method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        foreign = [session for session in app.sessions._open.values() if session.key == KEY]
        known = any(company in path for session in foreign for company in account_of(session).companies)
        return (403 if status == 404 and known and "in this account" in str(body) else status), body

    return answers(bend)(app, patch)


def _names_it(app: App, patch: pytest.MonkeyPatch) -> App:
    def company(self: Account, company_id: str) -> Any:
        for session in app.sessions._open.values():
            if session.account is not self and company_id in account_of(session).companies:
                raise Refusal(404, f"company {account_of(session).companies[company_id].name!r} is not in this account")
        return honest(self, company_id)

    honest = Account.company
    put(patch, Account.company, company)
    return app


def _runs_of_all(app: App, patch: pytest.MonkeyPatch) -> App:
    """Runs are looked up by their id alone, in a table that all accounts share."""
    honest = api._import

    def found(call: Any) -> Any:
        account_of(call.session).company(call.parameters["company_id"])
        for session in app.sessions._open.values():
            if session is not call.session and call.parameters["run_id"] in account_of(session).runs:
                return account_of(session).runs[call.parameters["run_id"]]
        return honest(call)

    put(patch, api._import, found)
    return app


def _sheets_of_all(app: App, patch: pytest.MonkeyPatch) -> App:
    """Sheets are looked up by their id alone, in a table that all accounts share."""
    honest = api._company

    def found(call: Any) -> Any:
        company = honest(call)
        for session in app.sessions._open.values():
            for other in account_of(session).companies.values():
                if session is not call.session and any(sheet.id in str(call.query) for sheet in other.sheets):
                    return other
        return company

    put(patch, api._company, found)
    return app


_RUN = "/imports/[^/]+$"

LIARS = (
    Liar("AUTH-02", "takes a call without a key for the account's own", _lets_in("", ""), ("AUTH-07",)),
    Liar("AUTH-02", "lets a CSV be downloaded without a key", _lets_in(r"export\.csv$", "")),
    Liar("AUTH-02", "lets a run be polled without a key", _lets_in(_RUN, "")),
    Liar("AUTH-02", "asks for no key where an upload is requested", _lets_in("/uploads$", "")),
    Liar("AUTH-02", "tells the active import without a key", asked(_tells_anybody)),
    Liar("AUTH-02", "lists the templates without a key", _lets_in("/templates$", "")),
    Liar("AUTH-02", "lets an export be polled without a key", _lets_in("/exports/[^/]+$", "")),
    Liar("AUTH-02", "starts an export without a key", _lets_in("/exports$", "")),
    Liar("AUTH-02", "forbids a call without a key (403)", refuses_with(401, 403, "missing")),
    Liar("AUTH-02", "looks for the company before it looks for a key", refuses_with(401, 404, "missing", ending="csv")),
    Liar(
        "AUTH-02",
        "refuses a call without a key with an empty object",
        answers(lambda _m, _p, status, body: (status, {} if status == 401 else body)),
        ("ERR-01",),
    ),
    Liar(
        "AUTH-03",
        "opens an account for whatever key is sent",
        rule(Sessions.accepted, _unknown_is_known),
    ),
    Liar("AUTH-03", "calls a malformed key a bad request", refuses_with(401, 400, "malformed")),
    Liar("AUTH-03", "forbids an unknown key (403)", refuses_with(401, 403, "invalid")),
    Liar("AUTH-03", "lets an unknown key read the sources", _lets_in("/sources$", "x", "not a key?")),
    Liar("AUTH-03", "takes a key that begins with the right one", _takes(lambda key: key.startswith(KEY))),
    Liar(
        "AUTH-03", "takes a key that the right one begins with", _takes(lambda key: key != "" and KEY.startswith(key))
    ),
    Liar("AUTH-03", "takes a key that has the right one in it", _takes(lambda key: KEY in key)),
    Liar("AUTH-03", "minds no case in keys", _takes(lambda key: key.lower() == KEY.lower())),
    Liar("AUTH-03", "takes an unknown key to poll", _takes_to(_RUN)),
    Liar("AUTH-03", "takes an unknown key to decide", _takes_to("/decisions$")),
    Liar("AUTH-03", "takes an unknown key to provision", _takes_to("/companies$")),
    Liar("AUTH-03", "takes an unknown key to request an upload", _takes_to("/uploads$")),
    Liar("AUTH-03", "takes an unknown key to download", _takes_to(r"export\.csv$")),
    Liar("AUTH-03", "keeps who calls in one place for all calls", _of_now, ("AUTH-05",)),
    Liar("AUTH-04", "lets a revoked key download", _lets_in(r"export\.csv$", REVOKED)),
    Liar("AUTH-04", "lets a revoked key decide", _lets_in("/decisions$", REVOKED)),
    Liar("AUTH-04", "lets a revoked key start imports", _lets_in("/imports$", REVOKED), ("AUTH-07",)),
    Liar("AUTH-04", "lets a revoked key poll", _lets_in(_RUN, REVOKED)),
    Liar("AUTH-04", "lets a revoked key poll an export", _lets_in("/exports/[^/]+$", REVOKED)),
    Liar("AUTH-04", "goes on to accept a revoked key", _lets_in("", REVOKED)),
    Liar("AUTH-04", "lets a revoked key read", _lets_in("/imports$", REVOKED)),
    Liar("AUTH-04", "notices that a key was revoked one call later", _late),
    Liar("AUTH-05", "ties a key to the first company that it made", before(Account.company, _first_alone)),
    Liar("AUTH-06", "has one account for all keys", _lets_in("", OTHER)),
    Liar("AUTH-06", "forbids what belongs to another account (403)", _forbids),
    Liar("AUTH-06", "shows a run to every key", _lets_in(_RUN, OTHER)),
    Liar("AUTH-06", "lets every key decide on a run", _lets_in("/decisions$", OTHER)),
    Liar("AUTH-06", "gives every key the CSV", _lets_in(r"export\.csv$", OTHER)),
    Liar("AUTH-06", "gives every key an upload for any company", _lets_in("/uploads$", OTHER)),
    Liar("AUTH-06", "shows another account's run under the caller's company", _runs_of_all),
    Liar("AUTH-06", "gives another account's sheet under the caller's company", _sheets_of_all),
    Liar("AUTH-06", "names another account's company in the error", _names_it),
    Liar("AUTH-07", "starts an import before it looks at the key", _acts_first("/imports")),
    Liar("AUTH-06", "tells every key of the active import", _lets_in("/imports$", OTHER)),
    Liar("AUTH-06", "shows an export to every key", _lets_in("/exports/[^/]+$", OTHER)),
    Liar("AUTH-06", "takes another account's decision, and answers 404", _acts_first("/decisions", OTHER)),
    Liar("AUTH-06", "starts another account's import, and answers 404", _acts_first("/imports", OTHER)),
    Liar("AUTH-07", "takes a decision with a revoked key, and answers 401", _acts_first("/decisions", REVOKED)),
    Liar("AUTH-07", "makes a company for a revoked key, and answers 401", _acts_first("/companies", REVOKED)),
    Liar("AUTH-07", "takes a decision before it looks at the key", _acts_first("/decisions")),
    Liar("AUTH-07", "makes a company before it looks at the key", _acts_first("/companies")),
)
