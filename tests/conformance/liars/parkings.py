"""Servers that lie about questions, patches and decisions (QUE, PATCH, DEC)."""

from __future__ import annotations

from typing import Any

from lies import Liar, answers, polls


def _no_actions(body: Any) -> None:
    body.get("needs_attention", {}).get("proposed_patch", {}).pop("actions", None)


def _conflicts_are_fine(_method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    if status == 409 and path.endswith("/decisions"):
        run = path.removesuffix("/decisions")
        return 200, {"run_id": run.rpartition("/")[2], "status": "running", "poll_url": run}
    return status, body


LIARS = (
    Liar("PATCH-01", "proposes a patch without actions", polls(_no_actions)),
    Liar("DEC-24", "accepts a second decision on a parking", answers(_conflicts_are_fine)),
)
