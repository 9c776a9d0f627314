"""The one client: polite, exact about what went wrong, silent about secrets, whatever is at the other end."""

from __future__ import annotations

import json
import shlex
import shutil
import ssl
import subprocess
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import bad_targets
import pytest
from bad_targets import answer, says, says_in_turn, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.answer import UNSET
from conformance.client import DEFAULT, NO_KEY, OTHER, REVOKED, Answer, Client
from conformance.network import Received
from conformance.recorder import Recorder, headers_with_key
from conformance.redaction import Secrets, without_credentials
from conformance.request import Request
from conformance.results import Skipped
from conformance.shape import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bad_targets import Behaviour

    Made = Callable[..., Client]

COMPANY = "c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
RUN = "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
POLL = f"/api/v1/companies/{COMPANY}/imports/{RUN}"
KEY = "key-of-the-account-7f3a"
THROTTLED = answer(b'{"error": "Too many requests"}', "429 Too Many Requests")


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def hours() -> Time:
    return Time()


@pytest.fixture
def made(hours: Time) -> Iterator[Callable[..., Client]]:
    """Makes clients whose waiting takes no time, and closes them."""
    clients: list[Client] = []

    def make(url: str, **given: Any) -> Client:
        usual: dict[str, Any] = {"api_key": KEY, "clock": hours.clock, "sleep": hours.sleep}
        client = Client(url, **(usual | given))
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def poll(client: Client, **given: Any) -> Answer:
    return client.call("poll_import", company_id=COMPANY, run_id=RUN, **given)


def told(answer: Answer) -> str:
    """Everything that is kept of an answer, as text."""
    return json.dumps(asdict(answer.exchange)) + str(answer.problem) + answer.text + repr(answer)


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
    client = Client("http://127.0.0.1:9", KEY)
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
        Client(url, KEY)
    assert "password@" not in str(raised.value)


# Where the key may go


@pytest.mark.parametrize("host", ["http://localhost:{port}", "//127.0.0.1:{port}", "https://127.0.0.1:{own}"])
def test_another_origin_is_not_asked(made: Made, host: str) -> None:
    with serving(says(answer())) as target, serving(says(answer())) as other:
        away = host.format(port=other.port, own=target.port) + POLL
        refused = made(target.url).get(away)
        assert (target.heads, other.heads) == ([], [])
    assert refused.status is None
    assert refused.problem == f"not sent: this leads away from http://127.0.0.1:{target.port}"


@pytest.mark.parametrize("url", [None, 7, "", "http://[", "http://a b\x00/"])
def test_a_poll_url_that_is_none(made: Made, url: Any) -> None:
    client = made("http://127.0.0.1:9/api/v1")
    for refused in (client.get(url), client.put_upload(url, b"", "text/csv")):
        assert refused.status is None
        assert str(refused.problem).startswith(("not sent: ", "no connection: "))
    assert str(client.get(url).problem).startswith("not sent: ")


def test_a_relative_poll_url_resolves_against_the_origin(made: Made) -> None:
    with serving(says(answer(b'{"status": "canceled"}'))) as target:
        client = made(f"http://127.0.0.1:{target.port}/deep/v1")
        polled = [client.get(POLL), client.get(POLL.replace("/api/v1", "/deep/v1")), client.get("/elsewhere")]
        lines = [head.partition(b" HTTP")[0].decode() for head in target.heads]
    assert lines == [f"GET {POLL}", f"GET {POLL.replace('/api/v1', '/deep/v1')}", "GET /elsewhere"]
    assert [each.operation for each in polled] == ["poll_import", "poll_import", None]
    assert (polled[1].company_id, polled[1].run_id) == (COMPANY, RUN)


@pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/x", "/elsewhere", "http://[", ""])
def test_a_redirect_is_not_followed(made: Made, location: str) -> None:
    with serving(says(answer())) as other:
        reply = answer(b"", "307 Temporary Redirect", "text/html", f"location: {location.format(port=other.port)}")
        with serving(says(reply)) as target:
            client = made(target.url)
            for moved in (poll(client), client.call("decide", company_id=COMPANY, run_id=RUN, body={})):
                assert moved.status == 307
                assert str(moved.problem).startswith("redirected to")
                assert [each.clause for each in differences(moved.operation, moved)] == ["ERR-06"]
            assert len(target.heads) == 2
        assert other.heads == []


def test_an_upload_goes_without_the_key_and_its_token_is_kept_nowhere(made: Made) -> None:
    with serving(says(answer(b"", content_type="text/plain"))) as store:
        url = f"http://127.0.0.1:{store.port}/put/5b1d9cba77?token=3f7aaaee11&name=a"
        body = json.dumps({"upload_url": url, "upload_ref": "upl_1"}).replace("/", "\\/").encode()
        with serving(says(answer(body))) as target:
            client = made(target.url)
            asked = client.call("request_upload", company_id=COMPANY, body={"name": "a.csv"})
            put = client.put_upload(asked.json["upload_url"], b"a,b\n", "text/csv")
            echoed = client.call("start_import", company_id=COMPANY, body={"rows": [{"x": "3f7aaaee11"}]})
        head = store.heads[0].lower()
    assert put.ok
    assert put.json is None
    assert b"content-type: text/csv" in head
    assert b"x-api-key" not in head
    for each in (asked, put, echoed):
        assert "5b1d9cba77" not in told(each)
        assert "3f7aaaee11" not in told(each)
    assert put.exchange.url == f"http://127.0.0.1:{store.port}/put/…"


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


# Bad targets


@pytest.mark.parametrize(
    ("behave", "problem"),
    [
        (bad_targets.hangs, "no answer within 0.3 s"),
        (bad_targets.hangs_within_the_body, "the answer was not whole within 0.3 s"),
        (bad_targets.drips_the_head, "no answer within 0.3 s"),
        (bad_targets.drips_the_body, "the answer was not whole within 0.3 s"),
        (bad_targets.resets, "the connection was reset before an answer came"),
        (bad_targets.resets_within_the_body, "the connection was reset in the middle of the answer"),
        (bad_targets.closes_within_the_body, "the connection was closed in the middle of the answer"),
        (says(b"220 mail.example ESMTP\r\n\r\n"), "what came is no HTTP: "),
        (says(b"HTTP/1.1 200 OK\r\n" + b"x-a: " + b"a" * 200_000 + b"\r\n\r\n"), "what came is no HTTP: "),
        (says(answer(b"{}", "200 OK", "application/json", "content-encoding: gzip")), "the body is not encoded as"),
    ],
    ids=lambda value: getattr(value, "__name__", "") if callable(value) else None,
)
def test_no_whole_answer_is_a_problem_and_never_an_exception(made: Made, behave: Behaviour, problem: str) -> None:
    with serving(behave) as target:
        client = made(target.url, request_timeout=0.3)
        began = time.monotonic()
        for bad in (poll(client), client.call("decide", company_id=COMPANY, run_id=RUN, body={})):
            assert bad.status is None
            assert bad.problem == bad.exchange.problem
            assert str(bad.problem).startswith(problem)
            assert differences(bad.operation, bad) == []
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("reply", "problem", "clause"),
    [
        (answer(b"<html>", content_type="text/html"), "expected JSON, got text/html: Expecting value at", "FMT-01"),
        (answer(b'{"error": "caf\xe9"}'), "expected JSON in UTF-8; byte 14 of the body is not UTF-8", "FMT-01"),
        (answer(b""), "expected JSON, got an empty body", "FMT-01"),
        (answer(b'{"status": NaN}'), "expected JSON; NaN is no JSON number", "FMT-01"),
        (answer(b"[" * 100_000), "expected JSON; the body is nested too deeply to be read", "FMT-01"),
        (answer(b"9" * 10_000), "expected JSON; Exceeds the limit", "FMT-01"),
        (answer(b"<html>", "502 Bad Gateway", "text/html"), "expected JSON, got text/html", "ERR-06"),
        (answer(b"<html>", "404 Not Found", "text/html"), "expected JSON, got text/html", "ERR-01"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(made: Made, reply: bytes, problem: str, clause: str) -> None:
    with serving(says(reply)) as target:
        bad = poll(made(target.url))
    assert bad.status is not None
    assert (bad.json, bad.readable) == (None, False)
    assert str(bad.problem).startswith(problem)
    assert [each.clause for each in differences("poll_import", bad)] == [clause]


def test_a_hundred_megabytes_are_not_read(made: Made) -> None:
    with serving(bad_targets.sends_a_hundred_megabytes) as target:
        client = made(target.url)
        bad = poll(client)
        assert bad.problem == "the body is too large: more than 20,000,000 bytes; the rest was not read"
        assert target.sent < 40_000_000
        download = client.call("export_csv", company_id=COMPANY, query={"sheet_id": "s"}, limit=1_000)
        assert download.problem == "the body is too large: more than 1,000 bytes; the rest was not read"
    assert (bad.status, download.status, len(download.content)) == (None, None, 1_000)
    assert len(bad.exchange.body) < 5_000


def test_kept_connections_that_close_at_random_cost_nothing(made: Made) -> None:
    with serving(bad_targets.closes_every_other) as target:
        client = made(target.url)
        answers = [poll(client) for _ in range(10)]
    assert [each.status for each in answers] == [200] * 10


def test_a_post_is_never_sent_twice(made: Made) -> None:
    with serving(bad_targets.resets) as target:
        client = made(target.url)
        client.call("decide", company_id=COMPANY, run_id=RUN, body={"decision": "approve"})
        assert (len(target.heads), client.requests) == (1, 1)
        poll(client)
        assert (len(target.heads), client.requests) == (3, 3)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:9/api/v1", "no connection: "),
        ("http://nowhere.invalid/api/v1", "no connection: "),
        ("http://" + "a" * 70 + ".example/api/v1", "the request could not be sent"),
    ],
)
def test_nobody_there(made: Made, url: str, problem: str) -> None:
    bad = made(url).call("list_sources")
    assert bad.status is None
    assert str(bad.problem).startswith(problem)


def test_a_key_that_no_header_can_hold(made: Made) -> None:
    with serving(says(answer())) as target:
        bad = made(target.url, api_key="two\r\nlines: x").call("list_sources")
        assert target.heads == []
    assert bad.status is None
    assert str(bad.problem).startswith("the request could not be sent")
    assert "lines: x" not in told(bad)


def test_tls_that_is_none(made: Made) -> None:
    with serving(says(answer())) as target:
        bad = made(f"https://127.0.0.1:{target.port}/api/v1", request_timeout=2).call("list_sources")
    assert bad.status is None
    assert str(bad.problem).startswith("TLS could not be set up: ")


def test_a_certificate_that_nobody_vouches_for(made: Made, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl here to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(certificate)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(says(answer()), context) as target:
        bad = made(f"https://127.0.0.1:{target.port}/api/v1").call("list_sources")
        assert target.heads == []
    assert bad.status is None
    assert str(bad.problem).startswith("the certificate was not accepted: ")


# Secrets


def test_a_target_that_echoes_everything(made: Made) -> None:
    with serving(bad_targets.echoes) as target:
        client = made(target.url)
        body = {"name": "a", "connections": {"destination": {"base_url": "https://x", "auth": {"t": ["pass-phrase"]}}}}
        answers = [client.call("provision_company", body=body, query={"key": KEY}), poll(client, key=KEY + "-x")]
    for each in answers:
        assert KEY in each.json["error"]  # the checks may see it, so that they can tell it
        assert KEY not in told(each)
        assert "pass-phrase" not in told(each)
    assert "$VERN_API_KEY" in answers[0].text
    assert json.loads(str(answers[0].exchange.request_body))["connections"]["destination"]["auth"] == "(credentials)"


def test_bodies_are_cut_and_no_half_secret_is_left_at_the_cut() -> None:
    long_key = "k" + "0123456789abcdef" * 100
    secrets = Secrets()
    secrets.learn(long_key, "$VERN_API_KEY")
    shown = secrets.shown((long_key * 5_000).encode())
    assert len(shown) < 4_200
    assert "0123456789" not in shown
    assert shown.endswith("… (8,005,000 bytes in all)")


def test_credentials_in_what_is_no_json_are_cut_off() -> None:
    assert without_credentials('{"a": 1, "auth": {"token": "t"') == '{"a": 1, "auth": (credentials)…'
    assert without_credentials("authority") == "authority"
    assert json.loads(without_credentials('[{"\\u0061uth": "x", "auth": 1}]')) == [{"auth": "(credentials)"}]


def test_a_long_body_is_not_in_the_curl_line(made: Made) -> None:
    sent = made("http://127.0.0.1:9/api/v1").call(
        "start_import", company_id=COMPANY, body={"rows": [{"a": "b" * 9_000}]}
    )
    assert sent.exchange.curl.endswith("--data-binary @body")
    assert len(str(sent.exchange.request_body)) < 4_200


# None of our own words has eight of these in a row, so what is found is a secret.
# Each begins with a letter that is nowhere else in them: no secret's end can be the beginning of another.
secret_texts = st.text("019\"'\\%&+~<", min_size=8, max_size=40)


@settings(deadline=None, max_examples=60)
@given(
    key=secret_texts.map("Q{}".format),
    token=secret_texts.map("X{}".format),
    password=secret_texts.map("Z{}".format),
    form=st.integers(0, 3),
)
def test_no_exchange_holds_a_secret(key: str, token: str, password: str, form: int) -> None:
    secrets = Secrets()
    secrets.learn(key, "$VERN_API_KEY")
    sent = {"connections": {"destination": {"auth": {"password": password}}}}
    secrets.learn_credentials(sent)
    url = f"https://store.example/put/{token}?t={token}"
    quoted = [key, json.dumps(key), str(key.encode()), json.dumps({"error": {"key": key}})][form]
    contents = json.dumps({"upload_url": url}), json.dumps({"auth": password}), quoted, f"{quoted} {password} {url}"
    query = urlencode({"key": key})
    request = Request(
        "request_upload", "POST", f"https://api.example/?{query}", DEFAULT, {"x-api-key": key, "x-note": f"a {key}"},
        json.dumps(sent).encode(), sent,
    )  # fmt: skip
    for content in contents:
        received = Received(400, {"x-echo": key, "set-cookie": password}, content.encode(), f"because of {key}")
        recorder = Recorder(secrets, None)
        recorder.record(request, received, 1, waited_out=False)
        read = Received(200, {}, content.encode())
        for exchange in (recorder.record(request, each, 1, waited_out=False).exchange for each in (received, read)):
            written = "\n".join(map(str, asdict(exchange).values()))
            assert not [each for each in (key, token, password) if each in written]


def test_threads_share_the_secrets() -> None:
    secrets = Secrets()
    wrong: list[str] = []

    def use(number: int) -> None:
        for each in range(15):
            secrets.learn(f"secret-{number}-{each}-", "$X")
            if f"secret-{number}-{each}-" in secrets.clean(f"a secret-{number}-{each}- b"):
                wrong.append(f"{number} {each}")

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_headers_are_sent_as_bytes() -> None:
    assert (b"x-api-key", "kéy".encode()) in headers_with_key({}, "kéy")
    assert repr(UNSET) == "UNSET"
