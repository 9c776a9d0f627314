"""One exchange as a plain value: what the client sent, and what it can have learned from the answer.

It is read from the JSON of `GET /_mock/requests`, which is also how an exported bundle keeps it. Instants are whole
milliseconds: `real` of the server's clock, `at` of the session's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
UPLOAD = "put_upload"


@dataclass(frozen=True, slots=True)
class Seen:
    """One exchange of a session's journal."""

    order: int
    """Its place among the exchanges that are judged."""
    id: str
    """What the answer's `x-mock-request-id` said."""
    real: int
    """When it arrived, on the server's clock."""
    ended: int | None
    """When it was over, on the server's clock; None: it is still under way."""
    at: int
    """When it arrived, on the session's clock; 0 for a call that belongs to no session."""
    method: str
    path: str
    query: str
    operation: str | None
    company_id: str | None
    run_id: str | None
    upload_ref: str | None
    active_run: str | None
    """The run of the company that was in flight, for a call that names none."""
    before: str | None
    """The status of the run when the call arrived."""
    status: int | None
    lost: bool
    """True when the client got no whole answer."""
    cut: bool
    """True when the journal kept less of the answer than the client got."""
    key_in_url: bool
    stray: bool
    """True for a call without an accepted key."""
    headers: Mapping[str, str]
    """The request's, their names in lower case."""
    asked: Any
    """The request's body as JSON; None: it had none, or is not wholly known."""
    told: Any
    """The answer's body as JSON, when the client got all of it and could read it; else None."""

    @property
    def whole(self) -> bool:
        """Whether the client got an answer, of whatever status."""
        return self.status is not None and not self.lost

    @property
    def ok(self) -> bool:
        """Whether the client was told that it worked."""
        return self.whole and self.status is not None and self.status < 300

    @property
    def unclear(self) -> bool:
        """Whether the client cannot know if the call had its effect: no answer, a 5xx, or one that it cannot read."""
        if self.ended is None and self.status is None:
            return False  # still under way
        if not self.whole or self.status is None or self.status >= 500:
            return True
        return self.status < 300 and self.told is None and not self.cut and self.operation != UPLOAD

    @property
    def poll(self) -> bool:
        """Whether it reads a run at its `poll_url`."""
        return self.operation in {"poll_import", "poll_export"}

    @property
    def look_up(self) -> bool:
        """Whether it asks for the company's active run, or for its history."""
        return self.operation == "list_imports"

    def member(self, name: str) -> Any:
        """A member of the request's body; None: it has none of that name."""
        return self.asked.get(name) if isinstance(self.asked, dict) else None

    @property
    def payload(self) -> str | None:
        """What the call asks for apart from its key, so that repetitions are found; None: not wholly known (OP-07)."""
        if not isinstance(self.asked, dict):
            return None
        asked = {name: each for name, each in self.asked.items() if name != "idempotency_key"}
        return json.dumps(asked, sort_keys=True)


def seen(exchange: Mapping[str, Any], order: int) -> Seen:
    """The exchange that this JSON tells of; raises KeyError, TypeError or ValueError when it is none."""
    request, answer = exchange["request"], exchange["answer"]
    sent, received = _headers(request), _headers(answer)
    readable = not exchange["lost"] and received.get("content-type", "").partition(";")[0].strip().lower() == JSON
    return Seen(
        order=order,
        id=exchange["id"],
        real=exchange["real"],
        ended=exchange["ended"],
        at=0 if exchange["at"] is None else round(datetime.fromisoformat(exchange["at"]).timestamp() * 1_000),
        method=exchange["method"],
        path=exchange["path"],
        query=exchange["query"],
        operation=exchange["operation"],
        company_id=exchange["company_id"],
        run_id=exchange["run_id"],
        upload_ref=exchange["upload_ref"],
        active_run=(exchange["in_flight"] or {}).get("run_id"),
        before=exchange["before"],
        status=exchange["status"],
        lost=exchange["lost"],
        cut=answer["cut"],
        key_in_url=exchange["key_in_url"],
        stray=exchange["id"].startswith("stray"),
        headers=sent,
        asked=_json(request),
        told=_json(answer) if readable else None,
    )


def _headers(part: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in reversed(part["headers"])}


def _json(part: Mapping[str, Any]) -> Any:
    """The body as JSON; None where it is none, or not all of it was kept."""
    if part["cut"] or part["encoding"] != "utf-8" or not part["body"]:
        return None
    try:
        return json.loads(part["body"])
    except (ValueError, RecursionError):
        return None
