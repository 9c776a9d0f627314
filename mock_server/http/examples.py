"""The contract's examples as answers, for a caller that prefers one: `Prefer: code=409`, `Prefer: example=in_flight`.

Nothing is looked at but the key, the path and the method, and nothing is done: no run, no budget, no fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from mock_server.contract.nearest import nearest
from mock_server.http.messages import JSON, answer
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mock_server.contract.document import Contract, Example


def preferred_example(prefers: Mapping[str, str], contract: Contract, operation_id: str) -> Example | None:
    """The example that the caller prefers, the first that fits; None when it prefers none.

    Raises Refusal 400 for a code or a name that the operation has no example of, with those that there are.
    """
    code, name = prefers.get("code"), prefers.get("example")
    if code is None and name is None:
        return None
    there = contract.examples(operation_id)
    for example in there:
        if code in {None, str(example.status)} and name in {None, example.name}:
            return example
    wanted = ", ".join(f"{word}={value}" for word, value in (("code", code), ("example", name)) if value is not None)
    near = nearest(name, {each.name for each in there if code in {None, str(each.status)}}) if name else None
    hint = f" did you mean '{near}'?" if near else ""
    raise Refusal(400, f"Prefer: {operation_id} has no example {wanted};{hint} there are: {_listed(there)}")


def shown(example: Example) -> Response:
    """The example as an answer."""
    headers = {**example.headers, "Preference-Applied": f"code={example.status}, example={example.name}"}
    if example.media_type == JSON:
        return answer(example.value, example.status, headers)
    return Response(example.value, example.status, headers, example.media_type)


def _listed(examples: Sequence[Example]) -> str:
    statuses: dict[int, list[str]] = {}
    for example in examples:
        statuses.setdefault(example.status, []).append(example.name)
    return "; ".join(f"{status}: {', '.join(names)}" for status, names in statuses.items())
