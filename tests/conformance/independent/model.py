"""What there is: accounts, companies, their runs and rows. Times are seconds; a refusal is an exception."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

MOVING = ("queued", "running")


class Refused(Exception):
    """A call that is not carried out: a status and the text of `error`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Column:
    """A template's column. `usual` is what a wrong value is set to, for want of better; it is not published."""

    name: str
    description: str
    rule: str = "none"
    pattern: str = ""
    links: tuple[tuple[str, str], ...] = ()
    """Template id and column name."""
    required: bool = False
    unique: bool = False
    usual: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A shape that rows arrive in."""

    id: str
    name: str
    description: str | None
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A system that rows come from."""

    id: str
    name: str
    logo_url: str | None


@dataclass(slots=True, eq=False)
class Line:
    """A row on its way into a sheet, or in it."""

    sheet: str
    cells: dict[str, str]
    faults: dict[str, str] = field(default_factory=dict)
    """Column to the rule that its cell breaks."""
    kept: set[tuple[str, str]] = field(default_factory=set)
    """Column and rule of the faults that somebody decided to live with."""


@dataclass(slots=True)
class Upload:
    """A file that was announced, and its bytes once they came."""

    ref: str
    content_type: str
    size: int
    created: float
    content: bytes | None = None


@dataclass(slots=True)
class Run:
    """An import. What it shows is derived from what happened to it and from the time."""

    id: str
    created: float
    tables: list[bytes | list[dict[str, Any]]]
    since: float
    status: str = "queued"
    lines: list[Line] = field(default_factory=list)
    error: str = ""
    report: dict[str, Any] | None = None
    parking: dict[str, Any] | None = None
    rejected: bool = False
    dead: bool = False
    """No engine works on it, and its last sign of life was at `since`."""

    @property
    def holds(self) -> bool:
        """Whether its rows are in the sheets."""
        return self.status in ("needs_attention", "completed") or (self.status == "failed" and self.rejected)


@dataclass(slots=True)
class Export:
    """A destination export, with the results that it will have."""

    id: str
    created: float
    report: dict[str, Any]
    error: str


@dataclass(slots=True)
class Company:
    """A customer of the account's."""

    id: str
    name: str
    external_id: str | None
    source: str
    sheets: dict[str, Template]
    """Sheet id to template."""
    connection: dict[str, Any] | None
    """The destination's `base_url` and `auth`."""
    runs: list[Run] = field(default_factory=list)
    exports: dict[str, Export] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Idempotency keys of imports and of exports: the payload's digest, and the first answer."""

    def rows(self, sheet: str) -> list[Line]:
        """What is in the sheet: every import adds to it (OP-29)."""
        return [line for run in self.runs if run.holds for line in run.lines if line.sheet == sheet]


@dataclass(slots=True)
class Account:
    """Whoever holds a key."""

    sources: list[Source]
    templates: list[Template]
    companies: dict[str, Company] = field(default_factory=dict)

    def company(self, company_id: str) -> Company:
        """The account's company of that id."""
        uuid(company_id, "company")
        if company_id not in self.companies:
            raise Refused(404, "this account has no such company")
        return self.companies[company_id]


@dataclass(slots=True)
class World:
    """Everything, and the time in it."""

    accounts: dict[str, Account]
    """By API key."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    ahead: float = 0.0
    """Seconds by which the world's clock is ahead of the machine's."""
    storage: str = ""
    """Where signed uploads go."""

    def now(self) -> float:
        """The time."""
        return time.time() + self.ahead


def uuid(text: Any, what: str) -> str:
    """The text, if it has the form of an id (OP-23: else the call is malformed)."""
    try:
        return str(UUID(text))
    except (ValueError, TypeError, AttributeError):
        raise Refused(400, f"{what}: not a UUID") from None


def new_id() -> str:
    """A fresh id."""
    return str(uuid4())


def stamp(seconds: float) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
