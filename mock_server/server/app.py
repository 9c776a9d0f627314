"""The ASGI app: which list of steps answers a request, and one line in the log for each. Composition only."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from mock_server.http.direct import without_chunks
from mock_server.http.messages import error, plain_path
from mock_server.server.browsers import answer_preflight, cors, refuse_host
from mock_server.server.pages import Pages
from mock_server.server.pipeline import CALL, ELSEWHERE, SIGNED, respond
from mock_server.session.exchange import Exchange
from mock_server.session.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import Receive, Scope, Send

    from mock_server.kernel.settings import Settings
    from mock_server.scenarios.catalog import World
    from mock_server.server.pipeline import Step
    from mock_server.session.generation import Generation

MOST_HEADERS = 1_000
"""Headers that a request may have; each takes some hundred bytes of memory, however short it is."""


class Finished(NamedTuple):
    """One finished request, for the log."""

    method: str
    path: str
    status: int
    """0 when the client got no answer: it hung up, or a fault took the answer away."""
    milliseconds: float
    operation: str | None
    note: str | None
    """What helps whoever reads the log: the nearest operation, or the text of a refusal."""


class App:
    """The mock of one generation as an ASGI application."""

    def __init__(
        self,
        settings: Settings,
        world: World,
        generation: Generation,
        log: Callable[[Finished], None] | None = None,
        is_known: Callable[[bytes | None], bool] = lambda _: True,
    ) -> None:
        world.scenario(settings.scenario)
        self.settings = settings
        self.sessions = Sessions(settings, world, generation)
        self.log = log
        self._prefix = f"{generation.contract.prefix}/"
        self._signed = generation.signed
        self._is_known = is_known
        self._pages = Pages(self.sessions, generation.pages)

    @property
    def world(self) -> World:
        """Contract, catalogue and scenarios."""
        return self.sessions.world

    def reload(self, world: World) -> None:
        """Take other scenarios, for the runs that start afterwards."""
        self.sessions.world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; every failure becomes the contract's error body."""
        if scope["type"] != "http":
            return
        if b"%" in scope["raw_path"]:
            scope["path"] = plain_path(scope["raw_path"])
        path: str = scope["path"]
        if scope["http_version"] == "1.0":
            send = without_chunks(send)
        exchange, begun, status = Exchange(scope, receive, send, self.sessions), perf_counter(), 0
        try:
            if len(scope["headers"]) > MOST_HEADERS:
                status, exchange.note = 431, f"the request has more than {MOST_HEADERS:,} headers"
                await error(status, exchange.note)(scope, receive, send)
            elif not self._is_known(exchange.host):
                status = await respond(exchange, (refuse_host,))
            elif path.startswith(self._prefix):
                status = await respond(exchange, CALL if exchange.page is None else self._for_page(exchange, CALL))
            elif self._pages.has(path):
                status = await self._pages.respond(exchange)
            else:
                exchange.signed = next((each for each in self._signed if path.startswith(each.prefix)), None)
                steps = ELSEWHERE if exchange.signed is None else SIGNED
                status = await respond(exchange, self._for_page(exchange, steps))
        finally:
            if self.log is not None:
                elapsed = (perf_counter() - begun) * 1_000
                path, operation, note = exchange.told()
                self.log(Finished(scope["method"], path, status, elapsed, operation, note))

    def _for_page(self, exchange: Exchange, steps: Sequence[Step]) -> Sequence[Step]:
        """The steps of a call that a browser may send for a page; without --cors no page is known here."""
        if exchange.page is None or not self.settings.origins:
            return steps
        exchange.cors = cors(self.settings, exchange.page)
        asks = exchange.scope["method"] == "OPTIONS" and exchange.header(b"access-control-request-method") is not None
        return (answer_preflight,) if asks else steps
