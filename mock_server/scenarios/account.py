"""The account file: what is wrong with its meaning, and the catalogue that a well-formed one describes.

Names are unique, rules have what they need, links lead somewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import unknown
from mock_server.data.csv_file import plain
from mock_server.data.rules import alternatives
from mock_server.data.templates import Catalogue, Column, Link, Source, Template

if TYPE_CHECKING:
    from mock_server.contract.yaml_file import Complaint, Document, Place

_NEEDS = {"strict": "pattern", "link": "links"}


def lint(document: Document) -> Iterator[Complaint]:
    """What is wrong with a well-formed account file."""
    templates = document.value["templates"]
    columns = {template["name"]: [column["name"] for column in template["columns"]] for template in templates}
    seen: dict[str, str] = {}
    for member in ("sources", "templates"):
        for index, each in enumerate(document.value[member]):
            if each["id"] in seen:
                text = f"the id {each['id']} belongs to {seen[each['id']]} already"
                yield document.complain("E323", (member, index, "id"), text)
            seen[each["id"]] = each["name"]
    yield from _names(document, ("templates",), templates, "template")
    for index, template in enumerate(templates):
        place: Place = ("templates", index, "columns")
        yield from _names(document, place, template["columns"], f"column of {template['name']}")
        for position, column in enumerate(template["columns"]):
            yield from _rule(document, (*place, position), column)
            yield from _links(document, (*place, position, "links"), column, columns)


def _names(document: Document, place: Place, values: list[dict[str, Any]], what: str) -> Iterator[Complaint]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        name = plain(value["name"]) or value["name"]  # headers are matched so, and such names would be one
        if name in seen:
            text = f"another {what} is called {value['name']!r} too (letters and digits alone count)"
            yield document.complain("E341", (*place, index, "name"), text)
        seen.add(name)


def _rule(document: Document, place: Place, column: dict[str, Any]) -> Iterator[Complaint]:
    rule, pool = column.get("rule", "none"), column.get("pool")
    for kind, member in _NEEDS.items():  # TPL-04, TPL-05
        if (rule == kind) != (member in column):
            text = f"'{member}' and rule {kind} go together; the rule is {rule}, and '{member}' is"
            yield document.complain("E342", place, f"{text} {'given' if member in column else 'missing'}")
    pattern = column.get("pattern", "")
    try:
        re.compile(pattern)
    except re.error as error:
        yield document.complain("E342", (*place, "pattern"), f"no regular expression: {error}")
    if pool == "choice" and not alternatives(pattern):
        text = "pool choice needs a pattern such as ^(Open|Closed)$ to choose from"
        yield document.complain("E342", (*place, "pool"), text)
    if (pool == "link") != (rule == "link"):
        yield document.complain("E342", (*place, "pool"), "pool link and rule link go together")


def _links(
    document: Document, place: Place, column: dict[str, Any], columns: dict[str, list[str]]
) -> Iterator[Complaint]:
    for index, link in enumerate(column.get("links", ())):
        here = (*place, index)
        if link["template"] not in columns:
            text = unknown("template", link["template"], columns)
            yield document.complain("E343", (*here, "template"), text)
        elif link["column"] not in columns[link["template"]]:
            text = unknown("column", link["column"], columns[link["template"]], link["template"])
            yield document.complain("E343", (*here, "column"), text)


def build(document: Document) -> Catalogue:
    """The catalogue that a well-formed account file describes; links name templates by name there, by id here."""
    value = document.value
    ids = {template["name"]: template["id"] for template in value["templates"]}

    def column(each: dict[str, Any]) -> Column:
        links = tuple(Link(ids[link["template"]], link["column"]) for link in each.get("links", ()))
        return Column(**{**each, "links": links})

    return Catalogue(
        sources=tuple(Source(each["id"], each["name"], each.get("logo_url")) for each in value["sources"]),
        templates=tuple(
            Template(each["id"], each["name"], each.get("description"), tuple(map(column, each["columns"])))
            for each in value["templates"]
        ),
    )
