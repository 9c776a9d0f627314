"""A reading: one thing that a server does otherwise than the mock usually does, and that the documentation allows.

It is a value with pure functions; what it changes is an answer before it is sent, or a body before it is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(slots=True)
class Said:
    """An answer on its way out; what a reading changes here is what the caller gets."""

    operation: str | None
    """The operationId, `put_upload` for a signed URL, None for a path or method that the contract lacks."""
    query: Mapping[str, str]
    ids: tuple[str, ...]
    """The ids in the request's path."""
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """The JSON value; None where the answer is a download or has no JSON."""
    indented: bool = False
    """Whether the JSON takes many lines."""

    @property
    def ok(self) -> bool:
        """Whether it is 2xx."""
        return 200 <= self.status < 300

    @property
    def told(self) -> bool:
        """Whether it is an answer of 2xx in JSON."""
        return self.ok and self.body is not None

    @property
    def of_import(self) -> bool:
        """Whether the body is an import as a poll shows it."""
        if self.operation == "list_imports":
            return self.told and isinstance(self.body, dict) and "status" in self.body
        return self.operation == "poll_import" and self.told

    @property
    def is_page(self) -> bool:
        """Whether the body is a page of the history, in the mock's own form."""
        return self.operation == "list_imports" and self.told and isinstance(self.body, dict) and "runs" in self.body


class Heard(NamedTuple):
    """A request's body on its way in."""

    operation: str
    content_type: str | None
    body: Any


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading. It may change answers, change a request's body, or refuse one."""

    name: str
    point: str
    """The open point that it reads, or the clause that allows it."""
    does: str
    """The end of the sentence "This server …"."""
    says: Callable[[Said], None] | None = None
    """Changes an answer in place."""
    hears: Callable[[Heard], Any] | None = None
    """The body that is taken for the one that was sent."""
    refuses: Callable[[Heard], tuple[int, str] | None] | None = None
    """Status and text with which a body is refused that the mock would take."""
    instead: str | None = None
    """What it is a way of, where it has rivals; only one of them can be spoken at a time. None: its own name."""

    @property
    def about(self) -> str:
        """What it is a way of."""
        return self.instead or self.name
