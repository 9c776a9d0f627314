"""`--target mock`: our own mock in this process, and a target that can bring its runs into every state.

This is the one module that knows the mock as more than a URL: it hosts it, and steers its clock over its admin API.
What the checks see is HTTP alone.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from functools import lru_cache, partial
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.engine.stage import REFUSING, UNREACHABLE, Blocked
from conformance.target.file import Body, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mock_server.scenarios.catalog import World

KEY, OTHER, REVOKED = "conformance-mock", "conformance-other", "revoked-conformance"

CLEAN = [
    {"Name": "Ada Ames", "Email": "ada@example.com", "Status": "Open", "Joined": "2024-01-31"},
    {"Name": "Gus Bell", "Email": "gus@example.com", "Status": "Closed"},
    {"Name": "Ida Cole", "Email": "ida@example.com"},
]
FLAGGED = [
    *CLEAN,
    {"Name": "Jo Dane", "Email": "jo@example.com", "Status": "open"},
    {"Name": "Kim Eads", "Email": "kim@example.com", "Status": "in progress", "Joined": "soon"},
    {"Name": "Lu Ford", "Email": "ada@example.com", "Status": "Open"},
    {"Name": "Max Gray", "Email": "", "Status": "Pending"},
    {"Name": "Nat Hill", "Email": "nat@example.com", "Status": "open"},
]
UNSURE = [*CLEAN, {"Name": "Ned Hale", "Email": "ned@example.com", "Status": "unsure"}]


LOOK = 2.0
"""The seconds between two polls, as the documentation has them."""


class Mock:
    """A mock that runs, and its operator."""

    def __init__(self, url: str) -> None:
        self.url = url

    def admin(self, method: str, path: str, body: Any = None, key: str = KEY) -> Any:
        """One admin call of the session of `key`."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            raw = None if body is None else json.dumps(body)
            connection.request(method, path, raw, {"x-api-key": key, "content-type": "application/json"})
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def advance(self, seconds: float) -> bool:
        """Let so many seconds of the session's time pass."""
        for key in (KEY, OTHER):
            self._pass(seconds, key)
        return True

    def wait(self) -> float:
        """Let time pass to the next change of a run, or a little where none is to come; it counts as `LOOK` seconds."""
        if not self.admin("POST", "/_mock/clock/advance", {"to": "next"}).get("changed"):
            self._pass(LOOK, KEY)
        return LOOK

    def ways(self) -> dict[str, Callable[[], tuple[str, str]]]:
        """Ways to where no request leads: somebody cancels, an engine dies, a destination refuses."""
        return {
            "canceled": self._canceled,
            "stale": self._stale,
            REFUSING: partial(self._exportable, "export-partly-fails"),
            UNREACHABLE: partial(self._exportable, "export-fails"),
        }

    def target(self) -> Target:
        """The target file's equal for this mock."""
        return Target(
            base_url=f"{self.url}/api/v1",
            api_key=KEY,
            other_api_key=OTHER,
            revoked_api_key=REVOKED,
            requests_per_minute=0,
            vouched=True,
            states={
                "completed": Body({"rows": CLEAN}),
                "needs_attention": Body({"rows": FLAGGED}),
                "needs_attention_again": Body({"rows": UNSURE}, ({"question_id": "fq0", "custom": "no such status"},)),
                "failed": Body({"rows": [{"Nom": "Ada"}]}),
                "running": Body({"rows": CLEAN}),
            },
        )

    def _pass(self, seconds: float, key: str) -> None:
        self.admin("POST", "/_mock/clock/advance", {"by": f"{round(seconds * 1000)}ms"}, key)

    def _canceled(self) -> tuple[str, str]:
        company, run = self._started("live")
        self.admin("POST", f"/_mock/runs/{run}/cancel")
        return company, run

    def _stale(self) -> tuple[str, str]:
        return self._started("engine-dies")

    def _exportable(self, scenario: str) -> tuple[str, str]:
        company, run = self._started(scenario)
        self.advance(60)  # long enough for every import that nobody has to decide
        return company, run

    def _started(self, scenario: str) -> tuple[str, str]:
        """A run of the scenario in its ready company, in which nothing may be in flight."""
        answer: Any = None
        try:
            listed = self.admin("GET", "/_mock/scenarios")["scenarios"]
            company = str(next(each["company_id"] for each in listed if each["name"] == scenario))
            answer = self.admin("POST", f"/api/v1/companies/{company}/imports", {"rows": CLEAN})
            return company, str(answer["run_id"])
        except (OSError, HTTPException, ValueError, LookupError, TypeError, StopIteration) as error:
            got = f"got {answer}" if answer is not None else f"{type(error).__name__}: {error}"
            raise Blocked(f"no import of the scenario {scenario!r} could be started: {got}") from error


@lru_cache(maxsize=1)
def _world() -> World:
    """The built-in world, which never changes; read once, however many mocks are made of it."""
    from mock_server.scenarios.catalog import load_world  # noqa: PLC0415 - only for this target

    return load_world()


@contextmanager
def mock(
    *, rate_limit: int | None = None, speed: float = 0, bend: Callable[[Any], Any] | None = None
) -> Iterator[Mock]:
    """The mock on a free port of loopback for as long as the block lasts; its clocks stand still without a speed.

    `bend` wraps the app: that is how the tests make servers that lie.
    """
    import uvicorn  # noqa: PLC0415 - only for this target

    from mock_server.kernel.settings import Settings  # noqa: PLC0415 - only for this target
    from mock_server.server.app import create_app  # noqa: PLC0415 - only for this target

    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(Settings(speed=speed, rate_limit=rate_limit), _world())
    config = uvicorn.Config(
        bend(app) if bend is not None else app, lifespan="off", ws="none", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)

    def serve() -> None:
        try:
            server.run(sockets=[listening])
        finally:
            listening.close()
            app.sessions.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.002)
    try:
        yield Mock(f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True  # it takes some tenths of a second to end, for which nobody has to wait
