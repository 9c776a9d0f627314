"""The session in one file, to take away and replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mock_server.admin.call import route
from mock_server.contract.document import data
from mock_server.session.bundle import bundled

if TYPE_CHECKING:
    from mock_server.admin.call import AdminCall
    from mock_server.scenarios.model import Scenario


def _read(call: AdminCall) -> dict[str, Any]:
    call.query()
    return bundled(call.session, call.now, _text)


def _text(scenario: Scenario) -> str | None:
    """The file of a scenario of the user's own; None for a built-in one, and for a file that is gone."""
    path = Path(scenario.path)
    if path.parent == data("scenarios"):
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


ROUTES = [route("/bundle", GET=_read)]
