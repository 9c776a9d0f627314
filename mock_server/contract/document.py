"""The contract as frozen values: operations, routes, request and response checks, all read from `openapi/`.

Nothing here knows how the mock obeys; a route or a body rule that is not in the contract does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mock_server.contract.cache import cached
from mock_server.contract.messages import Difference, differences
from mock_server.contract.nearest import LONGEST

API = "/api/v1"
MATCHES = 2_000
"""How many requests' matches are remembered: a client polls the same few paths again and again."""
UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_ID = re.compile(r"%2F|[\\\0]")
"""What is in no id, and in the path of many a client that puts one together wrongly."""
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def data(*parts: str) -> Path:
    """Where a file of `openapi/` or `scenarios/` lies: in the installed package, else in the checkout around it."""
    here = Path(__file__).parent.parent
    root = here / "_data" if (here / "_data").is_dir() else here.parent
    return root.joinpath(*parts)


@lru_cache(maxsize=2)
def load_yaml(name: str) -> Any:
    """What `openapi/NAME.yaml` holds."""
    file = data("openapi", f"{name}.yaml")

    def read() -> Any:
        import yaml  # noqa: PLC0415 - of what was read before, a start takes the cached data

        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(file.read_bytes(), loader)  # noqa: S506 - both loaders are safe ones

    return cached(name, [file], read)


def canonical_id(text: str) -> str:
    """The text, in lower case where it is a UUID: so one is written, and read in any case (RFC 9562, 4)."""
    return text.lower() if UUID.fullmatch(text) else text


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its id, method and route template, with the API's prefix."""

    id: str
    method: str
    route: str
    run: str | None = None
    """The kind of run that it is about, by the contract's `x-run`."""

    def described(self, ids: Mapping[str, str], remark: str) -> dict[str, str]:
        """The call as a person is told to make it: its path has these ids, and templates for the others."""
        path = self.route
        for name, value in ids.items():
            path = path.replace(f"{{{name}}}", value)
        return {"operation": self.id, "method": self.method, "path": path, "remark": remark}

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the route's parameters, in order."""
        return tuple(segment[1:-1] for segment in self.route.split("/") if segment.startswith("{"))


class Example(NamedTuple):
    """An answer that the contract gives as an example: JSON as a value, anything else as text."""

    status: int
    name: str
    media_type: str
    value: Any
    headers: Mapping[str, str]


class Match(NamedTuple):
    """What the contract says of a method and path: an operation and its path parameters, else the methods there."""

    operation: Operation | None
    parameters: Mapping[str, str]
    allowed: tuple[str, ...]


class RunStatuses(NamedTuple):
    """The statuses of a run, in the contract's order."""

    every: tuple[str, ...]
    terminal: tuple[str, ...]
    """Those that a run never leaves."""
    waiting: tuple[str, ...]
    """Those that a run leaves only by a decision."""
    onward: Mapping[str, tuple[str, ...]]
    """Those that may follow each."""

    @property
    def moving(self) -> tuple[str, ...]:
        """Those that a run leaves by itself."""
        return tuple(each for each in self.every if each not in (*self.terminal, *self.waiting))


class Contract:
    """The whole contract; made once, by `load`, and not changed afterwards."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.prefix: str = document["servers"][0]["url"]
        """What the path of every operation begins with."""
        self.operations = {operation.id: operation for operation in _operations(document)}
        self._routes = _tree(self.operations.values())
        self.match = lru_cache(maxsize=MATCHES)(self._match)
        """What the contract says of a request's method and path: the operation that it is for."""
        self._request_check = lru_cache(maxsize=None)(self._request_validator)
        self._answer_check = lru_cache(maxsize=None)(self._answer_validator)

    @property
    def version(self) -> str:
        """The contract's own version."""
        return str(self.document["info"]["version"])

    @cached_property
    def changing(self) -> tuple[str, ...]:
        """The operations that change something."""
        return tuple(each.id for each in self.operations.values() if each.method != "GET")

    @cached_property
    def json_operations(self) -> tuple[str, ...]:
        """The operations whose success is told in JSON."""
        return tuple(
            operation_id
            for operation_id in self.operations
            if any("application/json" in response["content"] for response in self.successes(operation_id))
        )

    @cached_property
    def run_reads(self) -> tuple[str, ...]:
        """The operations that read runs and change nothing."""
        return tuple(each.id for each in self.operations.values() if each.run and each.id not in self.changing)

    @cached_property
    def starts(self) -> dict[str, str]:
        """The operations that start a run, each with the kind of run."""
        found = (self.operations[each] for each in self.changing)
        return {each.id: each.run for each in found if each.run and "201" in self.described(each.id)["responses"]}

    @cached_property
    def run_statuses(self) -> RunStatuses:
        """The statuses of a run."""
        schema = next(each for each in self.document["components"]["schemas"].values() if "x-terminal" in each)
        onward = {status: tuple(schema.get("x-onward", {}).get(status, ())) for status in schema["enum"]}
        return RunStatuses(tuple(schema["enum"]), tuple(schema["x-terminal"]), tuple(schema["x-waiting"]), onward)

    def about(self, run: str) -> tuple[str, ...]:
        """The operations that are about this kind of run."""
        return tuple(each.id for each in self.operations.values() if each.run == run)

    def naming(self, parameter: str) -> tuple[str, ...]:
        """The operations whose route has this parameter."""
        return tuple(each.id for each in self.operations.values() if parameter in each.parameters)

    def request_members(self, operation_id: str) -> frozenset[str]:
        """The documented members of the operation's JSON body; none where it takes no body."""
        content = self.described(operation_id).get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        return frozenset(self.resolved(schema).get("properties", ()))

    def successes(self, operation_id: str) -> list[dict[str, Any]]:
        """What the document says of the operation's answers with a code of success."""
        responses = self.described(operation_id)["responses"].items()
        return [self.resolved(each) for status, each in responses if status.startswith("2")]

    def _match(self, method: str, path: str) -> Match:
        place = self._routes
        values: list[str] = []
        for segment in path.split("/")[1:]:
            if segment in place.named:
                place = place.named[segment]
            elif segment and place.parameter is not None and not _NO_ID.search(segment):
                place = place.parameter
                values.append(canonical_id(segment))
            else:
                return Match(None, {}, ())
        allowed = tuple(place.methods)
        if method not in place.methods:
            return Match(None, {}, allowed)
        operation, names = place.methods[method]
        return Match(operation, dict(zip(names, values, strict=True)), allowed)

    def nearest(self, method: str, path: str) -> Operation:
        """The operation that a request to an unknown path most likely meant."""
        from difflib import SequenceMatcher  # noqa: PLC0415 - needed only when somebody went astray

        path = path[:LONGEST]

        def likeness(operation: Operation) -> float:
            asked, route = path.split("/"), operation.route.split("/")
            filled = [mine if its.startswith("{") else its for mine, its in zip(asked, route, strict=False)]
            same = SequenceMatcher(None, path, "/".join(filled + route[len(filled) :])).ratio()
            return same + 0.05 * (operation.method == method)

        return max(self.operations.values(), key=likeness)

    def request_differences(self, operation_id: str, body: Any) -> list[Difference]:
        """Everything that is wrong with a request body, the outermost first."""
        check = self._request_check(operation_id)
        return [] if check is None else differences(check, body, self.document)

    def clauses(self, operation_id: str, status: int) -> list[str]:
        """The clauses that the contract names for an answer of the operation with this status."""
        response = self.described(operation_id)["responses"].get(str(status))
        return [] if response is None else list(self.resolved(response).get("x-clauses", []))

    def examples(self, operation_id: str) -> list[Example]:
        """The contract's examples of the operation's answers, in its order of statuses and names."""
        found = []
        for status, described in self.described(operation_id)["responses"].items():
            response = self.resolved(described)
            headers = {
                name: next(iter(header["examples"].values()))["value"]
                for name, header in response.get("headers", {}).items()
            }
            for media_type, content in response["content"].items():
                for name, example in content.get("examples", {}).items():
                    value = self.resolved(example)["value"]
                    found.append(Example(int(status), name, media_type, value, headers))
        return found

    def _request_validator(self, operation_id: str) -> Any:
        """The validator of a request's body; None where the operation takes none."""
        content = self.described(operation_id).get("requestBody", {}).get("content")
        return content and self._validator(content["application/json"]["schema"])

    def complaints(self, operation_id: str, status: int, content_type: str | None, body: Any) -> list[str]:
        """How an answer differs from the contract: status, content type, body; [] when it does not."""
        where = f"{operation_id} {status}"
        response = self.described(operation_id)["responses"].get(str(status))
        if response is None:
            return [f"{where}: the contract documents no such status"]
        contents = self.resolved(response).get("content", {})
        kind = (content_type or "").partition(";")[0].strip()
        if kind not in contents:
            return [f"{where}: expected content type {' or '.join(contents)}; got {content_type or 'none'}"]
        if kind != "application/json":
            return []
        named = body.get("status") if isinstance(body, dict) and isinstance(body.get("status"), str) else None
        errors = self._answer_check(operation_id, status, named).iter_errors(body)
        return [f"{where}: {described_error(error)} at /{'/'.join(map(str, error.instance_path))}" for error in errors]

    def _answer_validator(self, operation_id: str, status: int, named: str | None) -> Any:
        """The validator of an answer; of a union by `status` the branch that the body names, for a precise message."""
        response = self.resolved(self.described(operation_id)["responses"][str(status)])
        schema = response["content"]["application/json"]["schema"]
        mapping = self.resolved(schema).get("discriminator", {}).get("mapping", {})
        return self._validator({"$ref": mapping[named]} if named in mapping else schema)

    def described(self, operation_id: str) -> dict[str, Any]:
        """What the document says of the operation."""
        operation = self.operations[operation_id]
        path = operation.route.removeprefix(self.prefix)
        found: dict[str, Any] = self.document["paths"][path][operation.method.lower()]
        return found

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema, response or example itself, where a reference to it stands."""
        while "$ref" in schema:
            found: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def _validator(self, schema: dict[str, Any]) -> Any:
        import jsonschema_rs  # noqa: PLC0415 - needed only when somebody sends a body

        whole = {**schema, "components": self.document["components"]}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)

    @cached_property
    def as_json(self) -> bytes:
        """The contract as JSON."""
        import orjson  # noqa: PLC0415 - asked for rarely

        return orjson.dumps(self.document)


@lru_cache(maxsize=1)
def load() -> Contract:
    """The contract of `openapi/migration-api.yaml`."""
    return Contract(load_yaml("migration-api"))


@lru_cache(maxsize=1)
def clause_texts() -> Mapping[str, str]:
    """The text of every clause of `openapi/clauses.yaml`, by its id."""
    return {clause["id"]: clause["text"] for clause in load_yaml("clauses")["clauses"]}


@lru_cache(maxsize=1)
def clause_ids() -> frozenset[str]:
    """The id of every clause of `openapi/clauses.yaml`."""
    return frozenset(clause_texts())


@dataclass(slots=True)
class _Place:
    """A point of a route: where named segments and a path parameter lead from here, and the methods that end here."""

    named: dict[str, _Place] = field(default_factory=dict)
    parameter: _Place | None = None
    methods: dict[str, tuple[Operation, tuple[str, ...]]] = field(default_factory=dict)


def described_error(error: Any) -> str:
    """What a validator found, in no language's values."""
    if error.kind.name == "additionalProperties":
        return f"expected no other members, got {', '.join(error.kind.unexpected)}"
    return str(error.message)


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    prefix = document["servers"][0]["url"]
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                described = item[method]
                yield Operation(described["operationId"], method.upper(), prefix + path, described.get("x-run"))


def _tree(operations: Iterable[Operation]) -> _Place:
    root = _Place()
    for operation in operations:
        place, names = root, []
        for segment in operation.route.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                place.parameter = place.parameter or _Place()
                place = place.parameter
            else:
                place = place.named.setdefault(segment, _Place())
        place.methods[operation.method] = (operation, tuple(names))
    return root
