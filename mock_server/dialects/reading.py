"""A reading: one thing that a server does otherwise than the mock usually does, and that the documentation allows.

It is a value with pure functions; what it changes is an answer before it is sent, or a body before it is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(slots=True)
class Answer:
    """An answer on its way out; what a reading changes here is what the caller gets."""

    operation: str | None
    """The operationId, `put_upload` for a signed URL, None for a path or method that the contract lacks."""
    path: str
    """The request's path."""
    query: Mapping[str, str]
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
    def has_json(self) -> bool:
        """Whether it is an answer of 2xx in JSON."""
        return self.ok and self.body is not None


class RequestBody(NamedTuple):
    """A request's body on its way in."""

    operation: str
    content_type: str | None
    value: Any
    """The JSON value."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading. It may change answers, change a request's body, or refuse one."""

    name: str
    point: str
    """The open point that it reads, or the clause that allows it."""
    does: str
    """The end of the sentence "This server …"."""
    change_answer: Callable[[Answer], None] | None = None
    """Changes an answer in place."""
    change_body: Callable[[RequestBody], Any] | None = None
    """The JSON value that is taken for the one that was sent."""
    refuse: Callable[[RequestBody], tuple[int, str] | None] | None = None
    """Status and text with which a body is refused that the mock would take."""
    rivals: str | None = None
    """The topic that it shares with its rivals; a dialect has only one of them. None: it has no rival."""
    minimal: bool = False
    """Whether the minimal dialect has it."""
    extended: bool = True
    """Whether the extended dialect has it."""

    @property
    def topic(self) -> str:
        """What it is a way of."""
        return self.rivals or self.name

    def as_json(self) -> dict[str, str]:
        """The reading as the admin API and the command line show it."""
        return {"name": self.name, "point": self.point, "does": self.does}
