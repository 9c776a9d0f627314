"""Servers that lie about what an account has: sources and templates (SRC, TPL)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bending import gives, reads
from lies import App, Liar, Lie
from places import put

from mock_server.data import csv_file
from mock_server.kernel.errors import Refusal
from mock_server.preview import downloads

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

_JOINED = 2
"""How many columns change places."""


def _each(operation: str, name: str, change: Callable[[Any], None]) -> Lie:
    """A lie about each entry of a list."""

    def bend(body: Any) -> None:
        for entry in body[name]:
            change(entry)

    return gives(operation, bend)


def _source(change: Callable[[Any], None]) -> Lie:
    return _each("list_sources", "sources", change)


def _template(change: Callable[[Any], None]) -> Lie:
    return _each("list_templates", "templates", change)


def _column(change: Callable[[Any], None], *rules: str) -> Lie:
    """A lie about each column that has one of these rules; about each, when none is named."""

    def bend(template: Any) -> None:
        for column in template["columns"]:
            if not rules or column["desiredRule"] in rules:
                change(column)

    return _template(bend)


def _otherwise(body: Any) -> None:
    body["sources"][-1]["id"] = "0b6cbd3e-6f4a-4c0e-9a27-2f5d9a1c7e55"


def _first_source_alone(body: Any) -> None:
    if str(body.get("source")).startswith(("9a4e", "c37f")):
        raise Refusal(404, "this source has no published plan")


def _no_source(_: Any) -> None:
    raise Refusal(400, "source must be the name of a source")


def _unlogged(source: Any) -> None:
    if source["logo_url"] is None:
        del source["logo_url"]


def _undescribed(template: Any) -> None:
    if template["description"] is None:
        del template["description"]


def _other_order(order: Callable[[list[str]], list[int]]) -> Lie:
    """A lie that writes a CSV's columns, header and rows alike, in this order."""

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        def written(names: Any, rows: Any) -> Any:
            chosen = order(list(names))
            return honest([names[each] for each in chosen], (tuple(row[each] for each in chosen) for row in rows))

        honest = csv_file.write_csv
        put(patch, (downloads, csv_file.write_csv), written)
        return app

    return make


def _sorted(names: list[str]) -> list[int]:
    return sorted(range(len(names)), key=lambda each: names[each])


def _last_two_swapped(names: list[str]) -> list[int]:
    return [*range(len(names) - _JOINED), len(names) - 1, len(names) - _JOINED]


def _without_last(names: list[str]) -> list[int]:
    return list(range(len(names) - 1))


def _numbered(body: Any) -> None:
    body["templates"][-1]["id"] = 3


def _set(name: str, value: Any) -> Callable[[Any], None]:
    return lambda holder: holder.update({name: value})


def _no(name: str) -> Callable[[Any], None]:
    return lambda holder: holder.pop(name, None)


def _as_text(name: str) -> Callable[[Any], None]:
    return lambda holder: holder.update({name: str(holder[name]).lower()})


def _one_link(column: Any) -> None:
    column["linkRule"] = column["linkRule"][0]


def _bare_links(column: Any) -> None:
    column["linkRule"] = [link["templateId"] for link in column["linkRule"]]


def _links_by_column(column: Any) -> None:
    for link in column["linkRule"]:
        link["column"] = link.pop("columnName")


LIARS = (
    Liar("SRC-01", "answers the sources as a bare array", gives("list_sources", lambda body: body["sources"])),
    Liar("SRC-01", "calls the sources `data`", gives("list_sources", lambda body: {"data": body["sources"]})),
    Liar("SRC-01", "keys the sources by id",
         gives("list_sources", lambda body: {"sources": {each["id"]: each for each in body["sources"]}})),
    Liar("SRC-01", "answers the sources with 203",
         gives("list_sources", lambda _: None, status=203)),
    Liar("SRC-02", "leaves `logo_url` out where there is none", _source(_unlogged)),
    Liar("SRC-02", "shows a logo as an object", _source(lambda each: each.update(logo_url={"href": each["logo_url"]}))),
    Liar("SRC-02", "knows no names of sources", _source(_set("name", None))),
    Liar("SRC-02", "numbers its last source", gives("list_sources", lambda body: body["sources"][-1].update(id=3))),
    Liar("SRC-02", "prefixes the id of a source",
         gives("list_sources", lambda body: body["sources"][-1].update(id="src_" + body["sources"][-1]["id"]))),
    Liar("SRC-04", "lists a source with another id than it accepts", gives("list_sources", _otherwise), ("PROV-17",)),
    Liar("SRC-04", "accepts the first source alone", reads("provision_company", _first_source_alone), ("PROV-17",)),
    Liar("SRC-04", "wants the name of a source", reads("provision_company", _no_source)),
    Liar("TPL-01", "answers the templates as a bare array", gives("list_templates", lambda body: body["templates"])),
    Liar("TPL-01", "calls the templates `items`", gives("list_templates", lambda body: {"items": body["templates"]})),
    Liar("TPL-02", "leaves out a description that is null",
         _template(_undescribed)),
    Liar("TPL-02", "numbers its last template", gives("list_templates", _numbered)),
    Liar("TPL-02", "has templates without columns", _template(_no("columns"))),
    Liar("TPL-02", "has templates without names", _template(_no("name"))),
    Liar("TPL-03", "writes `required` as text", _column(_as_text("required"))),
    Liar("TPL-03", "writes `unique` as 0 or 1", _column(lambda each: each.update(unique=int(each["unique"])))),
    Liar("TPL-03", "knows another rule", _column(_set("desiredRule", "optional"), "none")),
    Liar("TPL-03", "has a column with a rule of null", _column(_set("desiredRule", None), "none")),
    Liar("TPL-03", "has columns without a description", _column(_no("description"))),
    Liar("TPL-04", "leaves the expression out", _column(_no("strictRule"), "strict")),
    Liar("TPL-04", "shows `strictRule` null where none is", _column(_set("strictRule", None), "none", "ai", "link")),
    Liar("TPL-04", "keeps an expression beside another rule", _column(_set("strictRule", "^.*$"), "ai")),
    Liar("TPL-04", "has an expression that does not compile", _column(_set("strictRule", "([a-z"), "strict")),
    Liar("TPL-04", "names a well-known pattern", _column(_set("strictRule", {"type": "email"}), "strict")),
    Liar("TPL-05", "leaves the links out", _column(_no("linkRule"), "link")),
    Liar("TPL-05", "shows empty links where there are none", _column(_set("linkRule", []), "none", "ai", "strict")),
    Liar("TPL-05", "gives one link as an object", _column(_one_link, "link")),
    Liar("TPL-05", "links to templates without a column", _column(_bare_links, "link")),
    Liar("TPL-05", "names the linked column `column`",
         _column(_links_by_column, "link")),
    Liar("TPL-06", "sorts the columns of a CSV by name", _other_order(_sorted), ("CSV-08",)),
    Liar("TPL-06", "swaps the last two columns of a CSV", _other_order(_last_two_swapped), ("CSV-08",)),
    Liar("TPL-06", "leaves the last column of a CSV out", _other_order(_without_last), ("CSV-08",)),
)  # fmt: skip
