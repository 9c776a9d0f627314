"""Walks over the contract's links, as Schemathesis' state machine draws them: which call follows which, on which run.

The machine is given answers of our own, so that a plan depends on the seed alone; `stateful` plays it to the target. So
Hypothesis meets no server whose answers differ from one time to the next, and a plan can be played again in part.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from conformance.fuzzing.strategies import settings
from conformance.preview.cases.document import walks

STEPS = 10
COMPANY = "{company}"
RUN = "run "


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a walk."""

    operation: str
    how: str = ""
    """The state that an import leads to, the decision, or the status that is looked for."""
    run: int = 0
    """Which of the walk's imports it is about, counted from 0."""

    def __str__(self) -> str:
        return f"{self.operation} {self.how}".strip()


def plans(seed: int, count: int) -> list[list[Step]]:
    """So many walks; those without a start of an import tell nothing, and are left out."""
    import hypothesis  # noqa: PLC0415 - comes with Schemathesis, which is slow to import
    import schemathesis  # noqa: PLC0415 - as above

    if not count:
        return []
    schema = schemathesis.openapi.from_dict(walks())
    schema.config.generation.update(modes=[schemathesis.GenerationMode.POSITIVE])
    found: list[list[Step]] = []
    machine = hypothesis.seed(seed)(_machine(schema, found))
    machine.run(settings=hypothesis.settings(settings(count), stateful_step_count=STEPS))
    kept = [plan for plan in found if any(step.operation == "start_import" for step in plan)]
    return [list(plan) for plan in dict.fromkeys(map(tuple, kept))]


def _machine(schema: Any, found: list[list[Step]]) -> Any:
    """Schemathesis' machine, which writes down its steps and calls nobody."""

    class Planner(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.steps: list[Step] = []
            found.append(self.steps)

        def call(self, case: Any, **_: Any) -> Any:
            operation = case.operation.definition.raw["operationId"]
            started = sum(step.operation == "start_import" for step in self.steps)
            step = _step(operation, case, started)
            if step is not None:
                self.steps.append(step)
            return _answer(operation, case, started)

        def validate_response(self, *_: Any, **__: Any) -> None:
            """Nothing was asked, so there is nothing to judge."""

    return Planner


def _step(operation: str, case: Any, started: int) -> Step | None:
    """What the case is in a walk; None for what a walk has no use for."""
    run = str((case.path_parameters or {}).get("run_id", ""))
    known = int(run.removeprefix(RUN)) if run.startswith(RUN) else started - 1
    match operation:
        case "start_import":
            return Step(operation, case.body)
        case "decide" if known >= 0:
            return Step(operation, case.body, known)
        case "poll_import" if known >= 0:
            return Step(operation, run=known)
        case "list_imports":
            return Step(operation, str((case.query or {}).get("status", "")))
    return None


def _answer(operation: str, case: Any, started: int) -> Any:
    """An answer whose links lead on."""
    import requests  # noqa: PLC0415 - comes with Schemathesis
    from schemathesis.core.transport import Response  # noqa: PLC0415 - slow to import

    run = f"{RUN}{started if operation == 'start_import' else max(0, started - 1)}"
    bodies: dict[str, tuple[int, Any]] = {
        "provision_company": (201, {"company": {"id": COMPANY}}),
        "start_import": (201, {"run_id": run}),
        "list_imports": (200, {"run_id": run} if case.query else {"runs": [{"run_id": run}]}),
        "poll_import": (200, {"run_id": run}),
        "decide": (200, {"run_id": run}),
    }
    status, body = bodies.get(operation, (200, {}))
    headers = {"content-type": ["application/json"]}
    request = requests.Request("GET", "http://localhost/").prepare()
    return Response(status, headers, json.dumps(body).encode(), request, elapsed=0.0, verify=True)
