"""A target file as frozen values: where an implementation is, with which keys, and how its runs get into states.

The rule that it keeps: a file is loaded whole or not at all, with every mistake by file, line and column; and no key
appears in a complaint or in the `repr` of a value.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.target.form import CODES, mistakes
from conformance.target.rules import key_mistake, url_mistake
from conformance.target.variables import filled_in
from mock_server.contract.document import data
from mock_server.contract.yaml_file import BadFiles, Complaint, read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "CODES",
    "STATES",
    "Body",
    "Command",
    "Existing",
    "ExistingRun",
    "Provision",
    "Target",
    "Way",
    "load",
]

STATES = ("completed", "needs_attention", "needs_attention_again", "failed", "canceled", "stale", "running")
"""The states that a target file can give a way to."""

REQUESTS_PER_MINUTE = 90
RUN_TIMEOUT = 120.0
REQUEST_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Body:
    """The JSON body of POST imports that leads to a state. What it holds is the caller's; `repr` leaves it out."""

    body: Mapping[str, Any] = field(repr=False)
    answers: tuple[Mapping[str, Any], ...] | None = field(default=None, repr=False)
    """For `needs_attention_again`: what the first parking is approved with; None: the patch as it is."""


@dataclass(frozen=True, slots=True)
class ExistingRun:
    """A run that is in the state already."""

    company: str
    run: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command that brings a run into the state and prints `{"company": …, "run": …}`; arguments may hold secrets."""

    argv: tuple[str, ...] = field(repr=False)


Way = Body | ExistingRun | Command


@dataclass(frozen=True, slots=True)
class Provision:
    """The suite provisions its own companies; None: with what the account lists."""

    source: str | None = None
    template_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Existing:
    """The suite borrows these companies."""

    companies: tuple[str, ...]


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
    company: Provision | Existing = Provision()
    states: Mapping[str, Way] = field(default_factory=dict)
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

    @property
    def secrets(self) -> tuple[str, ...]:
        """The keys, which no log and no report may show."""
        return tuple(key for key in (self.api_key, self.other_api_key, self.revoked_api_key) if key is not None)


def load(path: Path, environment: Mapping[str, str] | None = None) -> Target:
    """The target of a file; `environment` None: the process's. Raises BadFiles with everything that is wrong."""
    try:
        document = read(path)
    except BadFiles as bad:
        raise BadFiles([_discreet(complaint) for complaint in bad.complaints]) from None
    found: list[Complaint] = []
    value = filled_in(document, os.environ if environment is None else environment, found)
    found += mistakes(document, value)
    if found:
        raise BadFiles(found)
    return _target(value, path)


def template() -> str:
    """The text of a new target file, in order as it stands: with all else there is in comments.

    `# Words`, behind one space, are for people; any other `#` is removed to put members to use.
    """
    return data("openapi", "target.template.yaml").read_text("utf-8")


_UNQUOTED = {
    "E104": "expected members (`name: value`), but the file is empty or holds something else",
    "E106": "anchors and aliases are not used here; put text that begins with & or * in quotes",
    "E107": "tags are not used here; put text that begins with ! in quotes",
    "E109": "this is not a number that JSON can carry; put it in quotes if it is text",
}
"""What the YAML reader says by quoting the file, said without."""


def _discreet(complaint: Complaint) -> Complaint:
    """A YAML reader's complaint as one about a target file: its own code, and nothing quoted that may be a key."""
    message = _UNQUOTED.get(complaint.code, complaint.message)
    if complaint.code == "E100":
        message = re.sub(r"'[^'<]{5,}'", "'…'", message)
    elif complaint.code == "E103":  # of `{api_key:secret}` the name is all of it
        message = re.sub(r":.*'", ":…'", message)
    return Complaint(complaint.file, complaint.line, complaint.column, f"T{complaint.code[1:]}", message)


def _target(value: Mapping[str, Any], path: Path) -> Target:
    """The values of a file that is in order."""
    timeouts = value.get("timeouts") or {}
    clock = value.get("clock")
    return Target(
        base_url=value["base_url"].rstrip("/"),
        api_key=value["api_key"],
        other_api_key=value.get("other_api_key"),
        revoked_api_key=value.get("revoked_api_key"),
        requests_per_minute=int(value.get("requests_per_minute", REQUESTS_PER_MINUTE)),
        company=_company(value.get("company") or {}),
        states={state: _way(way) for state, way in (value.get("states") or {}).items()},
        advance=tuple(clock["advance"]["command"]) if clock else None,
        run_timeout=float(timeouts.get("run", RUN_TIMEOUT)),
        request_timeout=float(timeouts.get("request", REQUEST_TIMEOUT)),
        path=path,
    )


def _company(value: Mapping[str, Any]) -> Provision | Existing:
    if "existing" in value:
        return Existing(tuple(value["existing"]))
    provision = value.get("provision") or {}
    templates = provision.get("template_ids")
    return Provision(provision.get("source"), None if templates is None else tuple(templates))


def _way(value: Mapping[str, Any]) -> Way:
    match value:
        case {"run": {"company": company, "run": run}}:
            return ExistingRun(company, run)
        case {"command": argv}:
            return Command(tuple(argv))
    answers = value.get("answers")
    return Body(value["body"], None if answers is None else tuple(answers))
