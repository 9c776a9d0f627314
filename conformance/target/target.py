"""A target as frozen values: where an implementation is, with which keys, and how its runs get into states.

The rule that it keeps: no key appears in the `repr` of a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

_HEADER_TEXT = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_URL_TEXT = re.compile(r"[!-~]+")


def url_mistake(url: str) -> str | None:
    """Why a text is no base URL; None: it is one."""
    example = "expected one like http://127.0.0.1:9000/api/v1"
    if not _URL_TEXT.fullmatch(url):
        return f"is empty, or has spaces or characters outside ASCII; {example}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"has a host or a port that is not valid; {example}"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return f"has to begin with http:// or https:// and a host; {example}"
    if parts.username is not None:
        return "has a user name or a password in it; the key in api_key is all that is sent"
    if "?" in url or "#" in url:
        return f"has a query or a fragment, but the operations' paths are put behind it; {example}"
    return None


def key_mistake(key: str) -> str | None:
    """Why a text is no API key; None: it is one."""
    if not key:
        return "is empty; set the variable that it names, or leave the member out if there is no such key"
    if not _HEADER_TEXT.fullmatch(key):
        return "has a space at an end, a line break or a character outside ASCII, which no header can carry"
    return None


REQUESTS_PER_MINUTE = 90
RUN_TIMEOUT = 120.0  # seconds
REQUEST_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a start that leads to a state. What it holds is the caller's; `repr` leaves it out."""

    body: Mapping[str, Any] = field(repr=False)
    answers: tuple[Mapping[str, Any], ...] | None = field(default=None, repr=False)
    """What has to be answered on the way; None: nothing is."""


@dataclass(frozen=True, slots=True)
class ExistingRun:
    """A run that is in the state already."""

    owner: str
    run: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command that brings a run into the state and prints its ids; arguments may hold secrets."""

    argv: tuple[str, ...] = field(repr=False)


Way = Body | ExistingRun | Command


@dataclass(frozen=True, slots=True)
class Provision:
    """The suite makes its own; None: with what the account lists."""

    source: str | None = None
    template_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Existing:
    """The suite borrows these."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """All that the suite knows of an implementation beforehand."""

    base_url: str
    """The API root, without a slash at its end."""
    api_key: str = field(repr=False)
    other_api_key: str | None = field(default=None, repr=False)
    revoked_api_key: str | None = field(default=None, repr=False)
    requests_per_minute: int = REQUESTS_PER_MINUTE
    """What may be spent on one endpoint; 0: no limit."""
    tenant: Provision | Existing = Provision()
    """Whose runs the suite starts."""
    states: Mapping[str, Way] = field(default_factory=dict)
    destinations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """What a company is provisioned with to be exported to: a destination that takes every write, and other ones."""
    advance: tuple[str, ...] | None = field(default=None, repr=False)
    """The command that lets time pass; `{seconds}` stands in one of its arguments or more. None: there is none."""
    run_timeout: float = RUN_TIMEOUT
    """Seconds for a run to come to rest."""
    request_timeout: float = REQUEST_TIMEOUT
    """Seconds for an answer."""
    strict: bool = False
    """Whether its ways, its clock and its readings of the open points are known to be the contract's own, as those of
    our mock are: then what they do not lead to is the target's failure."""
    path: Path | None = None
    """The file that this is from: relative commands run in its folder. None: there is no file."""

    @classmethod
    def of_url(cls, base_url: str, api_key: str) -> Target:
        """A target that is known by its URL and key alone; raises ValueError, without repeating either."""
        for name, wrong in (("base_url", url_mistake(base_url)), ("api_key", key_mistake(api_key))):
            if wrong is not None:
                raise ValueError(f"{name} {wrong}")
        return cls(base_url.rstrip("/"), api_key)

    @property
    def folder(self) -> Path | None:
        """Where its commands run."""
        return None if self.path is None else self.path.parent
