"""Where a client that is not exemplary sits: a company, the API, and the exemplary client, who does the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2

from clients.exemplary import FIRST, GROWTH, Exemplary, Run, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROWS = [{"Email": "ada@example.com"}]


@dataclass
class Desk:
    """One company of one session: `scenario` decides what happens to its imports."""

    partner: Exemplary
    key: str
    external_id: str
    company: str
    admin: Callable[[str, str, Any], Any]
    """Steers the session: method, path below `/_mock/`, body."""

    @property
    def imports(self) -> str:
        return f"/companies/{self.company}/imports"

    def call(self, method: str, url: str, **how: Any) -> httpx2.Response:
        """One call, sent once."""
        return self.partner.api.request(method, url, **how)

    def sent(self, method: str, url: str, **how: Any) -> httpx2.Response | None:
        """One call, sent once; None when there is no answer."""
        try:
            return self.call(method, url, **how)
        except httpx2.TransportError:
            return None

    def start(self, key: str = "k1") -> Run:
        return self.partner.start(self.company, key, rows=ROWS)

    def post(self, key: str | None = "k1", **what: Any) -> httpx2.Response | None:
        """The import, sent once."""
        body = {"rows": ROWS, **what} | ({} if key is None else {"idempotency_key": key})
        return self.sent("POST", self.imports, json=body)

    def done(self, run: Run) -> None:
        """All that is left to do, as it should be done."""
        self.partner.follow(run)

    def parked(self, run: Run) -> list[dict[str, Any]]:
        """The questions of the run, once it is parked."""
        interval = FIRST
        while True:
            self.partner.wait(interval)
            interval *= GROWTH
            state = self.call("GET", run.url).json()
            if state["status"] == "needs_attention":
                questions: list[dict[str, Any]] = state["needs_attention"]["questions"]
                return questions

    def decide(self, run: Run, **body: Any) -> httpx2.Response | None:
        """A decision, sent once."""
        return self.sent("POST", f"{run.url}/decisions", json={"decision": "approve", **body})

    def right(self, question: Mapping[str, Any]) -> dict[str, str]:
        """An answer as it should be."""
        answer = chosen(question)
        assert answer is not None
        return answer

    def answer(self, run: Run, **answer: Any) -> None:
        """Approve with one answer, which is not as it should be; then do it right."""
        self.decide(run, answers=[answer])
        self.done(run)

    def fault(self, **fault: Any) -> None:
        self.admin("POST", "faults", fault)
