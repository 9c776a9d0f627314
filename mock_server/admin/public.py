"""What the admin API tells anybody: that the server is ready, its scenarios, its contract. No key is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from mock_server.contract.document import data
from mock_server.dialects import dialect as dialects
from mock_server.http.messages import answer
from mock_server.scenarios.summary import entries
from mock_server.version import version

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.server.sessions import Sessions


def _health(sessions: Sessions) -> Response:
    world = sessions.world
    return answer(
        {
            "status": "ready",
            "version": version(),
            "contract": world.contract.version,
            "scenarios": len(world.scenarios),
            "sessions": len(sessions),
        }
    )


def _scenarios(sessions: Sessions) -> Response:
    return answer({"scenarios": entries(sessions.world.scenarios)})


def _dialects(_: Sessions) -> Response:
    return answer({"dialects": dialects.entries(), "readings": [dialects.told(each) for each in dialects.READINGS]})


def _contract_yaml(_: Sessions) -> Response:
    return Response(data("openapi", "migration-api.yaml").read_bytes(), media_type="application/yaml")


def _contract_json(sessions: Sessions) -> Response:
    return answer(sessions.world.contract.as_json)


PUBLIC: dict[str, Callable[[Sessions], Response]] = {
    "health": _health,
    "scenarios": _scenarios,
    "dialects": _dialects,
    "openapi.yaml": _contract_yaml,
    "openapi.json": _contract_json,
}
