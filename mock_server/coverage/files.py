"""A file that tells what a client did or met: a bundle, a journal, or a coverage; with the reason where it is none."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import orjson

from mock_server.contract.document import data
from mock_server.contract.messages import complaint
from mock_server.coverage.items import Coverage, Item
from mock_server.session.bundle import BadBundle, opened

_NULLABLE = {name: {"type": ["string", "null"]} for name in ("at", "run_id", "before", "after", "example")} | {
    "in_flight": {"type": ["object", "null"]}
}
"""Members of an exchange that a bundle's schema leaves open, and the time, which a call without a key has none of."""
_COUNT = {"type": "integer", "minimum": 0}


def _object(**members: Any) -> dict[str, Any]:
    """The schema of an object that has all of these members."""
    return {"type": "object", "required": list(members), "properties": members}


def _list(entry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": entry}


_ITEM = _object(item={"type": "string"}, met={"type": "boolean"})
_GROUP = _object(group={"type": "string"}, items=_list(_ITEM))
_COVERAGE = _object(groups=_list(_GROUP), exchanges=_COUNT, forgotten=_COUNT)


class BadFile(Exception):
    """The file tells of no client; the text says why."""


def read(raw: bytes, coverage: Coverage) -> dict[str, Any]:
    """What was met (a set of items), in how many exchanges, and how many of the journal's were forgotten."""
    try:
        content = orjson.loads(raw)
    except ValueError as error:
        raise BadFile(f"it is no whole JSON, perhaps truncated: {error}") from None
    match content:
        case {"bundle": _}:
            try:
                bundle = opened(raw, coverage.contract.version, partial=True)
            except BadBundle as bad:
                raise BadFile(str(bad)) from None
            return _of_exchanges(bundle, "exchanges", coverage)
        case {"requests": _}:
            return _of_exchanges(content, "requests", coverage)
        case {"groups": _}:
            return _of_coverage(content, coverage)
    calls = "GET /_mock/bundle, /_mock/requests and /_mock/coverage"
    raise BadFile(f"it is no bundle, journal or coverage; {calls} give one")


def _of_exchanges(content: dict[str, Any], name: str, coverage: Coverage) -> dict[str, Any]:
    _refuse(_journal(name), content)
    return {"met": coverage.met(content[name]), "exchanges": len(content[name]), "forgotten": content.get("dropped", 0)}


def _of_coverage(content: dict[str, Any], coverage: Coverage) -> dict[str, Any]:
    _refuse(_COVERAGE, content)
    items = {Item(group["group"], each["item"]): each["met"] for group in content["groups"] for each in group["items"]}
    if strange := items.keys() ^ set(coverage.items):
        item = min(strange)
        where = "there" if item in items else "here"
        raise BadFile(f"another version of vern-mock made it: {item.group} {item.name!r} is known only {where}")
    there = frozenset(item for item, is_met in items.items() if is_met)
    return {"met": there, "exchanges": content["exchanges"], "forgotten": content["forgotten"]}


def _refuse(schema: dict[str, Any], content: dict[str, Any]) -> None:
    if (wrong := complaint(jsonschema_rs.Draft202012Validator(schema), content, schema)) is not None:
        raise BadFile(wrong)


def _journal(name: str) -> dict[str, Any]:
    """The schema of an object with exchanges: as in a bundle, but for what a bundle's alone must have."""
    bundle = orjson.loads(data("openapi", "bundle.schema.json").read_bytes())
    exchange = bundle["properties"]["exchanges"]["items"]
    exchange["properties"] |= _NULLABLE
    members = {name: _list(exchange), "dropped": _COUNT}
    return {"type": "object", "required": [name], "properties": members, "$defs": bundle["$defs"]}
