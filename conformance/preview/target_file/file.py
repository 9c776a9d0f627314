"""A target file, loaded whole or not at all: with every mistake by file, line and column, and no key in a complaint."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from conformance.preview.target_file.form import CODES, mistakes, schema
from conformance.target.target import (
    REQUEST_TIMEOUT,
    REQUESTS_PER_MINUTE,
    RUN_TIMEOUT,
    Body,
    Command,
    Existing,
    ExistingRun,
    Provision,
    Target,
    Way,
)
from conformance.target.variables import fill_in
from mock_server.contract.document import data
from mock_server.contract.yaml_file import BadFiles, Complaint, read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["CODES", "STATES", "load", "template"]

STATES = tuple(schema()["properties"]["states"]["properties"])
"""The states that a target file can give a way to."""


def load(path: Path, environment: Mapping[str, str] | None = None) -> Target:
    """The target of a file; `environment` None: the process's. Raises BadFiles with everything that is wrong."""
    try:
        document = read(path)
    except BadFiles as bad:
        raise BadFiles([_discreet(complaint) for complaint in bad.complaints]) from None
    found: list[Complaint] = []
    value = fill_in(document, os.environ if environment is None else environment, found)
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
        tenant=_tenant(value.get("company") or {}),
        states={state: _way(way) for state, way in (value.get("states") or {}).items()},
        advance=tuple(clock["advance"]["command"]) if clock else None,
        run_timeout=float(timeouts.get("run", RUN_TIMEOUT)),
        request_timeout=float(timeouts.get("request", REQUEST_TIMEOUT)),
        path=path,
    )


def _tenant(value: Mapping[str, Any]) -> Provision | Existing:
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
