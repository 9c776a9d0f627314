"""What the tests of faults share: how faults are asked for, where they strike, and what both sides know after."""

from __future__ import annotations

from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.preview.language import load_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Client

WORLD = load_world()
PARK = f"/api/v1/companies/{WORLD.scenarios['park'].ready.id}"
ROWS = {"rows": [{"Email": "ada@example.com"}]}


def break_with(client: Client, *asked: dict[str, Any]) -> None:
    done = client.put("/_mock/faults", {"faults": list(asked)})
    assert done.status == 200, done.text


def sides(client: Client) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = client.get("/_mock/session").body["both_sides"]
    return found


def gone(call: Callable[[], Any]) -> None:
    with pytest.raises((OSError, HTTPException)):
        call()
