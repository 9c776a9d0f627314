"""The calls that are legal for a run in each status, for a company without one, and without a company.

A table from status to operations; the contract knows the paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.contract.document import Contract
    from mock_server.preview.lifecycle import Status

_UNDER_WAY = (
    ("poll_import", "after about 2 s, and then less often [POLL-23]"),
    ("list_imports", "?status=active finds the run again when its id was lost [ACT-01]"),
    ("start_import", "only to repeat the start with its own idempotency_key [IDEM-02]"),
)
_OVER = (
    ("poll_import", "any number of times: the answer stays as it is [RUN-03]"),
    ("start_import", "a new import [IMP-11]"),
    ("export_csv", "what is in the sheets"),
    ("start_export", "where the company has a destination"),
)
IMPORT: dict[Status, tuple[tuple[str, str], ...]] = {
    "queued": _UNDER_WAY,
    "running": _UNDER_WAY,
    "needs_attention": (
        ("decide", "approve, with answers or without, or reject: one decision [DEC-01, DEC-31]"),
        ("poll_import", "nothing changes until somebody decides [RUN-07]"),
        ("export_csv", "what is in the sheets"),
    ),
    "completed": _OVER,
    "failed": _OVER,
    "canceled": _OVER,
}
"""What is legal for an import in each status: the operation, and a remark."""
_EXPORTING = (("poll_export", "after about 2 s, and then less often [POLL-23]"),)
_EXPORTED = (
    ("poll_export", "any number of times: the answer stays as it is [RUN-03]"),
    ("start_export", "a new export [DST-01]"),
)
_FREE = (
    ("start_import", "with files or rows [IMP-01, IMP-02]"),
    ("request_upload", "for a file to import [UPL-01]"),
    ("list_imports", "the company's history [HIST-01]"),
    ("export_csv", "what is in the sheets"),
)
_NOBODY = (("provision_company", "a company of your own; its id comes back [PROV-02]"),)


def of_run(contract: Contract, kind: str, status: Status, ids: Mapping[str, str]) -> list[dict[str, str]]:
    """The calls that are legal for a run in this status; `ids` fill the paths."""
    if kind == "import":
        return _describe(contract, IMPORT[status], ids)
    return _describe(contract, _EXPORTING if status in {"queued", "running"} else _EXPORTED, ids)


def of_company(contract: Contract, ids: Mapping[str, str]) -> list[dict[str, str]]:
    """The calls that are legal for a company in which nothing is in flight."""
    return _describe(contract, _FREE, ids)


def of_nobody(contract: Contract) -> list[dict[str, str]]:
    """The calls that need no company."""
    return _describe(contract, _NOBODY, {})


def _describe(contract: Contract, calls: tuple[tuple[str, str], ...], ids: Mapping[str, str]) -> list[dict[str, str]]:
    return [contract.operations[operation_id].described(ids, remark) for operation_id, remark in calls]
