"""Our own mock in this process.

This is the one module that knows the mock as more than a URL: it hosts it, and steers its clock over its admin API.
What the checks see is HTTP alone.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mock_server.scenarios.catalog import World

KEY, OTHER, REVOKED = "conformance-mock", "conformance-other", "revoked-conformance"

NO_ANSWER = (OSError, HTTPException, ValueError, LookupError, TypeError)
"""What an admin call raises whose answer is none, or lacks what is looked for in it."""
LOOK = 2.0
"""The seconds between two polls, as the documentation has them."""


class Host:
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

    def _pass(self, seconds: float, key: str) -> None:
        self.admin("POST", "/_mock/clock/advance", {"by": f"{round(seconds * 1000)}ms"}, key)


@lru_cache(maxsize=1)
def _world() -> World:
    """The built-in world, which never changes; read once, however many mocks are made of it."""
    from mock_server.preview.language import load_world  # noqa: PLC0415 - only for this target

    return load_world()


@contextmanager
def host(*, rate_limit: int | None = None, speed: float = 0, bend: Callable[[Any], Any] | None = None) -> Iterator[str]:
    """The URL of a mock while the block lasts; without a speed its clocks stand still.

    `bend` wraps the app: that is how the tests make servers that lie.
    """
    from mock_server.kernel.settings import Settings  # noqa: PLC0415 - only for this target
    from mock_server.preview.generation import create_app  # noqa: PLC0415 - only for this target

    app = create_app(Settings(speed=speed, rate_limit=rate_limit), _world())
    with serve(bend(app) if bend is not None else app, app.sessions.close) as url:
        yield url


@contextmanager
def serve(app: Any, close: Callable[[], None]) -> Iterator[str]:
    """The URL of an ASGI app on a free port of loopback while the block lasts; `close` is called when it has ended."""
    import uvicorn  # noqa: PLC0415 - only for this target

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)

    def run() -> None:
        try:
            server.run(sockets=[listening])
        finally:
            listening.close()
            close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.002)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True  # it takes some tenths of a second to end, for which nobody has to wait
