"""How the independent implementation is made to lie: one of its rules is bent, before it begins to serve.

A bent server has a process of its own, so nothing is put back. What a lie has to remember it keeps beside itself.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from independent import backstage, catalogue, checking, companies, imports, mending, model, outgoing, web

if TYPE_CHECKING:
    from collections.abc import Callable

MODULES = (backstage, catalogue, checking, companies, imports, mending, model, outgoing, web)
CLASSES = (web.Handler, backstage.Backstage, model.Company, model.Run, mending.Group)

STARTS = r"/imports$"
POLLS = r"/imports/[^/]+$"
DECIDES = r"/decisions$"
UPLOADS = r"/uploads$"
PROVISIONS = r"/companies$"
EXPORTS = r"/exports$"
DOWNLOADS = r"/export\.csv$"


@dataclass(frozen=True, slots=True)
class Bent:
    """A server that is not quite the independent implementation."""

    name: str
    clause: str
    """The clause that it breaks; of an honest one the open point, or a word."""
    kind: str
    does: str
    """What it does, as an end of the sentence "This server …"."""
    make: Callable[[], None]


def put(rule: Any, bend: Callable[..., Any]) -> None:
    """Let `bend`, which is given the honest rule first and then its arguments, stand wherever the rule stands."""
    found = False
    for holder in (*MODULES, *CLASSES):
        for name, value in list(vars(holder).items()):
            if value is rule:
                setattr(holder, name, lambda *given, **named: bend(rule, *given, **named))
                found = True
    if not found:
        raise LookupError(f"nobody holds {rule}")


def lies(into: list[Bent]) -> Callable[..., Callable[[Any], Any]]:
    """A decorator that notes a lie: about a rule what stands in its place, about none what makes the server lie."""

    def lie(clause: str, kind: str, does: str, rule: Any = None) -> Callable[[Any], Any]:
        def note(bend: Any) -> Any:
            name = bend.__name__.replace("_", "-")
            into.append(Bent(name, clause, kind, does, bend if rule is None else lambda: put(rule, bend)))
            return bend

        return note

    return lie


def asks(handler: Any, method: str, path: str) -> bool:
    """Whether the call is one of these."""
    return bool(handler.command == method and re.search(path, urlsplit(handler.path).path))


def keys() -> list[str]:
    """The keys that the server was started with: ours, theirs, the revoked one."""
    return sys.argv[sys.argv.index("--keys") + 1].split(",")


def with_key(handler: Any, key: str) -> None:
    """Let the call come with this key."""
    del handler.headers["x-api-key"]
    handler.headers["x-api-key"] = key


def company_of(handler: Any) -> Any:
    """The company of the path, if the caller's account has it."""
    owner = handler.world.accounts.get(handler.headers.get("x-api-key", ""))
    _, _, _, _, *ids = urlsplit(handler.path).path.split("/")
    return owner.companies.get(ids[0].lower()) if owner and ids else None


def owner_of(world: Any, company: Any) -> Any:
    """The account that has the company."""
    return next(owner for owner in world.accounts.values() if company.id in owner.companies)


def going(run: Any) -> bool:
    """Whether the run has not ended."""
    return run.status not in ("completed", "failed", "canceled")


def active(world: Any, company: Any) -> list[Any]:
    """The company's runs that have not ended by now."""
    return [run for run in imports.settled(world, company) if going(run)]


def unnoticed(runs: list[Any], do: Callable[[], Any]) -> Any:
    """What `do` gives while these runs pass for ended ones."""
    before = [(run, run.status) for run in runs]
    for run in runs:
        run.status = "canceled"
    try:
        return do()
    finally:
        for run, status in before:
            run.status = status


def rewritten(content: bytes, change: Callable[[list[list[str]]], list[list[str]]]) -> bytes:
    """A CSV with other lines."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(
        change(list(csv.reader(io.StringIO(content.decode(), newline=""))))
    )
    return text.getvalue().encode()


def running(run_id: str, company: Any) -> dict[str, Any]:
    """The answer to a decision that was taken."""
    return {"run_id": run_id, "status": "running", "poll_url": f"{imports.API}/companies/{company.id}/imports/{run_id}"}


def provisioned_anyway(honest: Any, world: Any, owner: Any, body: dict[str, Any]) -> Any:
    """A company whose name is taken."""
    answer = honest(world, owner, {**body, "name": f"{body['name']} {model.new_id()}"})
    owner.companies[answer["company"]["id"]].name = answer["company"]["name"] = body["name"]
    return answer
