"""Servers that learn what became of a run when somebody reads it: what may begin by then, and be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lies import Liar, Lie
from places import all_of, around
from runlies import busy
from twisting import anew, asks, import_of

from mock_server.http import messages as http
from mock_server.kernel.errors import Refusal
from mock_server.preview import account, preconditions
from mock_server.preview import operations as api

if TYPE_CHECKING:
    from starlette.responses import Response
    from twisting import Answers, Bend

    from mock_server.preview.companies import Company
    from mock_server.session.exchange import Exchange as Call


def _unread_runs(honest: Any) -> Any:
    def refuse_busy(company: Company, now: int) -> None:
        if company.imports and company.imports[-1].kept is not None:
            honest(company, now)

    return refuse_busy


def _end_unread(company: Company, now: int) -> bool:
    if not company.imports:
        return False
    run = company.imports[-1]
    return not run.life(now).terminal or (run.kept is not None and not run.kept[0].terminal)


def _once_after_reject() -> Lie:
    refused: set[str] = set()

    def blocks(company: Company, now: int) -> bool:
        state = company.imports[-1].life(now) if company.imports else None
        if state is None or not state.terminal:
            return state is not None
        late = state.rejected and company.imports[-1].id not in refused
        refused.add(company.imports[-1].id)
        return late

    return busy(blocks)


def _as_last_told() -> Bend:
    async def bend(call: Call, body: Any, answer: Answers) -> Response:
        found = import_of(call)
        try:
            return await answer(body)
        except Refusal as refusal:
            if refusal.status != 409 or found is None or found[0].kept is None:
                raise
            if found[0].kept[0].status != "needs_attention":
                raise
            return http.answer(found[0].accepted("running"))

    return bend


_BUSY = all_of(*(around((module, preconditions.refuse_busy), _unread_runs) for module in (api, account)))

LIARS = (
    Liar("IMP-09", "learns of a run when somebody reads it", _BUSY, ("IMP-13",)),
    Liar("IMP-11", "learns that a run has ended when somebody reads it", busy(_end_unread), ("DEC-34",)),
    Liar("DEC-34", "is busy once more after a rejection", anew(_once_after_reject), ("IMP-11",)),
    Liar("DEC-24", "takes decisions on what it told last", asks("decide", _as_last_told), ("DEC-23", "DEC-25")),
)  # fmt: skip
