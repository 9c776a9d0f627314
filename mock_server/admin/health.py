"""Whether the server is ready, for anybody: it is served even where the rest of the admin API is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.admin.call import public
from mock_server.http.messages import answer
from mock_server.version import version

if TYPE_CHECKING:
    from starlette.responses import Response

    from mock_server.session.sessions import Sessions


def _read(sessions: Sessions) -> Response:
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


ROUTES = [public("/health", _read)]
