"""Cases and walks as Schemathesis draws them from the contract. Nothing is sent here: everything is drawn beforehand.

So what is drawn depends on the seed alone, never on what a target answers. Schemathesis is imported here and nowhere
else, and only when something is drawn: it takes a third of a second.
"""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import UUID

from conformance.fuzzing.case import FILE, SHEETS, SOURCE, UPLOAD, Case
from conformance.fuzzing.document import FORMS, document
from conformance.http.answer import UNSET
from conformance.http.client import NO_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RIGHT: dict[str, Any] = {
    "provision_company": {"name": "Company", "source": SOURCE},
    "request_upload": {"name": "conformance.csv", "content_type": "text/csv", "size": 8},
    "start_import": {"files": [{"name": FILE, "upload_ref": UPLOAD}]},
    "decide": {"decision": "approve"},
    "start_export": {"mode": "canary"},
}
"""A right body for each operation that takes one, to be sent with a wrong key or id."""
WITH_RUN = ("poll_import", "decide", "poll_export")
SEVERAL = ("provision_company", "start_import", "decide")
"""The operations whose requests have several forms."""
WITHOUT_COMPANY = ("list_sources", "list_templates", "provision_company")
WRONG_KEY = "invalid-key-of-nobody"
_SCALARS = (str, int, float, bool)


class Drawer:
    """Draws from the contract; `columns` are those of the target's rows."""

    def __init__(self, columns: Iterable[str], seed: int, max_examples: int) -> None:
        import schemathesis  # noqa: PLC0415 - slow to import, and not needed without this layer

        forms, columns = range(len(FORMS)), tuple(columns)
        self.schemas = [schemathesis.openapi.from_dict(document(columns, form)) for form in forms]
        self.operations = [_operations(schema) for schema in self.schemas]
        """Schemathesis' operations by id, for each form of their requests."""
        free = [schemathesis.openapi.from_dict(document(columns, form, known=False)) for form in forms]
        self._free = [_operations(schema) for schema in free]
        self._seed, self._examples = seed, max_examples

    def cases(self, operation_id: str) -> list[Case]:
        """What is sent to the operation, each case once."""
        drawn = [*self._keyless(operation_id), *self._fuzzing(operation_id), *self._covering(operation_id)]
        drawn += [Case(operation_id, {"decision": "reject"})] if operation_id == "decide" else []
        drawn += self._cut(operation_id, drawn)
        drawn += self._astray(operation_id)
        return list({case.identity: case for case in reversed(drawn)}.values())[::-1]

    def _keyless(self, operation_id: str) -> Iterator[Case]:
        for key in (NO_KEY, WRONG_KEY):
            yield Case(operation_id, RIGHT.get(operation_id, UNSET), query=_right_query(operation_id), key=key)

    def _covering(self, operation_id: str) -> Iterator[Case]:
        """The coverage phase: every rule of the contract kept and broken, the same for every seed; forms by turns."""
        for turn in zip_longest(*(self._covered(operation_id, form) for form in self._forms(operation_id))):
            yield from (case for case in turn if case is not None)

    def _covered(self, operation_id: str, form: int) -> Iterator[Case]:
        from schemathesis import GenerationMode  # noqa: PLC0415 - as above

        schema, operation = self.schemas[form], self.operations[form][operation_id]
        config = schema.config.generation_for(operation=operation, phase="coverage")
        cases = schema.iter_coverage_cases(operation, generation_modes=list(GenerationMode), generation_config=config)
        for case in cases:
            if case.method == operation.method.upper():  # another method is not judged (OP-26)
                yield from _case(operation_id, case)

    def _fuzzing(self, operation_id: str) -> Iterator[Case]:
        """The fuzzing phase: as many right and wrong calls by chance as were asked for."""
        from schemathesis import GenerationMode  # noqa: PLC0415 - as above

        if not self.operations[0][operation_id].body and not self.operations[0][operation_id].query:
            return
        ways = [(form, mode) for form in self._forms(operation_id) for mode in GenerationMode]
        for number, (form, mode) in enumerate(ways):
            operation = self._free[form][operation_id]
            ids = {"company_id": "x", "run_id": "x"} if operation.path_parameters else None
            strategy = operation.as_strategy(generation_mode=mode, path_parameters=ids)
            count = self._examples // len(ways) + (number < self._examples % len(ways))
            for case in drawn_from(strategy, self._seed, count):
                yield from _case(operation_id, case)

    def _forms(self, operation_id: str) -> list[int]:
        """The forms that the operation's requests differ in."""
        return list(range(len(FORMS))) if operation_id in SEVERAL else [0]

    def _cut(self, operation_id: str, drawn: list[Case]) -> Iterator[Case]:
        """Bodies that end too early, and so are no JSON."""
        bodies = [case.body for case in drawn if isinstance(case.body, dict) and case.body]
        for body in bodies[:: max(1, len(bodies) // 3)][:3]:
            yield Case(operation_id, raw=json.dumps(body).encode()[:-1])

    def _astray(self, operation_id: str) -> Iterator[Case]:
        """Right calls for companies and runs that there are not."""
        if operation_id in WITHOUT_COMPANY:
            return
        body, query = RIGHT.get(operation_id, UNSET), _right_query(operation_id)
        for name in self._names()[: max(2, self._examples // 4)]:
            yield Case(operation_id, body, query=query, company=name)
            if operation_id in WITH_RUN:
                yield Case(operation_id, body, query=query, run=name)

    def _names(self) -> list[str]:
        """Ids by chance: a UUID, and texts that every server can tell from a path."""
        strategy = self.operations[0]["poll_import"].as_strategy()
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


def settings(count: int) -> Any:
    """Hypothesis' settings for drawing alone: nothing is kept, nothing is timed, nothing is shrunk."""
    import hypothesis  # noqa: PLC0415 - as above

    return hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def _right_query(operation_id: str) -> dict[str, str]:
    return {"sheet_id": SHEETS[0]} if operation_id == "export_csv" else {}


def _case(operation_id: str, drawn: Any) -> Iterator[Case]:
    """Schemathesis' case as ours; nothing where it cannot be sent as it is meant."""
    from schemathesis.core import NotSet  # noqa: PLC0415 - as above

    query = {str(name): each for name, value in (drawn.query or {}).items() if (each := _sent(value)) is not None}
    content_type = (drawn.headers or {}).get("Content-Type")
    body, raw = drawn.body, None
    if isinstance(body, NotSet):
        body, raw = UNSET, b"" if drawn.operation.body else None
    elif isinstance(body, bytes):
        read = _readable(body)
        body, raw = read, body if read is UNSET else None
    try:
        json.dumps(body if body is not UNSET else None, allow_nan=False)
        "".join(f"{name}{value}" for name, value in query.items()).encode()
    except (TypeError, ValueError, RecursionError):
        return
    yield Case(operation_id, body, raw, query, content_type=content_type)


def _sent(value: Any) -> Any:
    """A member of a query as it can be sent."""
    if isinstance(value, (list, tuple)):
        return [str(each) for each in value] if value and all(isinstance(each, _SCALARS) for each in value) else None
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else None


def _readable(raw: bytes) -> Any:
    """The bytes as JSON; UNSET when they are none."""
    try:
        return json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return UNSET
