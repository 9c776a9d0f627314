"""Cases and walks as Schemathesis draws them from the contract. Nothing is sent here: everything is drawn beforehand.

So what is drawn depends on the seed alone, never on what a target answers. Schemathesis is imported here and nowhere
else, and only when something is drawn: it takes a third of a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import UUID

from conformance.fuzzing.apart import apart, read, settings
from conformance.fuzzing.case import Case
from conformance.http.client import NO_KEY
from conformance.http.messages import UNSET

if TYPE_CHECKING:
    from conformance.engine.context import Context
    from conformance.fuzzing.layer import Layer

WRONG_KEY = "invalid-key-of-nobody"
_SCALARS = (str, int, float, bool)


class Drawer:
    """Draws what a layer asks for from the contract."""

    @apart()
    def __init__(self, layer: Layer, ctx: Context, seed: int, max_examples: int) -> None:
        self._layer, forms = layer, range(layer.forms)
        self._schemas = [read(layer.document(ctx, form)) for form in forms]
        self._operations = [_operations(schema) for schema in self._schemas]
        self._free = [_operations(read(layer.document(ctx, form, known=False))) for form in forms]
        self._parameters = {each.id: each.parameters for each in ctx.client.contract.operations.values()}
        """The ids in the path of each operation, the outermost first."""
        self._seed, self._examples = seed, max_examples

    @apart()
    def cases(self, operation_id: str) -> list[Case]:
        """What is sent to the operation, each case once."""
        keyless = [replace(self._right(operation_id), key=key) for key in (NO_KEY, WRONG_KEY)]
        drawn = [*keyless, *self._fuzzing(operation_id), *self._covering(operation_id)]
        drawn += [case for case in self._layer.also if case.operation == operation_id]
        bodies = [case.body for case in drawn if isinstance(case.body, dict) and case.body]
        for body in bodies[:: max(1, len(bodies) // 3)][:3]:  # some end too early, and so are no JSON
            drawn.append(Case(operation_id, raw=json.dumps(body).encode()[:-1]))
        parameters = self._parameters[operation_id]
        for name in self._names()[: max(2, self._examples // 4)] if parameters else ():
            drawn += [replace(self._right(operation_id), ids={parameter: name}) for parameter in parameters]
        return list({case.identity: case for case in reversed(drawn)}.values())[::-1]

    def _right(self, operation_id: str) -> Case:
        body, query = self._layer.bodies.get(operation_id, UNSET), self._layer.queries.get(operation_id, {})
        return Case(operation_id, body, query=query)

    def _covering(self, operation_id: str) -> Iterator[Case]:
        """The coverage phase: every rule of the contract kept and broken, the same for every seed; forms by turns."""
        for turn in zip_longest(*(self._cover_form(operation_id, form) for form in self._forms(operation_id))):
            yield from filter(None, turn)

    def _cover_form(self, operation_id: str, form: int) -> Iterator[Case]:
        from schemathesis import GenerationMode  # noqa: PLC0415 - slow to import, and not needed without this layer

        schema, operation = self._schemas[form], self._operations[form][operation_id]
        config = schema.config.generation_for(operation=operation, phase="coverage")
        cases = schema.iter_coverage_cases(operation, generation_modes=list(GenerationMode), generation_config=config)
        for case in cases:
            if case.method == operation.method.upper():  # another method is not judged (OP-26)
                yield from _case(operation_id, case)

    def _fuzzing(self, operation_id: str) -> Iterator[Case]:
        """The fuzzing phase: as many right and wrong calls by chance as were asked for."""
        from schemathesis import GenerationMode  # noqa: PLC0415 - as above

        if not self._operations[0][operation_id].body and not self._operations[0][operation_id].query:
            return
        ways = [(form, mode) for form in self._forms(operation_id) for mode in GenerationMode]
        for number, (form, mode) in enumerate(ways):
            operation = self._free[form][operation_id]
            ids = dict.fromkeys(self._parameters[operation_id], "x") or None
            strategy = operation.as_strategy(generation_mode=mode, path_parameters=ids)
            count = self._examples // len(ways) + (number < self._examples % len(ways))
            for case in drawn_from(strategy, self._seed, count):
                yield from _case(operation_id, case)

    def _forms(self, operation_id: str) -> list[int]:
        return list(range(self._layer.forms)) if operation_id in self._layer.several else [0]

    def _names(self) -> list[str]:
        """Ids by chance: a UUID, and texts that every server can tell from a path."""
        longest = max(self._operations[0], key=lambda each: len(self._parameters[each]))
        strategy = self._operations[0][longest].as_strategy()
        texts = [
            unquote(str(text))
            for case in drawn_from(strategy, self._seed, self._examples + 5)
            for text in (case.path_parameters or {}).values()
        ]
        tidy = [text for text in texts if text.isprintable() and text.strip(" .") and not set(text) & set("/\\%?#;")]
        return [str(UUID(int=self._seed + 1, version=4)), *dict.fromkeys(tidy)]


def _operations(schema: Any) -> dict[str, Any]:
    found = [each.ok() for each in schema.get_all_operations()]
    return {str(operation.definition.raw["operationId"]): operation for operation in found}


def drawn_from(strategy: Any, seed: int, count: int) -> list[Any]:
    """So many examples of a strategy, the same for one seed."""
    import hypothesis  # noqa: PLC0415 - comes with Schemathesis

    found: list[Any] = []

    def draw(example: Any) -> None:
        found.append(example)

    if count:
        given: Any = hypothesis.given(strategy)
        hypothesis.seed(seed)(settings(count)(given(draw)))()
    return found[:count]


def _case(operation_id: str, drawn: Any) -> Iterator[Case]:
    """Schemathesis' case as ours; nothing where it cannot be sent as it is meant."""
    from schemathesis.core import NotSet  # noqa: PLC0415 - as above

    query = {
        str(name): each for name, value in (drawn.query or {}).items() if (each := _query_value(value)) is not None
    }
    body, raw = drawn.body, None
    if isinstance(body, NotSet):
        body, raw = UNSET, b"" if drawn.operation.body else None
    elif isinstance(body, bytes):
        try:
            body = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError):
            raw, body = body, UNSET
    try:
        json.dumps(body if body is not UNSET else None, allow_nan=False)
        "".join(f"{name}{value}" for name, value in query.items()).encode()
    except (TypeError, ValueError, RecursionError):
        return
    yield Case(operation_id, body, raw, query, content_type=(drawn.headers or {}).get("Content-Type"))


def _query_value(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [str(each) for each in value] if value and all(isinstance(each, _SCALARS) for each in value) else None
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else None
