"""`--target mock`: our own mock as a target that can bring its runs into every state."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from conformance.model.results import Blocked
from conformance.preview.driver import REFUSING, UNREACHABLE
from conformance.target.mock import KEY, NO_ANSWER, OTHER, REVOKED, Host, host
from conformance.target.target import Body, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CLEAN", "FLAGGED", "KEY", "OTHER", "REVOKED", "UNSURE", "Mock", "mock"]

CLEAN = [
    {"Name": "Ada Ames", "Email": "ada@example.com", "Status": "Open", "Joined": "2024-01-31"},
    {"Name": "Gus Bell", "Email": "gus@example.com", "Status": "Closed"},
    {"Name": "Ida Cole", "Email": "ida@example.com"},
]
FLAGGED = [
    *CLEAN,
    {"Name": "Jo Dane", "Email": "jo@example.com", "Status": "open"},
    {"Name": "Kim Eads", "Email": "kim@example.com", "Status": "in progress", "Joined": "soon"},
    {"Name": "Lu Ford", "Email": "ada@example.com", "Status": "Open"},
    {"Name": "Max Gray", "Email": "", "Status": "Pending"},
    {"Name": "Nat Hill", "Email": "nat@example.com", "Status": "open"},
]
UNSURE = [*CLEAN, {"Name": "Ned Hale", "Email": "ned@example.com", "Status": "unsure"}]


class Mock(Host):
    """A mock that runs, and the ways to states that its operator has."""

    def ways(self) -> dict[str, Callable[[], tuple[str, str]]]:
        """Ways to where no request leads: somebody cancels, an engine dies, a destination refuses."""
        return {
            "canceled": self._canceled,
            "stale": partial(self._started, "engine-dies"),
            REFUSING: partial(self._exportable, "export-partly-fails"),
            UNREACHABLE: partial(self._exportable, "export-fails"),
        }

    def target(self) -> Target:
        """The target file's equal for this mock."""
        return Target(
            base_url=f"{self.url}/api/v1",
            api_key=KEY,
            other_api_key=OTHER,
            revoked_api_key=REVOKED,
            requests_per_minute=0,
            strict=True,
            states={
                "completed": Body({"rows": CLEAN}),
                "needs_attention": Body({"rows": FLAGGED}),
                "needs_attention_again": Body({"rows": UNSURE}, ({"question_id": "fq0", "custom": "no such status"},)),
                "failed": Body({"rows": [{"Nom": "Ada"}]}),
                "running": Body({"rows": CLEAN}),
            },
        )

    def _canceled(self) -> tuple[str, str]:
        company, run = self._started("live")
        self.admin("POST", f"/_mock/runs/{run}/cancel")
        return company, run

    def _exportable(self, scenario: str) -> tuple[str, str]:
        company, run = self._started(scenario)
        self.advance(60)  # long enough for every import that nobody has to decide
        return company, run

    def _started(self, scenario: str) -> tuple[str, str]:
        """A run of the scenario in its ready company, in which nothing may be in flight."""
        answer: Any = None
        try:
            listed = self.admin("GET", "/_mock/scenarios")["scenarios"]
            company = str(next(each["company_id"] for each in listed if each["name"] == scenario))
            answer = self.admin("POST", f"/api/v1/companies/{company}/imports", {"rows": CLEAN})
            return company, str(answer["run_id"])
        except (*NO_ANSWER, StopIteration) as error:
            got = f"got {answer}" if answer is not None else f"{type(error).__name__}: {error}"
            raise Blocked(f"no import of the scenario {scenario!r} could be started: {got}") from error


@contextmanager
def mock(
    *, rate_limit: int | None = None, speed: float = 0, bend: Callable[[Any], Any] | None = None
) -> Iterator[Mock]:
    """The mock for as long as the block lasts; `bend` wraps its app: that is how the tests make servers that lie."""
    with host(rate_limit=rate_limit, speed=speed, bend=bend) as url:
        yield Mock(url)
