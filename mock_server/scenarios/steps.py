"""The steps of a play, one class a verb: what a partner does and sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.contract.words import Vocabulary
from mock_server.contract.yaml_file import kind
from mock_server.scenarios.model import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Start(Step):
    """Starts an import, with rows, a file, or rows that do not matter."""

    verb = "start"
    members = ("key", "rows", "file", "name", "refused", "replayed", "lost")

    @classmethod
    def misfits(cls, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """`rows` are those to send."""
        if isinstance(rows := entry.get("rows"), int):
            yield "rows", "E203", f"'rows': expected the rows to send, got {kind(rows)}"


class See(Step):
    """Reads the run once and expects a status."""

    verb = "see"
    members = ("refused", "lost", "inserted", "flagged", "questions", "actions", "asks", "error", "times")

    @classmethod
    def misfits(cls, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Only an answer that shows nothing leaves the status open."""
        if entry["see"] is None and not {"refused", "lost"} & entry.keys():
            yield "see", "E204", "'see': expected a status, or `refused` or `lost` beside it"


class Wait(Step):
    """Lets the session's clock pass."""

    verb = "wait"


class Approve(Step):
    """Approves the parked run, with answers or as proposed."""

    verb = "approve"
    members = ("answers", "refused", "lost")


class Reject(Step):
    """Rejects the parked run."""

    verb = "reject"
    members = ("refused", "lost")


class Cancel(Step):
    """An operator cancels the run."""

    verb = "cancel"


class Advance(Step):
    """An operator plays the next beat; for pace manual."""

    verb = "step"


class Active(Step):
    """Looks up the active run, and takes over its id."""

    verb = "active"


class Lose(Step):
    """The client forgets the id of its run."""

    verb = "lose"


class History(Step):
    """Reads the history, newest first, and expects so many runs."""

    verb = "history"


class Download(Step):
    """Downloads a sheet as CSV."""

    verb = "download"
    members = ("rows", "filter", "column", "values")

    @classmethod
    def misfits(cls, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """`rows` are counted."""
        if isinstance(entry.get("rows"), list):
            yield "rows", "E203", "'rows': expected how many rows the file has, got a list"


class Export(Step):
    """Starts an export to the destination."""

    verb = "export"
    members = ("refused", "lost")


class SeeExport(Step):
    """Reads the export once and expects a status."""

    verb = "see_export"
    members = ("total", "succeeded", "failed", "hollow", "error")


STEPS = Vocabulary(
    "step",
    *(Start, See, Wait, Approve, Reject, Cancel, Advance, Active, Lose, History, Download, Export, SeeExport),
)
