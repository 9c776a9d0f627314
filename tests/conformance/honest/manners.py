"""Honest servers that write their answers otherwise: unknown members and headers, order, spelling, ids, other data."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

from honesty import Honest, Sent, answered
from places import all_of, around

from mock_server.admin import requests
from mock_server.admin import runs as admin_runs
from mock_server.contract import document
from mock_server.contract.document import canonical_id
from mock_server.data.templates import Source
from mock_server.kernel.ids import made_uuid
from mock_server.preview import account, operations, runs
from mock_server.scenarios import catalog
from mock_server.session import exchange
from mock_server.session import session as session_module
from mock_server.session.sessions import Sessions

EVERYWHERE = ("SRC", "TPL", "PROV", "POLL", "ACT", "QUE", "PATCH", "FMT", "ERR", "ID")
_numbers = count()


def _more(value: Any) -> Any:
    """The value with members that nobody documented, other ones each time."""
    if isinstance(value, list):
        return [_more(each) for each in value]
    if isinstance(value, dict):
        extra = {"_v": next(_numbers), "links": {"self": None}, "Tags": [], "updated_at": 1.5}
        return {name: _more(each) for name, each in value.items()} | extra
    return value


def _more_members(sent: Sent) -> None:
    if sent.ok and sent.body != {"run": None}:  # ACT-02: exactly that
        sent.body = _more(sent.body)
        if sent.operation == "list_imports" and isinstance(sent.body, dict):
            sent.body.pop("Tags", None)  # OP-08: a history has one list


def _more_headers(sent: Sent) -> None:
    sent.headers |= {
        "x-request-id": made_uuid("request", next(_numbers)),
        "x-ratelimit-remaining": str(next(_numbers) % 90),
        "cache-control": "no-store",
        "etag": f'"{next(_numbers)}"',
        "set-cookie": "session=1; Path=/",
        "strict-transport-security": "max-age=1",
        "server": "somebody",
    }


def _reversed(value: Any) -> Any:
    if isinstance(value, list):
        return [_reversed(each) for each in value]
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return value


def _spelled(content_type: str = "application/json", **style: Any) -> Any:
    """Another way to write the same JSON."""

    def change(sent: Sent) -> None:
        sent.headers["content-type"] = content_type
        sent.dumps = lambda body: json.dumps(_reversed(body), **style).encode()

    return answered(change)


def _errors(text: Any) -> Any:
    def change(sent: Sent) -> None:
        if sent.status >= 400 and sent.status != 429:
            sent.body = {"error": text(sent)}

    return answered(change)


def _failures(body: Any) -> None:
    if body.of_run and body.body["status"] == "failed" and body.body["error"] != "Import timed out":
        body.body["error"] = "\u26a0 \u00e9chec\nvoir le journal"


def _ids(change: Any) -> Any:
    """Other UUIDs, to be sent back as they were written."""

    def changed(honest: Any) -> Any:
        return lambda *words: change(honest(*words))

    def as_sent(_: Any) -> Any:
        return str

    return all_of(
        *(around((module, made_uuid), changed) for module in (session_module, account, catalog)),
        *(
            around((module, canonical_id), as_sent)
            for module in (document, exchange, account, operations, requests, admin_runs)
        ),
    )


def _dated(form: Any) -> Any:
    def changed(honest: Any) -> Any:
        return lambda instant: form(honest(instant))

    return all_of(
        around((operations, runs.created_at), changed),
        around(runs.created_at, changed),
    )


def _account(change: Any) -> Any:
    """Another catalogue of the account."""
    kept: dict[int, Any] = {}

    def other(world: Any) -> Any:
        if id(world) not in kept:
            kept[id(world)] = replace(world, catalogue=change(world.catalogue))
        return kept[id(world)]

    def changed(honest: Any) -> Any:
        def session(self: Any, key: str, real: int) -> Any:
            opened = honest(self, key, real)
            opened.world = other(opened.world)
            return opened

        return session

    return around(Sessions.session, changed)


def _small(catalogue: Any) -> Any:
    return catalogue._replace(sources=catalogue.sources[:1], templates=catalogue.templates[:1])


def _large(catalogue: Any) -> Any:
    sources = [Source(made_uuid("source", number), f"Source {number}", None) for number in range(20)]
    more = [
        replace(template, id=made_uuid("template", template.id, number), name=f"{template.name} {number}")
        for number in range(2)
        for template in catalogue.templates
    ]
    return catalogue._replace(sources=(*sources, *catalogue.sources), templates=(*catalogue.templates, *more))


def _columns(change: Any) -> Any:
    def changed(catalogue: Any) -> Any:
        templates = [
            replace(template, columns=tuple(map(change, template.columns))) for template in catalogue.templates
        ]
        return catalogue._replace(templates=tuple(templates))

    return _account(changed)


def _mute(catalogue: Any) -> Any:
    return catalogue._replace(
        sources=tuple(source._replace(logo_url=None) for source in catalogue.sources),
        templates=tuple(
            replace(each, description="", columns=tuple(column._replace(description="") for column in each.columns))
            for each in catalogue.templates
        ),
    )


def _ecma(sent: Sent) -> None:
    """Patterns with group names as ECMAScript writes them, which Python cannot read."""
    if sent.operation == "list_templates" and sent.ok:
        for column in [column for template in sent.body["templates"] for column in template["columns"]]:
            if "strictRule" in column:
                column["strictRule"] = f"(?<whole>{column['strictRule']})"


def _listed(sent: Sent) -> None:
    if sent.ok:
        for name in ("sources", "sheets"):
            if isinstance(sent.body, dict) and isinstance(sent.body.get(name), list):
                sent.body[name].reverse()


MANNERS = (
    Honest("members", "adds unknown members everywhere, other ones each time", answered(_more_members), EVERYWHERE),
    Honest("headers", "adds unknown headers, and cookies", answered(_more_headers), EVERYWHERE),
    Honest("json", "writes members in reverse, in many lines, in ASCII", _spelled(indent=3), EVERYWHERE),
    Honest(
        "json",
        "tells the charset, and writes UTF-8",
        _spelled("application/json; charset=UTF-8", ensure_ascii=False),
        EVERYWHERE,
    ),
    Honest(
        "OP-34", "says the same of every error", _errors(lambda _: "Something is wrong"), ("AUTH", "ERR", "DEC", "PROV")
    ),
    Honest(
        "OP-34",
        "says what was asked for in each error",
        _errors(lambda sent: f"{sent.path}: \u00ab{sent.status}\u00bb \u2013 refus\u00e9"),
        ("AUTH", "ERR", "DEC", "PROV"),
    ),
    Honest("texts", "gives other reasons for failures", answered(_failures), ("POLL", "RUN", "DEC", "ERR-09")),
    Honest("ids", "writes ids in capitals", _ids(str.upper), EVERYWHERE),
    Honest("ids", "has ids of version 7", _ids(lambda made: f"{made[:14]}7{made[15:]}"), EVERYWHERE),
    Honest("dates", "dates to the second", _dated(lambda text: text.replace(".000Z", "Z")), ("PROV", "HIST")),
    Honest(
        "dates", "dates with an offset", _dated(lambda text: text.replace(".000Z", ".000000+00:00")), ("PROV", "HIST")
    ),
    Honest(
        "catalogue", "has one source and one template", _account(_small), ("SRC", "TPL", "PROV", "DEC", "CSV", "DST")
    ),
    Honest(
        "catalogue", "has many sources and templates", _account(_large), ("SRC", "TPL", "PROV", "DEC", "CSV", "DST")
    ),
    Honest("catalogue", "describes nothing", _account(_mute), ("SRC", "TPL", "PROV", "CSV-08")),
    Honest(
        "rules",
        "has no unique columns",
        _columns(lambda column: column._replace(unique=False)),
        ("TPL", "QUE", "PATCH", "DEC", "CSV", "POLL"),
    ),
    Honest(
        "rules",
        "requires no column",
        _columns(lambda column: column._replace(required=column.name == "Email")),
        ("TPL", "QUE", "PATCH", "DEC", "CSV", "POLL"),
    ),
    Honest(
        "rules",
        "judges free columns by ai",
        _columns(lambda column: column._replace(rule="ai") if column.rule == "none" else column),
        ("TPL", "QUE", "PATCH", "DEC", "CSV", "POLL"),
    ),
    Honest(
        "rules", "publishes patterns that Python cannot read", answered(_ecma), ("TPL", "QUE", "PATCH", "DEC", "CSV")
    ),
    Honest("order", "lists sources and sheets in reverse", answered(_listed), ("SRC", "PROV", "CSV", "DST", "TPL")),
)
