"""A session changes through one door: its entries, applied in order to a new session, make the same session again."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.kernel.clock import real_time
from mock_server.kernel.settings import Settings
from mock_server.preview.account import account_of
from mock_server.preview.generation import PREVIEW, create_app
from mock_server.preview.language import load_world
from mock_server.preview.runs import ImportRun
from mock_server.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

WORLD = load_world()
KEY = "test-door"
SETTINGS = Settings(speed=0, rate_limit=50)
LIVE, RE_PARK, EXPORTS, DOCS = (
    f"/api/v1/companies/{WORLD.scenarios[name].ready.id}"
    for name in ("live", "re-park", "export-partly-fails", "docs-example")
)
SOURCE = WORLD.catalogue.sources[0].id
RIGHT, WRONG = {"Email": "ada@example.com", "Status": "Open"}, {"Email": "gus@example.com", "Status": "open"}


class Desk:
    """A client of an application in this process, which remembers what it was given."""

    def __init__(self) -> None:
        self.app = create_app(SETTINGS, WORLD)
        self.runs: list[str] = []
        self.upload: tuple[str, str] | None = None

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send one call; the JSON of its answer, None for any other."""
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://mock") as client:
            content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            answer = await client.request(method, path, content=content, headers={"x-api-key": KEY, **headers})
        found = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else None
        if isinstance(found, dict) and "poll_url" in found:
            self.runs.append(found["poll_url"])
        if isinstance(found, dict) and "upload_url" in found:
            self.upload = found["upload_url"], found["upload_ref"]
        return found

    @property
    def session(self) -> Session:
        """The session of the key."""
        return self.app.sessions.session(KEY, real_time())

    async def last(self, method: str, ending: str = "", body: Any = None) -> None:
        """A call about the run that was started last, if there is one."""
        if self.runs:
            await self.call(method, self.runs[-1] + ending, body)


async def put_a_file(desk: Desk) -> None:
    await desk.call("POST", f"{LIVE}/uploads", {"name": "contacts.csv"})
    if desk.upload is None:  # a fault has hit the call
        return
    await desk.call("PUT", desk.upload[0], b"Email,Status\nada@example.com,Open\ngus@example.com,open\n")
    await desk.call("POST", f"{LIVE}/imports", {"files": [{"name": "contacts.csv", "upload_ref": desk.upload[1]}]})


async def steer_the_last(desk: Desk, what: str) -> None:
    if desk.runs:
        await desk.call("POST", f"/_mock/runs/{desk.runs[-1].rpartition('/')[2]}/{what}")


STEPS: dict[str, Callable[[Desk], Any]] = {
    "provision": lambda desk: desk.call("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE}),
    "import right rows": lambda desk: desk.call("POST", f"{LIVE}/imports", {"rows": [RIGHT]}),
    "import wrong rows": lambda desk: desk.call(
        "POST", f"{LIVE}/imports", {"rows": [RIGHT, WRONG], "idempotency_key": "k"}
    ),
    "import a file": put_a_file,
    "import by script": lambda desk: desk.call("POST", f"{RE_PARK}/imports", {"rows": [RIGHT]}),
    "prefer a scenario": lambda desk: desk.call("POST", f"{LIVE}/imports", {"rows": [RIGHT]}, prefer="scenario=park"),
    "poll": lambda desk: desk.last("GET"),
    "approve": lambda desk: desk.last("POST", "/decisions", {"decision": "approve"}),
    "answer": lambda desk: desk.last(
        "POST",
        "/decisions",
        {"decision": "approve", "answers": [{"question_id": "fq0", "option_id": "b"}]},
    ),
    "reject": lambda desk: desk.last("POST", "/decisions", {"decision": "reject"}),
    "decide at the docs' company": lambda desk: desk.call(
        "POST", f"{DOCS}/imports/{WORLD.scenarios['docs-example'].ready.run}/decisions", {"decision": "approve"}
    ),
    "export": lambda desk: desk.call("POST", f"{EXPORTS}/exports", {"mode": "full"}),
    "let time pass": lambda desk: desk.call("POST", "/_mock/clock/advance", {"by": "20s"}),
    "let much time pass": lambda desk: desk.call("POST", "/_mock/clock/advance", {"by": "2h"}),
    "poll by poll": lambda desk: desk.call("PUT", "/_mock/scenario", {"name": "park", "pace": "polls"}),
    "at once": lambda desk: desk.call("PUT", "/_mock/scenario", {"name": "live", "pace": "instant"}),
    "step by step": lambda desk: desk.call("PUT", "/_mock/scenario", {"name": "re-park", "pace": "manual"}),
    "by the clock": lambda desk: desk.call("PUT", "/_mock/scenario", {"name": "live", "pace": None}),
    "step": lambda desk: steer_the_last(desk, "step"),
    "cancel": lambda desk: steer_the_last(desk, "cancel"),
    "two faults": lambda desk: desk.call(
        "PUT", "/_mock/faults", {"faults": [{"stale": None, "times": 2}, {"error": 500, "every": 3}]}
    ),
    "no faults": lambda desk: desk.call("DELETE", "/_mock/faults"),
    "another dialect": lambda desk: desk.call("PUT", "/_mock/dialect", {"name": "ids-again"}),
}


def picture(session: Session, now: int) -> dict[str, Any]:
    """Everything that a client or an operator could see of a session at that time of its clock."""
    account = account_of(session)
    return {
        "settings": (session.scenario, session.pace, session.dialect.name, session.clock.at(session.used)),
        "companies": {
            company.id: (
                company.name,
                company.scenario,
                sorted(company.keys),
                [run.id for run in (*company.imports, *company.exports)],
                {ref: upload.file for ref, upload in company.uploads.items()},
                [
                    list(book.rows(sheet.id, flagged=True))
                    for sheet in company.sheets
                    if (book := company.book(sheet, now))
                ],
            )
            for company in account.companies.values()
        },
        "runs": {
            run.id: (run.life(now), run.body(now), run.pace, run.local, run.shown)
            + ((run.listed(run.life(now)), len(run.approvals)) if isinstance(run, ImportRun) else ())
            for run in account.runs.values()
        },
        "faults": [(each.fault, each.owner, each.place, each.seen, each.hits) for each in session.faults],
        "changes to come": [(each.at, each.run.id, each.after) for each in session.transitions(now, now + 86_400_000)],
    }


def rebuilt(session: Session) -> Session:
    """Another session, made from the entries of this one."""
    other = Session(KEY, SETTINGS, WORLD, PREVIEW, session.clock.since)
    other.rebuild(session.entries())
    other.use(session.used)
    return other


def play(names: list[str]) -> Session:
    """The session after these steps."""

    async def steps() -> Desk:
        desk = Desk()
        for name in names:
            await STEPS[name](desk)
        return desk

    return asyncio.run(steps()).session


def assert_same(session: Session) -> None:
    other, now = rebuilt(session), session.clock.at(session.used)
    assert picture(other, now) == picture(session, now)
    assert [each[1:3] for each in other.entries()] == [each[1:3] for each in session.entries()]
    assert [each.given for each in other.entries() if each.name == "Session.spend"] == [
        each.given for each in session.entries() if each.name == "Session.spend"
    ]
    kinds = ("company", "workbook", "connection", "upload", "token", "run")
    assert [other.made_id(kind) for kind in kinds] == [session.made_id(kind) for kind in kinds]
    session.close()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=14))
def test_a_session_is_made_again_from_its_entries(names: list[str]) -> None:
    assert_same(play(names))


def test_every_kind_of_change_is_among_the_entries_and_numbered() -> None:
    """A story that meets each of them; what a newer import hides for good stands in one entry."""
    story = (
        "provision, import wrong rows, let time pass, answer, let time pass, import a file, let time pass, approve, "
        "let time pass, import right rows, let time pass, decide at the docs' company, another dialect, poll by poll, "
        "import by script, poll, poll, cancel, step by step, prefer a scenario, step, at once, import right rows, "
        "poll, two faults, poll, export, by the clock, import by script, let much time pass, reject, no faults"
    )
    session = play(story.split(", "))
    numbers = [entry.number for entry in session.entries()]
    assert numbers == sorted(set(numbers))
    known = {entry.name.partition(".")[2] for entry in session.entries()}
    assert {"restore", "open_ready", "provision", "request_upload", "receive", "start_import", "approve"} <= known
    assert {"start_export", "count_poll", "step", "advance", "choose_scenario", "choose_dialect", "spend"} <= known
    assert {"set_faults", "count_faults"} <= known
    assert_same(session)


def test_a_refused_change_is_no_entry() -> None:
    session = play(["import wrong rows"])
    before = len(session.log)
    with pytest.raises(KeyError):
        account_of(session).start_import(0, "no-such-company", None)  # type: ignore[arg-type]  # not read
    assert len(session.log) == before
    session.close()
