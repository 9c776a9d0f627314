"""The wall between the engine and a generation: another API is served, scripted, journalled, bent and explained."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest
from toy_generation import CONTRACT, PARCELS, SCENARIO, WORLD
from toy_suite import CLAUSES, SUITE

from conformance.engine.plan import Plan, driver_of
from conformance.engine.runner import judge
from conformance.model.clauses import UnknownClause
from conformance.model.results import Outcome, Results
from conformance.report import jsonreport, junit, terminal
from conformance.target.mock import serve
from conformance.target.target import Target
from mock_server.kernel.settings import Settings
from mock_server.server.app import App, Finished
from mock_server.session.bundle import digest
from mock_server.session.session import Session

KEY = "test-toy"
PATH = "/post/v7/parcels"


class Counter:
    """A client of the toy's server in this process."""

    def __init__(self) -> None:
        self.lines: list[Finished] = []
        self.app = App(Settings(scenario="by-road", speed=0, rate_limit=6), WORLD, PARCELS, self.lines.append)

    def call(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Send one call."""

        async def send() -> httpx2.Response:
            transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url="http://mock") as client:
                content = None if body is None else json.dumps(body).encode()
                return await client.request(method, path, content=content, headers={"x-api-key": KEY})

        return asyncio.run(send())

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer."""
        return self.call(method, path, body).json()


@pytest.fixture
def counter() -> Counter:
    return Counter()


def test_it_is_served_by_its_contract(counter: Counter) -> None:
    sent = counter.call("POST", PATH, {"to": "Ada"})
    assert sent.status_code == 201
    assert CONTRACT.complaints("send_parcel", 201, "application/json", sent.json()) == []
    assert counter.json("GET", f"{PATH}/{sent.json()['run_id']}")["status"] == "travelling"
    assert counter.call("POST", PATH, {"for": "Ada"}).status_code == 400
    assert counter.call("GET", f"{PATH}/nowhere").status_code == 404
    assert counter.call("DELETE", PATH).headers["allow"] == "POST"
    assert "/post/v7" in counter.json("GET", "/api/v1/parcels")["error"]
    assert [(each.operation, each.status) for each in counter.lines][:2] == [
        ("send_parcel", 201),
        ("track_parcel", 200),
    ]


def test_its_scenario_is_told_by_a_beat_of_its_own(counter: Counter) -> None:
    path = f"{PATH}/{counter.json('POST', PATH, {'to': 'Ada'})['run_id']}"
    assert list(SCENARIO.run[0].describe()) == ["`travelling` for 5000 ms"]
    moved = counter.json("POST", "/_mock/clock/advance", {"by": "5s"})
    assert [(each["from"], each["to"]) for each in moved["changed"]] == [("travelling", "delivered")]
    assert counter.json("GET", path)["status"] == "delivered"
    assert counter.json("GET", "/_mock/session")["parcels"] == ["delivered"]


def test_it_is_journalled_and_taken_away(counter: Counter) -> None:
    run_id = counter.json("POST", PATH, {"to": "Ada"})["run_id"]
    counter.json("GET", f"{PATH}/{run_id}")
    made, tracked = counter.json("GET", "/_mock/requests")["requests"]
    assert (made["operation"], made["run_id"], made["after"]) == ("send_parcel", run_id, "travelling")
    assert (tracked["operation"], tracked["run_id"], tracked["before"]) == ("track_parcel", run_id, "travelling")
    assert not {"company_id", "upload_ref"} & made.keys()
    bundle = counter.json("GET", "/_mock/bundle")
    assert bundle["contract"] == "toy-1"
    assert bundle["digest"] == digest(bundle)
    har = counter.json("GET", "/_mock/requests.har")
    assert [each["_operation"] for each in har["log"]["entries"]] == ["send_parcel", "track_parcel"]


def test_faults_bend_it(counter: Counter) -> None:
    fault = {"error": 500, "operation": "send_parcel", "times": 1}
    assert counter.call("POST", "/_mock/faults", fault).status_code == 200
    assert [counter.call("POST", PATH, {"to": "Ada"}).status_code for _ in range(2)] == [500, 201]
    assert counter.call("POST", "/_mock/faults", fault | {"operation": "poll_import"}).status_code == 400
    assert counter.call("POST", "/_mock/faults", {"twice": "first"}).status_code == 200
    assert counter.call("POST", PATH, {"to": "Bob"}).status_code == 201
    assert len(counter.json("GET", "/_mock/session")["parcels"]) == 3


def test_why_explains_it(counter: Counter) -> None:
    run_id = counter.json("POST", PATH, {"to": "Ada"})["run_id"]
    counter.call("GET", f"{PATH}/{run_id}")
    why = counter.json("GET", "/_mock/why/last")
    run = why["run"]
    assert (why["operation"], run["status"], run["beat"]["is"]) == ("track_parcel", "travelling", "travel")
    assert run["because"]["what"] == "sent"
    assert why["next"]["status"] == "delivered"
    assert why["legal"][0]["operation"] == "track_parcel"
    for _ in range(6):
        counter.call("GET", f"{PATH}/{run_id}")
    throttled = counter.json("GET", "/_mock/why/last")
    assert (throttled["status"], throttled["next"]["by"]) == (429, "the rate limit")


def test_it_says_what_its_client_has_met(counter: Counter) -> None:
    counter.call("POST", PATH, {"to": "Ada"})
    assert counter.json("GET", "/_mock/coverage")["exchanges"] == 1
    assert counter.call("GET", "/_mock/openapi.json").json()["info"]["version"] == "toy-1"


def test_its_session_is_made_again_from_its_entries(counter: Counter) -> None:
    counter.call("POST", PATH, {"to": "Ada"})
    counter.call("POST", "/_mock/clock/advance", {"by": "2s"})
    session = counter.app.sessions.enter(KEY, 0)
    other = Session(KEY, session.settings, WORLD, PARCELS, session.clock.since)
    other.rebuild(session.entries())
    assert other.account.runs == session.account.runs
    assert other.clock == session.clock


def judged(*only: str, bend: Any = lambda app: app) -> Results:
    """What the toy's suite says of the toy's server, on a real socket; `bend` may make it lie."""
    app = App(Settings(scenario="by-road", speed=0, rate_limit=None), WORLD, PARCELS, lambda _: None)
    with serve(bend(app), app.sessions.close) as url:
        plan = Plan(clauses=only)
        return judge(SUITE, driver_of(Target.of_url(f"{url}/post/v7", KEY), plan), plan)


def finds_all(app: Any) -> Any:
    """The toy's server, save that it knows every parcel."""

    async def bent(scope: Any, receive: Any, send: Any) -> None:
        async def alter(message: Any) -> None:
            await send({**message, "status": 200} if message.get("status") == 404 else message)

        await app(scope, receive, alter)

    return bent


def outcomes(results: Results) -> dict[str, Outcome]:
    """What became of each clause."""
    return {each.clause: each.outcome for each in results.results}


def test_the_suite_passes_an_honest_server_of_its_contract() -> None:
    results = judged()
    assert outcomes(results) == dict.fromkeys(CLAUSES, Outcome.PASSED)
    assert (results.contract, results.requests) == ("toy-1", 3)
    assert list(outcomes(judged("par-02"))) == ["PAR-02"]
    with pytest.raises(UnknownClause, match="no clause or area 'PAR-09'; did you mean 'PAR-0"):
        judged("PAR-09")


def test_every_report_says_which_of_its_clauses_is_broken() -> None:
    results = judged("PAR-02", bend=finds_all)
    assert outcomes(results) == {"PAR-02": Outcome.FAILED}
    assert outcomes(jsonreport.from_json(jsonreport.render(results))) == outcomes(results)
    text = terminal.render(results)
    assert "FAILED  PAR-02 (must)" in text
    assert CLAUSES["PAR-02"].text in text
    assert "/post/v7/parcels/nowhere" in text
    (case,) = ET.fromstring(junit.render(results)).iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("PAR", f"PAR-02 {CLAUSES['PAR-02'].text}")
    assert [each.get("message") for each in case.iter("failure")] == ["an unknown parcel is not found"]
