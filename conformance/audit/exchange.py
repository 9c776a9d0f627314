"""One exchange as a plain value: what the client sent, and what it can have learned from the answer.

It is read from the JSON of `GET /_mock/requests`, which is also how an exported bundle keeps it. Instants are whole
milliseconds: `real` of the server's clock, `at` of the session's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCall:
    """One exchange of a session's journal, as far as every generation of the API has it."""

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
    run_id: str | None
    before: str | None
    """The status of the run when the call arrived."""
    status: int | None
    lost: bool
    """True when the client got no whole answer."""
    cut: bool
    """True when the journal kept less of the answer than the client got."""
    key_in_url: bool
    headers: Mapping[str, str]
    """The request's, their names in lower case."""
    sent: Any
    """The request's body as JSON; None: it had none, it is something else, or it is not wholly known."""
    raw: str | None
    """The request's body as it came; None: it is not wholly known."""
    received: Any
    """The answer's body as JSON, when the client got all of it and could read it; else None."""

    @property
    def subject(self) -> dict[str, str | None]:
        """What it is about besides a run, by the API's own names."""
        return {}

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
        return self.status < 300 and self.received is None and not self.cut

    def member(self, name: str) -> Any:
        """A member of the request's body; None: it has none of that name."""
        return self.sent.get(name) if isinstance(self.sent, dict) else None

    def answer_member(self, name: str) -> Any:
        """A member of the answer's body; None: it has none of that name."""
        return self.received.get(name) if isinstance(self.received, dict) else None


def call_members(exchange: Mapping[str, Any], order: int) -> dict[str, Any]:
    """The members of a `ClientCall`, from its JSON; raises KeyError, TypeError or ValueError when that is of none."""
    request, answer, at = exchange["request"], exchange["answer"], exchange["at"]
    content_type = _headers(answer).get("content-type", "").partition(";")[0].strip().lower()
    same = ("id", "real", "ended", "method", "path", "query", "operation", "run_id", "before", "status", "lost")
    return {name: exchange[name] for name in (*same, "key_in_url")} | {
        "order": order,
        "at": 0 if at is None else round(datetime.fromisoformat(at).timestamp() * 1_000),
        "cut": answer["cut"],
        "headers": _headers(request),
        "sent": _json(request),
        "raw": None if request["cut"] else request["body"],
        "received": _json(answer) if content_type == JSON and not exchange["lost"] else None,
    }


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
