"""The failures that somebody expects of a target: a file of clauses and reasons, kept beside the target.

The file is held in both directions: a failure that it does not name is one, and so is an entry that no longer fails.

    # known-failures.yaml
    DEC-24: our ticket 118, due in May
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.model.clauses import server_clauses
from mock_server.contract.nearest import nearest
from mock_server.contract.yaml_file import BadFiles
from mock_server.contract.yaml_reader import parse, read

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


def mismatches(failed: Collection[str], passed: Collection[str], expected: Mapping[str, str]) -> list[str]:
    """Where a run departs from the expected failures, a sentence each; a clause that was not tried says nothing."""
    new = [f"{clause} failed, and the baseline does not expect it" for clause in failed if clause not in expected]
    stale = "{} passed, but the baseline expects it to fail ({}); take the entry out"
    return new + [stale.format(*entry) for entry in expected.items() if entry[0] in passed]


def load(path: Path, known: Collection[str] | None = None, kind: str = "server clause") -> dict[str, str]:
    """The expected failures of a file, clause to reason; raises BadFiles with all that is wrong with it.

    `known` are the words that it may hold, of that kind, where those are other than the server clauses.
    """
    document = read(path) if _says_something(path) else parse("{}", str(path))
    known = server_clauses() if known is None else known
    listing = "`vern-conformance list`" if kind == "server clause" else "docs/report-card.md"
    found = []
    for clause, reason in document.value.items():
        if clause not in known:
            near = nearest(clause, known)
            hint = f"; did you mean '{near}'?" if near else f"; {listing} shows them all"
            found.append(document.complain("E601", (clause,), f"no {kind} '{clause}'{hint}", key=True))
        elif not isinstance(reason, str) or not reason.strip():
            expected = f"expected the reason why {clause} may fail, as a line of text"
            found.append(document.complain("E602", (clause,), expected))
    if found:
        raise BadFiles(found)
    return {clause: reason.strip() for clause, reason in document.value.items()}


def _says_something(path: Path) -> bool:
    """False for a file of comments alone: the list from which the last entry was taken out."""
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError:
        return True  # the reader says what is wrong
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in lines)
