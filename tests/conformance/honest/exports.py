"""Honest servers whose exports to a destination are otherwise (OP-18, OP-40)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from honesty import Honest, Sent, answered
from places import around, handled

from mock_server.kernel.errors import Refusal
from mock_server.preview import account, operations, preconditions
from mock_server.preview.account import account_of
from mock_server.preview.exports import ExportRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXPORTS_OF = ("DST", "AUTH-02", "ERR", "SEC")


def _refused(status: int, text: str) -> Any:
    """There are no exports to a destination here."""

    def changed(_: Any) -> Any:
        async def start_export(call: Any) -> Any:
            account_of(call.session).company(call.parameters["company_id"])
            raise Refusal(status, text)

        return start_export

    return handled("start_export", changed)


def _started(change: Callable[[Sent], None]) -> Any:
    def changed(sent: Sent) -> None:
        if sent.operation == "start_export":
            change(sent)

    return answered(changed)


def _coded(honest: int, status: int) -> Any:
    def change(sent: Sent) -> None:
        if sent.status == honest:
            sent.status = status

    return _started(change)


def _replayed(sent: Sent) -> None:
    if sent.status == 200:
        sent.status = 201
        sent.body["status"] = "queued"


def _unprocessable(sent: Sent) -> None:
    if sent.status == 400:
        sent.status = 422


def _bare(sent: Sent) -> None:
    if sent.operation == "poll_export" and sent.ok:
        for name in ("progress_message", "error"):
            sent.body.pop(name, None)


def _reported(change: Callable[[Any], None]) -> Any:
    """Change the report of a completed export."""

    def changed(honest: Any) -> Any:
        def pieces(self: Any, end: Any) -> Iterator[bytes]:
            body = orjson.loads(b"".join(honest(self, end)))
            change(body["report"])
            yield orjson.dumps(body)

        return pieces

    return around(ExportRun.pieces, changed)


def _unverified(report: Any) -> None:
    for each in report["results"]:
        each.update(fields_confirmed=None, error=each.get("error"), path="POST /v2/records")
        each["status"] = 204 if each["ok"] else 500


EXPORTS = (
    Honest("OP-18", "offers no exports: 404", _refused(404, "no such thing"), EXPORTS_OF),
    Honest("OP-18", "offers no exports: 422", _refused(422, "choose a writer"), EXPORTS_OF),
    Honest("OP-18", "refuses what is wrong with 422", _started(_unprocessable), EXPORTS_OF),
    Honest(
        "OP-18",
        "runs several exports of a company at once",
        around((account, preconditions.refuse_exporting), lambda _: lambda *_: None),
        EXPORTS_OF,
    ),
    Honest(
        "OP-18",
        "takes exports of companies without a destination",
        around((operations, preconditions.refuse_unconnected), lambda _: lambda *_: None),
        EXPORTS_OF,
    ),
    Honest("OP-18", "says nothing but its status while an export runs or has failed", answered(_bare), EXPORTS_OF),
    Honest("OP-18", "verifies no write", _reported(_unverified), EXPORTS_OF),
    Honest("OP-06", "answers the replay of an export as it answered the start", _started(_replayed), EXPORTS_OF),
    Honest("OP-40", "answers the start of an export with 200", _coded(201, 200), EXPORTS_OF),
    Honest("OP-40", "answers the start of an export with 202", _coded(201, 202), EXPORTS_OF),
)
