"""One request to the admin API: whose it is, when it came, and what it says; every mistake in it is a 400."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from mock_server.contract.nearest import meant
from mock_server.preview.account import Refusal

if TYPE_CHECKING:
    from mock_server.preview.runs import Run
    from mock_server.preview.session import Session
    from mock_server.server.sessions import Sessions


@dataclass(slots=True)
class Order:
    """One request to the admin API, of an accepted key: its session, the real time, and the body it came with."""

    session: Session
    sessions: Sessions
    real: int
    arguments: tuple[str, ...]
    """The segments of the path that stand where the route has `*`."""
    query: Mapping[str, str]
    body: Any
    accept: str = ""
    """The media types that the caller takes, in lower case."""

    @property
    def now(self) -> int:
        """The session's time."""
        return self.session.clock.at(self.real)

    def members(self, *known: str) -> Mapping[str, Any]:
        """The body's members; Refusal 400 when it is no object of these members."""
        if not isinstance(self.body, dict):
            raise Refusal(400, f"the body must be an object with {', '.join(known)}")
        if strange := [name for name in self.body if name not in known]:
            raise Refusal(400, f"{strange[0]!r} is not known here; known: {', '.join(known)}")
        return self.body

    def asked(self, *known: str) -> Mapping[str, str]:
        """The query's parameters; Refusal 400 for one that is not known."""
        if strange := [name for name in self.query if name not in known]:
            raise Refusal(400, f"the query's {strange[0]!r} is not known here{meant(strange[0], known)}")
        return self.query

    @property
    def run(self) -> Run:
        """The run of the path; Refusal 404 when this session has none of that id."""
        run_id = self.arguments[0]
        run = self.session.runs.get(run_id)
        if run is None:
            raise Refusal(404, f"no run {run_id!r} in this session")
        return run


Said = dict[str, Any] | list[Any] | Response
Handler = Callable[[Order], Said | Awaitable[Said]]
"""A handler gives JSON, or an answer of another form; it may wait."""

Orders = dict[str, dict[str, Handler]]
"""Route, with `*` for a segment of the caller's, to method to handler."""
