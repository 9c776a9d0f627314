"""A value from a file beside its JSON Schema: one walk that comes to every part, and what each part gets wrong.

What a schema says badly, its reader says well: which code and which sentence a mistake gets is for whoever walks. Only
the words of draft 07 are known that files of this project use; a schema is a tree without `oneOf` and its like.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mock_server.contract.document import data

if TYPE_CHECKING:
    from mock_server.contract.yaml_file import Place

KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "text (in quotes if it looks like a number)"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "array": ((list,), "a list"),
    "object": ((dict,), "members"),
    "boolean": ((bool,), "true or false"),
    "null": ((type(None),), "nothing"),
}
"""The types of a schema: those of Python, and what a message calls them."""


@lru_cache(maxsize=4)
def load_schema(name: str) -> dict[str, Any]:
    """The JSON Schema `openapi/NAME.schema.json`."""
    schema: dict[str, Any] = json.loads(data("openapi", f"{name}.schema.json").read_text("utf-8"))
    return schema


class Part(NamedTuple):
    """One part of a file, and the schema that it should obey."""

    place: Place
    value: Any
    schema: Mapping[str, Any]
    definition: str
    """The name of the schema's definition, or ""."""

    @property
    def name(self) -> str:
        """What a message calls it: the innermost member that it is in."""
        return next((repr(part) for part in reversed(self.place) if isinstance(part, str)), "the file")

    @property
    def types(self) -> list[str]:
        """The types that the schema allows; none: any."""
        types = self.schema.get("type", [])
        return types if isinstance(types, list) else [types]

    @property
    def has_its_type(self) -> bool:
        """Whether the value is of a type that the schema allows; what is in it is looked at only then."""
        return not self.types or any(_is(self.value, each) for each in self.types)

    def mistakes(self) -> Iterator[tuple[str, Any]]:
        """Each keyword that the value breaks with what the keyword says; of a wrong type nothing else.

        Each member that is missing comes as `required`, each that is not known as `additionalProperties`, by its name.
        """
        if not self.has_its_type:
            yield "type", self.schema["type"]
            return
        import jsonschema_rs  # noqa: PLC0415 - needed only when something is wrong

        schema, value = {**self.schema, "items": True, "definitions": {}}, self.value  # what is in it are parts, too
        schema["properties"] = dict.fromkeys(schema.get("properties", ()), True)
        schema["additionalProperties"] = schema.get("additionalProperties") is not False
        match value:
            case dict():
                value = dict.fromkeys(value)
            case list():
                value = [repr(each) for each in value]
            case str():
                value = str(value)  # not the subclass that it may be
        for error in jsonschema_rs.Draft7Validator(schema).iter_errors(value):
            keyword, said = error.kind.name, error.kind.as_dict()
            if keyword == "additionalProperties":
                yield from ((keyword, name) for name in said["unexpected"])
            else:
                yield keyword, said["property"] if keyword == "required" else self.schema[keyword]


def walk(schema: Mapping[str, Any], value: Any) -> Iterator[Part]:
    """Every part of the value that the schema says something about, the whole first."""
    return _walk(schema, schema, (), value)


def _walk(root: Mapping[str, Any], schema: Mapping[str, Any], place: Place, value: Any) -> Iterator[Part]:
    definition = schema.get("$ref", "").rpartition("/")[2]
    part = Part(place, value, root["definitions"][definition] if definition else schema, definition)
    yield part
    if not part.has_its_type:
        return
    if isinstance(value, dict):
        known, others = part.schema.get("properties", {}), part.schema.get("additionalProperties")
        for name, member in value.items():
            if (inner := known.get(name, others)) and isinstance(inner, dict):
                yield from _walk(root, inner, (*place, name), member)
    if isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _walk(root, part.schema.get("items", {}), (*place, index), entry)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, KINDS[kind][0]) or (kind == "integer" and isinstance(value, float) and value.is_integer())
