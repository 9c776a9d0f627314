"""One call of a client of the Preview generation, as the session's journal has it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.audit.exchange import ClientCall, call_members

if TYPE_CHECKING:
    from collections.abc import Mapping

UPLOAD = "put_upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewCall(ClientCall):
    """A call to an operation of the Preview generation, or to a signed URL that one gave out."""

    company_id: str | None
    upload_ref: str | None
    active_run: str | None
    """The run of the company that was in flight, for a call that names none."""

    @property
    def subject(self) -> dict[str, str | None]:
        """The company that it is about."""
        return {"company_id": self.company_id}

    @property
    def unclear(self) -> bool:
        """As of any call; the answer of a signed URL has no body that a client has to read."""
        return super(PreviewCall, self).unclear and not (self.ok and self.operation == UPLOAD)

    @property
    def is_poll(self) -> bool:
        """Whether it reads a run at its `poll_url`."""
        return self.operation in {"poll_import", "poll_export"}

    @property
    def is_look_up(self) -> bool:
        """Whether it asks for the company's active run, or for its history."""
        return self.operation == "list_imports"

    @property
    def payload(self) -> str | None:
        """What the call asks for apart from its key, so that repetitions are found; None: not wholly known (OP-07)."""
        if not isinstance(self.sent, dict):
            return None
        return json.dumps({name: each for name, each in self.sent.items() if name != "idempotency_key"}, sort_keys=True)


def preview_call(exchange: Mapping[str, Any], order: int) -> PreviewCall:
    """The call that this JSON is of; raises KeyError, TypeError or ValueError when it is of none."""
    return PreviewCall(
        **call_members(exchange, order),
        company_id=exchange["company_id"],
        upload_ref=exchange["upload_ref"],
        active_run=(exchange["in_flight"] or {}).get("run_id"),
    )
