"""A hundred calls a minute for each key and operation; what is over is refused, without effect and uncounted."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest
from conftest import Client

from mock_server.player.process import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mock_server.player.transport import Call

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
RATE_LIMITED = "/api/v1/companies/22bf307c-0313-4ea4-af33-29870686da2a"  # its scenario allows five calls a minute
STRAIGHT_THROUGH = "/api/v1/companies/51dbefc3-1d9b-4207-9e9c-8b5de85832c8"
RUN = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
ROWS = {"rows": [{"Email": "ada@example.com"}]}


def passed(call: Callable[[], Call], times: int) -> int:
    """How many of so many calls were not refused for their number."""
    return sum(call().status != 429 for _ in range(times))


def sources(client: Client) -> Callable[[], Call]:
    return lambda: client.get("/api/v1/sources")


def test_a_hundred_calls_pass_and_the_next_is_refused(client: Client) -> None:
    """RATE-01, RATE-02, RATE-03."""
    assert passed(sources(client), 100) == 100
    refused = client.get("/api/v1/sources")
    assert refused.status == 429
    assert refused.received == b'{"error":"Too many requests"}'
    assert refused.media_type == "application/json"
    assert "retry-after" not in refused.headers
    assert not [name for name in refused.headers if "ratelimit" in name]


def test_another_operation_has_a_budget_of_its_own(client: Client) -> None:
    """RATE-05, also on the same path."""
    assert passed(lambda: client.get(f"{LIVE}/imports"), 101) == 100
    assert client.get("/api/v1/templates").status == 200
    assert client.get(RUN).status == 200
    assert client.post(f"{LIVE}/imports", ROWS).status == 201


def test_the_companies_and_runs_of_a_key_share_an_operation_s_budget(client: Client) -> None:
    """OP-25: it is counted by method and route template."""
    assert passed(lambda: client.get(f"{LIVE}/imports"), 60) == 60
    assert passed(lambda: client.get(f"{STRAIGHT_THROUGH}/imports?status=active"), 60) == 40


def test_another_key_has_a_budget_of_its_own(client: Client, server: str, key: str) -> None:
    """RATE-06."""
    assert passed(sources(client), 101) == 100
    with closing(Client(server, f"{key}-other")) as other:
        assert passed(sources(other), 101) == 100


def test_the_budget_is_the_key_s_whichever_connection_it_uses(client: Client, server: str, key: str) -> None:
    assert passed(sources(client), 60) == 60
    with closing(Client(server, key)) as again:
        assert passed(sources(again), 60) == 40


def test_a_refused_start_did_not_happen(client: Client) -> None:
    """RATE-07: no run, and no key used up."""
    assert passed(lambda: client.post(f"{LIVE}/imports", {}), 100) == 100
    assert client.post(f"{LIVE}/imports", ROWS | {"idempotency_key": "k"}).status == 429
    assert client.get(f"{LIVE}/imports").body["runs"] == []
    client.advance(by="60s")
    other = {"rows": [{"Email": "grace@example.com"}], "idempotency_key": "k"}
    assert client.post(f"{LIVE}/imports", other).status == 201


def test_a_refused_decision_did_not_happen(client: Client) -> None:
    assert passed(lambda: client.post(f"{RUN}/decisions", {}), 100) == 100
    before = client.get(RUN).received
    assert client.post(f"{RUN}/decisions", {"decision": "approve"}).status == 429
    assert client.get(RUN).received == before
    client.advance(by="60s")
    assert client.post(f"{RUN}/decisions", {"decision": "approve"}).status == 200  # RATE-08


def test_a_refused_company_was_not_made(client: Client) -> None:
    wanted = {"name": "Acme", "source": SOURCE}
    assert passed(lambda: client.post("/api/v1/companies", {}), 100) == 100
    assert client.post("/api/v1/companies", wanted).status == 429
    assert client.get("/_mock/session").body["companies"] == []
    client.advance(by="60s")
    assert client.post("/api/v1/companies", wanted).status == 201


def test_the_window_slides_and_refused_calls_are_not_counted(client: Client) -> None:
    assert passed(sources(client), 50) == 50
    client.advance(by="30s")
    assert passed(sources(client), 80) == 50  # thirty are refused
    client.advance(by="29999ms")
    assert passed(sources(client), 1) == 0
    client.advance(by="1ms")
    assert passed(sources(client), 80) == 50  # the first fifty are a minute ago, the refused never were
    client.advance(by="30s")
    assert passed(sources(client), 80) == 50
    client.advance(by="1h")
    assert passed(sources(client), 120) == 100


def test_the_limit_comes_after_the_key_and_before_all_else(client: Client) -> None:
    """OP-24."""
    nobody = "/api/v1/companies/00000000-0000-4000-8000-000000000000"
    assert passed(lambda: client.post(f"{nobody}/imports"), 100) == 100  # each a 404, and each counted
    assert client.post(f"{nobody}/imports").status == 429
    assert client.post(f"{LIVE}/imports", {}).status == 429
    assert client.send("POST", f"{LIVE}/imports", None, {}).status == 401


def test_what_is_no_operation_has_no_limit(client: Client) -> None:
    for path in ("/_mock/clock", "/_mock/health", "/api/v1/nothing", "/uploads/nothing"):
        assert passed(partial(client.get, path), 101) == 101
    assert passed(lambda: client.put("/api/v1/sources"), 101) == 101
    assert client.get("/api/v1/sources").status == 200


def test_a_scenario_may_be_stricter_for_its_own_company(client: Client) -> None:
    assert passed(lambda: client.get(f"{RATE_LIMITED}/imports"), 8) == 5
    assert passed(lambda: client.get(f"{LIVE}/imports"), 8) == 8
    client.advance(by="60s")
    assert passed(lambda: client.get(f"{RATE_LIMITED}/imports"), 8) == 5


@pytest.fixture(scope="module")
def five_a_minute() -> Iterator[str]:
    with running("--speed", "0", "--rate-limit", "5/min") as process:
        yield process.url


@pytest.fixture(scope="module")
def unlimited() -> Iterator[str]:
    with running("--speed", "0", "--rate-limit", "off") as process:
        yield process.url


def test_the_limit_can_be_set(five_a_minute: str, key: str) -> None:
    with closing(Client(five_a_minute, key)) as client:
        assert passed(sources(client), 10) == 5
        assert passed(lambda: client.get("/api/v1/templates"), 10) == 5
        client.advance(by="60s")
        assert passed(sources(client), 10) == 5


def test_the_limit_can_be_switched_off(unlimited: str, key: str) -> None:
    with closing(Client(unlimited, key)) as client:
        assert passed(sources(client), 250) == 250
        assert passed(lambda: client.get(f"{RATE_LIMITED}/imports"), 8) == 5  # what a scenario is about stays
