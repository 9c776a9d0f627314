"""The one client: it reaches every operation, sends what it is given, and is polite, however often it is asked."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from bad_targets import answer, says, says_in_turn, serving
from calling import COMPANY, KEY, RUN, Time, clients, poll, told

from conformance.http.client import DEFAULT, NO_KEY, OTHER, REVOKED, Answer, Client
from conformance.http.messages import UNSET
from conformance.http.recorder import headers_with_key
from conformance.model.results import Skipped
from conformance.preview.response_schema import differences
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calling import Made

THROTTLED = answer(b'{"error": "Too many requests"}', "429 Too Many Requests")


@pytest.fixture
def hours() -> Time:
    return Time()


@pytest.fixture
def made(hours: Time) -> Iterator[Made]:
    yield from clients(hours)


# Against the mock


def test_every_operation_is_reached_by_its_name(server: str, key: str, made: Made) -> None:
    seen: list[Answer] = []
    client = made(f"{server}/api/v1/", api_key=key, on_exchange=seen.append)
    source = client.call("list_sources").json["sources"][0]["id"]
    client.call("list_templates")
    body = {"name": "conformance-1", "source": source, "connections": {"destination": {
        "base_url": "https://x.example", "auth": {"token": "a-secret-token"}}}}  # fmt: skip
    company = client.call("provision_company", body=body).json["company"]["id"]
    upload = client.call("request_upload", company_id=company, body={"name": "a.csv", "content_type": "text/csv"}).json
    put = client.put_upload(upload["upload_url"], b"Email\na@example.com\n", "text/csv")
    files = [{"name": "a.csv", "upload_ref": upload["upload_ref"]}]
    started = client.call("start_import", company_id=company, body={"files": files})
    polled = client.get(started.json["poll_url"])
    client.call("list_imports", company_id=company, query={"status": "active"})
    decided = client.call("decide", company_id=COMPANY, run_id=RUN, body={"decision": "approve"})
    sheet = client.call("export_csv", company_id=COMPANY, query={"filter": "all"})
    client.call("start_export", company_id=company, body={})
    client.call("poll_export", company_id=company, run_id=RUN)
    assert (put.status, put.operation, polled.operation) == (200, None, "poll_import")
    assert (decided.status, sheet.content[:2], sheet.json) == (200, b"PK", None)
    assert [each.exchange.number for each in seen] == list(range(1, 13)) == list(range(1, client.requests + 1))
    assert [(each, differences(each.operation, each)) for each in seen if differences(each.operation, each)] == []
    written = "".join(map(told, seen))
    assert "a-secret-token" not in written
    assert key not in written
    assert upload["upload_url"] not in written
    assert upload["upload_url"].rpartition("/")[2] not in written


def test_sixteen_at_one_moment_and_one_wins(server: str, key: str, made: Made) -> None:
    client = made(f"{server}/api/v1", api_key=key)

    def decide() -> Answer:
        return client.call("decide", company_id=COMPANY, run_id=RUN, body={"decision": "approve"})

    for _ in range(3):
        statuses = sorted(each.status or 0 for each in client.concurrently([decide] * 16))
        assert statuses in ([200] + [409] * 15, [409] * 16)
    assert client.concurrently([]) == []


def test_a_mistake_in_a_concurrent_call_is_raised() -> None:
    client = Client("http://127.0.0.1:9", KEY, contract=contract.load())
    with pytest.raises(LookupError, match="no key"):
        client.concurrently([lambda: client.call("list_sources", key=OTHER)] * 2)


def test_the_keys(server: str, key: str, made: Made) -> None:
    client = made(f"{server}/api/v1", api_key=key, revoked_key="revoked-2")
    assert [client.has(each) for each in (DEFAULT, OTHER, REVOKED, NO_KEY)] == [True, False, True, True]
    for wrong in (NO_KEY, REVOKED, "invalid-key", "kéy", "a b"):
        refused = client.call("list_sources", key=wrong)
        assert (refused.status, differences("list_sources", refused)) == (401, [])
    assert "x-api-key" not in client.call("list_sources", key=NO_KEY).exchange.curl
    assert "$REVOKED_KEY" in client.call("list_sources", key=REVOKED).exchange.curl
    assert "x-api-key: qqqqqqq" in client.call("list_sources", key="qqqqqqq").exchange.curl
    assert "$WRONG_KEY" in client.call("list_sources", key=key + "x").exchange.curl
    assert "$WRONG_KEY" in client.call("list_sources", key=key[:-1]).exchange.curl


def test_the_curl_line_does_the_same_again(server: str, key: str, made: Made) -> None:
    client = made(f"{server}/api/v1", api_key=key)
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl here")
    sent = client.call("start_import", company_id=COMPANY, body={"rows": [{"Name": 'O\'Brien "x" $HOME'}]})
    assert (sent.status, shlex.split(sent.exchange.curl)[0]) == (409, "curl")
    environment = {"VERN_API_KEY": key, "PATH": "/usr/bin:/bin"}
    again = subprocess.run(["/bin/sh", "-c", sent.exchange.curl], capture_output=True, env=environment, check=True)
    assert again.stdout.endswith(sent.content)


# What is sent


def test_bodies_ids_queries_and_headers_are_sent_as_given(made: Made) -> None:
    with serving(says(answer())) as target:
        client = made(target.url)
        client.call("decide", company_id="a/b", run_id="..", body=None)
        client.call("decide", company_id="c", run_id="r", raw=b"{\xff", headers={"Content-Type": ""})
        client.call("export_csv", company_id="c d", query={"filter": "a&b", "sheet_id": "1"})
        client.call("start_export", company_id="c")
        heads = [head.partition(b"\r\n\r\n") for head in target.heads]
    assert heads[0][0].startswith(b"POST /api/v1/companies/a%2Fb/imports/%2E%2E/decisions HTTP/1.1")
    assert heads[0][2] == b"null"
    assert b"content-type: application/json" in heads[0][0]
    assert f"x-api-key: {KEY}".encode() in heads[0][0]
    assert heads[1][2] == b"{\xff"
    assert b"content-type" not in heads[1][0].lower()
    assert heads[2][0].startswith(b"GET /api/v1/companies/c%20d/export.csv?filter=a%26b&sheet_id=1 HTTP/1.1")
    assert heads[3][2] == b""


def test_connections_are_kept(made: Made) -> None:
    ports: set[int] = set()

    def behave(connection: Any, _target: Any) -> None:
        ports.add(connection.getpeername()[1])
        connection.sendall(answer())

    with serving(behave) as target:
        client = made(target.url)
        for _ in range(5):
            poll(client)
    assert len(ports) == 1


def test_a_cookie_is_not_sent_back(made: Made) -> None:
    with serving(says(answer(b"{}", "200 OK", "application/json", "set-cookie: a=b; Path=/"))) as target:
        client = made(target.url)
        first = poll(client)
        poll(client)
        assert b"cookie" not in target.heads[1].lower()
    assert first.exchange.headers["set-cookie"] == "(hidden)"


@pytest.mark.parametrize("url", ["ftp://x/api", "nonsense", "http://", "http://u:password@x/api", "http://x/a?b=c"])
def test_a_base_url_that_cannot_be_one(url: str) -> None:
    with pytest.raises(ValueError, match="base_url: expected") as raised:
        Client(url, KEY, contract=contract.load())
    assert "password@" not in str(raised.value)


def test_headers_are_sent_as_bytes() -> None:
    assert (b"x-api-key", "kéy".encode()) in headers_with_key({}, "kéy")
    assert repr(UNSET) == "UNSET"


# Politeness


def test_the_budget_is_per_operation_and_key_and_waits_only_when_empty(made: Made, hours: Time) -> None:
    with serving(says(answer(b'{"sources": []}'))) as target:
        client = made(target.url, other_key="another-key-1", requests_per_minute=2)
        for _ in range(2):
            client.call("list_sources")
            client.call("list_sources", key=OTHER)
            client.call("list_templates")
        assert hours.slept == []
        hours.now = 20
        client.call("list_sources")
        assert (hours.slept, hours.now) == ([40], 60)
        client.call("list_sources")
        client.call("list_sources")
        assert hours.slept == [40, 60]


def test_no_minute_sees_more_than_the_budget(made: Made, hours: Time) -> None:
    at: list[float] = []

    def behave(connection: Any, _target: Any) -> None:
        at.append(hours.now)
        connection.sendall(answer())

    with serving(behave) as target:
        client = made(target.url, requests_per_minute=5)
        with client.unthrottled():
            for _ in range(8):
                poll(client)
        assert hours.slept == []
        for _ in range(20):
            hours.now += 3
            poll(client)
    assert all(late - early >= 60 for early, late in zip(at[8:], at[13:], strict=False))
    assert at[8] >= 60


def test_zero_is_no_budget(made: Made, hours: Time) -> None:
    with serving(says(answer())) as target:
        client = made(target.url, requests_per_minute=0)
        for _ in range(200):
            poll(client)
    assert hours.slept == []


def test_a_429_is_waited_out(made: Made, hours: Time) -> None:
    seen: list[Answer] = []
    with serving(says_in_turn(THROTTLED, THROTTLED, answer(b'{"status": "canceled"}'))) as target:
        client = made(target.url, on_exchange=seen.append)
        polled = poll(client)
    assert (polled.status, hours.slept, client.throttled, client.requests) == (200, [1, 2], 2, 3)
    assert [(each.status, each.repeated) for each in seen] == [(429, True), (429, True), (200, False)]
    assert [differences(each.operation, each) for each in seen] == [[], [], []]


def test_a_429_that_stays_is_a_problem_and_no_verdict(made: Made, hours: Time) -> None:
    with serving(says(THROTTLED)) as target:
        client = made(target.url)
        polled = poll(client)
        assert hours.slept == [1, 2, 4, 8, 16, 32]  # longer than a minute, in which a limit lets one pass (OP-25)
        again = poll(client)  # and from then on not for so long
    assert hours.slept[6:] == [1, 2, 4]
    assert (polled.status, again.status, client.throttled) == (None, None, 11)
    assert polled.problem == polled.exchange.problem == "throttled: still 429 after waiting 63 s in all"
    assert polled.exchange.status == 429
    assert differences("poll_import", polled) == []


def test_while_the_rate_is_checked_a_429_is_an_answer(made: Made, hours: Time) -> None:
    with serving(says(answer(b"{}", "429 Too Many Requests"))) as target:
        client = made(target.url)
        with client.unthrottled():
            refused = poll(client)
    assert (refused.status, hours.slept, client.throttled) == (429, [], 0)
    assert [each.clause for each in differences("poll_import", refused)] == ["ERR-01"]


def test_nothing_is_sent_once_the_time_is_over(made: Made, hours: Time) -> None:
    with serving(says(answer())) as target:
        client = made(target.url, requests_per_minute=1, deadline=lambda: 30 - hours.now)
        assert poll(client).status == 200
        with pytest.raises(Skipped, match="--max-time"):
            poll(client)
        assert len(target.heads) == 1
    assert hours.slept == [30]


def test_a_client_that_only_reads_sends_nothing_else(made: Made) -> None:
    with serving(says(answer())) as target:
        client = made(target.url, read_only=True)
        assert poll(client).status == 200
        with pytest.raises(Skipped, match="--read-only: this needs a POST"):
            client.call("start_import", company_id="c", body={"rows": []})
        assert len(target.heads) == 1
