"""An integration as the documentation wants it, with nothing but httpx2: the report card has nothing to say about it.

Time is the caller's: `wait` is told how many seconds to let pass. What the client relies on stands beside the clause.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

TERMINAL = ("completed", "failed", "canceled")
FIRST, GROWTH, LONGEST = 2.0, 1.3, 30.0
PATIENCE = 4_200.0
"""Seconds after which a run is given up; more than an hour (STALE-06)."""


class GaveUp(Exception):
    """The call or the run cannot be brought to an end; the text says what was tried."""


@dataclass(frozen=True)
class Run:
    """An accepted run: its id, and the absolute URL that it is read at."""

    id: str
    url: str


_trusted = lru_cache(maxsize=1)(httpx2.create_ssl_context)
"""What the machine trusts, read once: it takes longer than a whole import."""


class Exemplary:
    """One partner's backend, talking to the API with one key."""

    def __init__(
        self,
        url: str,
        key: str,
        wait: Callable[[float], object],
        *,
        decision: str = "approve",
        look_up: Callable[[str], Mapping[str, Any]] | None = None,
    ) -> None:
        self.origin = url
        self.wait = wait
        self.decision = decision
        self.look_up = look_up
        """Somebody who finds a company at Vern's by its external id: no call does (OP-03)."""
        self.api = httpx2.Client(base_url=f"{url}/api/v1", headers={"x-api-key": key}, verify=_trusted())  # AUTH-01
        self.plain = httpx2.Client(verify=_trusted())  # AUTH-09

    def __enter__(self) -> Exemplary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.close()
        self.plain.close()

    # -- one call

    def attempt(self, method: str, url: str, **how: Any) -> httpx2.Response | None:
        """Send a call, again after each 429; None when nobody can know what became of it."""
        for pause in pauses(1.0):
            try:
                answer = self.api.request(method, url, **how)
            except httpx2.TransportError:
                return None
            if answer.status_code == 429:  # RATE-04, RATE-07: nothing has happened
                self.wait(pause)
                continue
            return answer if answer.status_code < 500 and _readable(answer) else None
        raise GaveUp(f"{method} {url} was throttled to the end")

    def insist(self, method: str, url: str, **how: Any) -> httpx2.Response:
        """Send a call that may be repeated until it has a clear answer (ERR-07)."""
        for pause in pauses(FIRST):
            if (answer := self.attempt(method, url, **how)) is not None:
                return answer
            self.wait(pause)
        raise GaveUp(f"{method} {url} had no clear answer to the end")

    # -- a company and its files

    def provision(self, name: str, external_id: str) -> Mapping[str, Any]:
        """A company, for the first source, with a sheet for each template and a destination."""
        source = self.insist("GET", "/sources").json()["sources"][0]["id"]
        destination = {"base_url": "https://crm.example.com", "auth": {"token": "t"}}
        body = {
            "name": name,
            "source": source,
            "external_id": external_id,
            "connections": {"destination": destination},
        }
        for number, pause in enumerate(pauses(FIRST)):
            if (answer := self.attempt("POST", "/companies", json=body)) is not None:
                if number and answer.status_code in {400, 409} and self.look_up is not None:  # PROV-14, PROV-16
                    return self.look_up(external_id)
                answer.raise_for_status()
                made: dict[str, Any] = answer.json()
                return made
            self.wait(pause)
        raise GaveUp(f"company {external_id} had no clear answer to the end")

    def upload(self, company: str, name: str, content_type: str, content: bytes) -> Mapping[str, str]:
        """A file as an import names it; a URL whose PUT had no clear answer is left for a new one (UPL-05)."""
        described = {"name": name, "content_type": content_type, "size": len(content)}
        for pause in pauses(FIRST):
            signed = self.insist("POST", f"/companies/{company}/uploads", json=described).json()
            try:
                put = self.plain.put(signed["upload_url"], content=content, headers={"content-type": content_type})
            except httpx2.TransportError:
                put = None
            if put is not None and put.is_success:
                return {"name": name, "upload_ref": signed["upload_ref"]}
            self.wait(pause)
        raise GaveUp(f"{name} could not be uploaded")

    # -- an import

    def start(self, company: str, key: str, **what: Any) -> Run:
        """The import of these `files` or `rows`; its key stays the same for every attempt (IDEM-09)."""
        while True:
            answer = self.insist("POST", f"/companies/{company}/imports", json={**what, "idempotency_key": key})
            if answer.status_code != 409:
                answer.raise_for_status()
                return self.run(answer.json())
            self.let_end(company)  # IMP-15

    def let_end(self, company: str) -> None:
        """Wait until no import of the company is under way, and help the one that is (IMP-15)."""
        for pause in pauses(FIRST):
            active = self.insist("GET", f"/companies/{company}/imports", params={"status": "active"}).json()
            if "run" in active:  # ACT-09
                return
            if "run_id" in active:
                self.follow(
                    Run(active["run_id"], self.resolved(f"/api/v1/companies/{company}/imports/{active['run_id']}"))
                )
                return
            self.wait(pause)
        raise GaveUp(f"an import of company {company} never ended")

    def follow(self, run: Run) -> Mapping[str, Any]:
        """The run's last state; whatever it asks until then is answered, as often as it parks (DEC-40)."""
        interval, passed = FIRST, 0.0
        while passed < PATIENCE:
            self.wait(interval)  # POLL-23
            passed += interval
            interval = min(interval * GROWTH, LONGEST)
            answer = self.attempt("GET", run.url)
            if answer is None:  # POLL-28
                continue
            answer.raise_for_status()
            state: dict[str, Any] = answer.json()
            if state["status"] in TERMINAL:  # POLL-21
                return state
            if state["status"] == "needs_attention":  # POLL-22
                self.decide(run, state["needs_attention"])
                interval = FIRST
        raise GaveUp(f"run {run.id} did not end within {PATIENCE} s")

    def decide(self, run: Run, asked: Mapping[str, Any]) -> None:
        """Send one decision; what came of it, the next poll shows, whatever the answer was (DEC-39, DEC-41)."""
        body: dict[str, Any] = {"decision": self.decision}
        if self.decision == "approve":  # DEC-37
            actions = asked["proposed_patch"]["actions"]
            given = (chosen(question, actions) for question in asked["questions"])
            body["answers"] = [answer for answer in given if answer is not None]
        answer = self.attempt("POST", f"{run.url}/decisions", json=body)
        if answer is not None and answer.status_code not in {200, 409}:
            answer.raise_for_status()

    def run(self, accepted: Mapping[str, Any]) -> Run:
        """The run that an answer names."""
        return Run(accepted["run_id"], self.resolved(accepted["poll_url"]))

    def resolved(self, path: str) -> str:
        """The path against the origin of the API (IMP-14)."""
        return urljoin(self.origin, path)

    # -- what comes after it

    def download(self, company: str, sheet: str) -> bytes:
        """The sheet's valid rows."""
        answer = self.insist("GET", f"/companies/{company}/export.csv", params={"sheet_id": sheet})
        answer.raise_for_status()
        return answer.content

    def export(self, company: str, key: str) -> Mapping[str, Any]:
        """The last state of an export to the company's destination."""
        answer = self.insist("POST", f"/companies/{company}/exports", json={"idempotency_key": key})
        answer.raise_for_status()
        return self.follow(self.run(answer.json()))


def chosen(question: Mapping[str, Any], actions: Sequence[Mapping[str, Any]] = ()) -> dict[str, str] | None:
    """The answer of somebody who takes the first option (DEC-38), or writes what is proposed where there is none.

    None leaves the question to the proposed patch, which has something else in mind than a value (DEC-13).
    """
    if question["options"]:
        return {"question_id": question["id"], "option_id": question["options"][0]["id"]}
    about = (question["target"]["sheet_id"], question["target"]["column"])
    values = [each.get("value") for each in actions if (each["sheet_id"], each["column"]) == about]
    value = next(filter(None, values), None)
    return None if value is None else {"question_id": question["id"], "custom": value}  # QUE-11


def pauses(first: float) -> Iterator[float]:
    """Seconds to wait before each next attempt: longer each time, and two minutes and more in all."""
    pause = first
    for _ in range(9):
        yield pause
        pause = min(pause * 2, LONGEST)


def _readable(answer: httpx2.Response) -> bool:
    """Whether the answer is what it says: JSON that can be read, or something else than JSON."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.is_success and kind != "application/json":
        return kind in {"text/csv", "application/zip"}
    try:
        answer.json()
    except ValueError:
        return False
    return True
