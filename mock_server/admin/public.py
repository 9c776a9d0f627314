"""What the admin API tells anybody, without a key: health, the scenarios, the dialects, the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from mock_server.admin.call import public
from mock_server.contract.document import data
from mock_server.http.messages import answer
from mock_server.version import VERSION

if TYPE_CHECKING:
    from mock_server.session.sessions import Sessions


def _health(sessions: Sessions) -> Response:
    world = sessions.world
    return answer(
        {
            "status": "ready",
            "version": VERSION,
            "contract": world.contract.version,
            "scenarios": len(world.scenarios),
            "sessions": len(sessions),
        }
    )


def _scenarios(sessions: Sessions) -> Response:
    return answer({"scenarios": [each.summary() for each in sessions.world.scenarios.values()]})


def _dialects(sessions: Sessions) -> Response:
    dialects = sessions.generation.dialects
    return answer({"dialects": dialects.as_json(), "readings": [each.as_json() for each in dialects.readings]})


ROUTES = [
    public("/health", _health),
    public("/scenarios", _scenarios),
    public("/dialects", _dialects),
    public(
        "/openapi.yaml",
        lambda _: Response(data("openapi", "migration-api.yaml").read_bytes(), media_type="application/yaml"),
    ),
    public("/openapi.json", lambda sessions: answer(sessions.world.contract.as_json)),
]
