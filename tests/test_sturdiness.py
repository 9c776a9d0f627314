"""What holds when things happen at once or in an odd order: resets under way, reloads, rows that newer ones hide."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import pytest

from mock_server.data.uploaded import book_of_rows
from mock_server.kernel.clock import EPOCH
from mock_server.kernel.errors import Refusal
from mock_server.kernel.settings import Settings
from mock_server.preview.account import Start, account_of
from mock_server.preview.generation import PREVIEW
from mock_server.preview.language import load_world
from mock_server.session.session import Session
from mock_server.session.sessions import Sessions

if TYPE_CHECKING:
    from conftest import Client

    from mock_server.preview.runs import ImportRun
    from mock_server.scenarios.catalog import World

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
RE_PARK = "/api/v1/companies/39b5bb3e-35ba-47d5-91be-cc435addce86"
EXPORTS = "/api/v1/companies/ce7f9110-e36e-46ae-a820-04f68730c57b"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def world() -> World:
    return load_world()


@pytest.fixture
def session(world: World) -> Session:
    return Session("test-key", Settings(speed=0), world, PREVIEW, 0)


def imported(session: Session, rows: list[dict[str, Any]], now: int) -> ImportRun:
    company = account_of(session).company(LIVE.rpartition("/")[2])
    scenario = session.world.scenarios["live"]
    start = Start(scenario, None, b"", book_of_rows(rows, company.sheets, {}))
    return account_of(session).start_import(now, company.id, start)[0]


def test_a_session_that_ends_keeps_its_files_until_nobody_reads_them(session: Session) -> None:
    company = account_of(session).company(LIVE.rpartition("/")[2])
    upload = account_of(session).request_upload(EPOCH, company.id, {"name": "contacts.csv"})
    file = BytesIO(b"Email\n")
    account_of(session).receive(EPOCH, upload.token, file)
    session.busy += 1
    session.close()
    assert not file.closed
    session.busy -= 1
    session.release()
    assert file.closed


def test_a_call_that_outlives_its_session_makes_nothing(session: Session) -> None:
    session.close()
    with pytest.raises(Refusal) as refused:
        imported(session, [{"Email": "ada@example.com"}], EPOCH)
    assert refused.value.status == 404
    assert not account_of(session).runs


def test_a_busy_session_is_not_closed_for_a_newcomer(world: World) -> None:
    sessions = Sessions(Settings(max_sessions=1), world, PREVIEW)
    first = sessions.session("first", 0)
    first.busy += 1
    with pytest.raises(Refusal) as refused:
        sessions.session("second", 1)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "60"})
    assert sessions.session("first", 2) is first
    first.busy -= 1
    with pytest.raises(Refusal):  # somebody has just looked
        sessions.session("second", 3)
    sessions.session("second", 1_001)
    assert first.closed
    assert sessions.refused == 2


def test_a_reload_forgets_no_name(session: Session) -> None:
    """PROV-16: the sources of a reloaded world are other objects, and the same sources."""
    body = {"name": "Acme", "source": SOURCE}
    account_of(session).provision(EPOCH, body)
    session.world = load_world()
    with pytest.raises(Refusal) as refused:
        account_of(session).provision(EPOCH, body)
    assert refused.value.status == 400


def test_a_ready_company_s_name_is_taken_though_nobody_opened_it(session: Session) -> None:
    source = session.world.catalogue.sources[0].id
    with pytest.raises(Refusal, match="exists already"):
        account_of(session).provision(EPOCH, {"name": "Ready company: reject", "source": source})


def test_a_scenario_that_a_reload_took_away_leaves_the_server_s(session: Session) -> None:
    company = account_of(session).provision(EPOCH, {"name": "Acme", "source": SOURCE, "external_id": "park--1"})
    session.scenario = "park"
    rest = {name: each for name, each in session.world.scenarios.items() if name != "park"}
    session.world = replace(session.world, scenarios=rest)
    assert account_of(session).scenario_of(company).name == "live"


def test_rows_that_newer_ones_hide_are_given_back_and_reports_stay(session: Session) -> None:
    """OP-29: the sheets show the newest rows; history still tells of the older ones."""
    runs = []
    for number in range(3):
        rows = [{"Email": f"{name}@example.com"} for name in range(number + 1)]
        runs.append(imported(session, rows, EPOCH + number * 10_000))
    now = EPOCH + 60_000
    before = [(run.body(now), run.listed(run.life(now))) for run in runs]
    imported(session, [{"Email": "new@example.com"}], now)
    assert [run.book is None for run in runs] == [True, True, False]
    assert [(run.body(now), run.listed(run.life(now))) for run in runs] == before
    assert [cast("dict[str, Any]", run.report(run.life(now)))["inserted"] for run in runs] == [1, 2, 3]


def test_a_large_decision_is_taken_once(client: Client) -> None:
    rows = [{"Email": f"{number}@example.com", "Status": "open" if number == 7 else "Open"} for number in range(6_000)]
    run = client.post(f"{LIVE}/imports", {"rows": rows}).body
    client.advance(by="5s")
    assert client.post(f"{run['poll_url']}/decisions", {"decision": "approve"}).status == 200
    assert client.post(f"{run['poll_url']}/decisions", {"decision": "approve"}).status == 409
    client.advance(by="5s")
    assert client.get(run["poll_url"]).body["report"]["inserted"] == 6_000


def test_at_pace_instant_a_second_decision_meets_the_same_parking(client: Client) -> None:
    """DEC-25: nobody has seen the second parking yet, so nobody can have decided on it."""
    client.put("/_mock/scenario", {"pace": "instant"})
    run = client.post(f"{RE_PARK}/imports", {"rows": [{"Email": "ada@example.com"}]}).body
    decisions = [client.post(f"{run['poll_url']}/decisions", {"decision": "approve"}).status for _ in range(2)]
    assert decisions == [200, 409]
    assert client.get(run["poll_url"]).body["status"] == "needs_attention"


def test_an_export_cannot_be_canceled(client: Client) -> None:
    started = client.post(f"{EXPORTS}/exports", {}).body
    assert client.post(f"/_mock/runs/{started['run_id']}/cancel").status == 409
    assert client.get(started["poll_url"]).body["status"] == "queued"


def test_a_wrong_selection_is_told_while_another_export_runs(client: Client) -> None:
    """OP-24: 400 before 409."""
    assert client.post(f"{EXPORTS}/exports", {}).status == 201
    assert client.post(f"{EXPORTS}/exports", {"selection": {"template_ids": [NOBODY]}}).status == 400
    assert client.post(f"{EXPORTS}/exports", {}).status == 409
