"""The clauses of the contract as the suite names them: their ids are addresses, on the command line and in reports.

Texts, levels, actors and open points stand in `openapi/clauses.yaml` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from mock_server.contract.document import load_yaml
from mock_server.contract.nearest import nearest

CORE = ("AUTH", "ERR", "RUN", "POLL", "ACT", "HIST", "STALE", "QUE", "PATCH", "DEC")
"""The areas of the `core` profile: polling an import and resolving its flagged rows."""


class UnknownClause(LookupError):
    """A word that names no clause, area or profile; its text says which was meant."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One testable sentence of the contract."""

    id: str
    actor: str
    level: str
    text: str
    page: tuple[str, ...]
    """The documentation pages that say it; empty where it follows from several or from none."""
    operations: tuple[str, ...]
    """The operations that it is about; empty where it is about all of them."""
    open_points: tuple[str, ...]
    not_tested: str | None = None
    """Why no check can try a server for it; None where one does."""
    no_rule: str | None = None
    """Why no rule of the report card can hold a client to it; None where one does."""

    @property
    def area(self) -> str:
        """The letters before its number."""
        return area_of(self.id)

    @property
    def binds_servers(self) -> bool:
        """True when a server has to obey it."""
        return self.actor != "client"


def area_of(clause_id: str) -> str:
    """The letters of a clause's id that name its area."""
    return clause_id.partition("-")[0]


@lru_cache(maxsize=1)
def load() -> Mapping[str, Clause]:
    """Every clause by its id, in the contract's order."""
    document, found = load_yaml("clauses"), {}
    for entry in document["clauses"]:
        operation = entry["operation"] or ()
        lists = {
            "page": tuple(document["pages"][page] for page in entry["page"]),
            "operations": (operation,) if isinstance(operation, str) else tuple(operation),
            "open_points": tuple(entry.get("open_points", ())),
        }
        members = {name: each for name, each in entry.items() if name != "operation"}
        found[entry["id"]] = Clause(**members | lists)
    return found


def server_clauses(among: Mapping[str, Clause] | None = None) -> dict[str, Clause]:
    """The clauses that a server has to obey, alone or with its clients; `among` is what is chosen from."""
    return {clause.id: clause for clause in (among or load()).values() if clause.binds_servers}


def profile(name: str, among: Mapping[str, Clause] | None = None) -> dict[str, Clause]:
    """The server clauses of a profile: `core` or `full`; `among` is what is chosen from."""
    if name not in {"core", "full"}:
        raise UnknownClause(f"no profile '{name}'. There are: core, full")
    return {each.id: each for each in server_clauses(among).values() if name == "full" or each.area in CORE}


def select(patterns: Iterable[str], among: Mapping[str, Clause] | None = None) -> dict[str, Clause]:
    """The clauses that areas and ids name (`DEC`, `POLL-04`), in the contract's order; all of them when none is named.

    `among` is what is chosen from: the server clauses, unless it is given.
    """
    clauses = server_clauses() if among is None else dict(among)
    wanted = {pattern.strip().upper() for pattern in patterns if pattern.strip()}
    chosen = dict.fromkeys(clause.area for clause in clauses.values())
    for word in sorted(wanted):
        if word not in chosen and word not in clauses:
            raise UnknownClause(_complaint(word, clauses, chosen))
    return {clause.id: clause for clause in clauses.values() if not wanted or wanted & {clause.id, clause.area}}


def _complaint(word: str, clauses: Mapping[str, Clause], chosen: Iterable[str]) -> str:
    known = load()
    if word in known and not known[word].binds_servers:
        return f"{word} binds clients, so no server can be tried for it: {known[word].text}"
    if word in known or word in area_names():
        return f"{word} has no clause among those chosen from. Areas there: {', '.join(sorted(chosen)) or 'none'}"
    # "DEK-24" is near to DEC-24, and "DEC-99" to all of DEC: an id is compared with ids, a bare word with areas.
    near = nearest(word, clauses) if "-" in word else nearest(word, chosen)
    hint = f"; did you mean '{near}'?" if near else "."
    return f"no clause or area '{word}'{hint} Areas: {', '.join(chosen)}"


def area_names() -> dict[str, str]:
    """What the letters before a clause's number stand for."""
    return dict(load_yaml("clauses")["areas"])


def open_points() -> dict[str, str]:
    """What each point asks that the documentation leaves open. Every reading that it allows passes."""
    return dict(load_yaml("clauses")["open_points"])
