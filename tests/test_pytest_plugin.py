"""The fixture `vern_mock`, in runs of pytest within this one, with the clients that people use.

They share a server; the run itself, alone and with xdist, and the end of its server have processes of their own.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from mock_server.player.process import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Within = Callable[[], pytest.RunResult]

pytest_plugins = "pytester"

FAST = ("-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:schemathesis", "-p", "no:hypothesispytest")
ONE = (*FAST, "-p", "no:xdist")
CLIENTS = """
import aiohttp
import asyncio
import httpx2
import pytest
import requests

ROWS = {"rows": [{"Email": "ada@example.com"}], "idempotency_key": "one"}

def company(mock):
    return f"{mock.url}/companies/247cf3d6-4311-4910-9aae-05e226ec205a/imports"

def test_httpx(vern_mock):
    with httpx2.Client(headers={"x-api-key": vern_mock.api_key}) as client:
        started = client.post(company(vern_mock), json=ROWS)
        assert started.status_code == 201
        vern_mock.advance("21s")
        run = client.get(f"{vern_mock.origin}{started.json()['poll_url']}").json()
        assert run["status"] == "needs_attention"
    assert [each["operation"] for each in vern_mock.requests] == ["start_import", "poll_import"]

def test_requests(vern_mock):
    started = requests.post(company(vern_mock), json=ROWS, headers={"x-api-key": vern_mock.api_key})
    assert started.status_code == 201

def test_httpx_async(vern_mock):
    async def go():
        async with httpx2.AsyncClient(headers={"x-api-key": vern_mock.api_key}) as client:
            return await client.post(company(vern_mock), json=ROWS)
    assert asyncio.run(go()).status_code == 201

def test_aiohttp(vern_mock):
    async def go():
        async with aiohttp.ClientSession(headers={"x-api-key": vern_mock.api_key}) as client:
            async with client.post(company(vern_mock), json=ROWS) as started:
                return started.status
    assert asyncio.run(go()) == 201
"""
CALL = """
import json, urllib.error, urllib.request
import pytest

def call(mock, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(mock.url + path, data, {"x-api-key": mock.api_key}, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    """A server like the one that the plugin starts."""
    with running("--rate-limit", "100/min") as process:
        yield process.url


@pytest.fixture
def within(pytester: pytest.Pytester, shared: str) -> Within:
    """Run pytest in this process on the file that was made, with the shared server."""
    return lambda: pytester.runpytest_inprocess(*ONE, "--vern-mock-url", shared)


@pytest.mark.parametrize("workers", [("-n", "0"), ("-n", "2")], ids=["alone", "xdist"])
def test_every_client_and_every_test_has_a_mock_of_its_own(pytester: pytest.Pytester, workers: tuple[str, str]) -> None:
    pytester.makepyfile(CLIENTS)
    pytester.runpytest_subprocess(*FAST, *workers).assert_outcomes(passed=4)


def test_the_marker_says_what_the_mock_is_like(pytester: pytest.Pytester, within: Within) -> None:
    pytester.makepyfile(
        CALL
        + """
@pytest.mark.vern_mock(scenario="re-park", clock="frozen", dialect="minimal", pace="instant")
def test_it(vern_mock):
    assert vern_mock.session["scenario"] == "re-park"
    assert vern_mock.advance(to="next")["next"] is None
"""
    )
    within().assert_outcomes(passed=1)


def test_a_client_s_mistake_fails_its_test_with_the_timeline(pytester: pytest.Pytester, within: Within) -> None:
    pytester.makepyfile(CALL + "def test_it(vern_mock): call(vern_mock, '/companie')\n")
    ran = within()
    ran.assert_outcomes(passed=1, errors=1)
    ran.stdout.fnmatch_lines(["*1 GET /api/v1/companie 404*expected? then allow=*404*", "*vern-mock*"])


def test_a_refusal_that_the_test_allows_is_none(pytester: pytest.Pytester, within: Within) -> None:
    pytester.makepyfile(
        CALL
        + """
@pytest.mark.vern_mock(allow=[400, 404])
def test_it(vern_mock):
    assert call(vern_mock, "/companies", {"name": 1})[0] == 400
    assert call(vern_mock, "/companies/x/imports")[0] == 404
"""
    )
    within().assert_outcomes(passed=1)


def test_errors_of_the_report_card_fail_the_test_unless_it_says_otherwise(
    pytester: pytest.Pytester, within: Within
) -> None:
    """A decision is sent twice, though the first was answered."""
    body = """
def test_it{0}(vern_mock):
    company = "/companies/247cf3d6-4311-4910-9aae-05e226ec205a"
    started = call(vern_mock, company + "/imports", {{"rows": [{{"Email": "a@b.example"}}], "idempotency_key": "1"}})[1]
    vern_mock.advance("21s")
    decide = company + f"/imports/{{started['run_id']}}/decisions"
    call(vern_mock, decide, {{"decision": "approve"}})
    call(vern_mock, decide, {{"decision": "approve"}})
"""
    off, some = (
        "\n@pytest.mark.vern_mock(audit=False)",
        '\n@pytest.mark.vern_mock(without=["decision-sent-twice", "decision-unread"])',
    )
    pytester.makepyfile(CALL + body.format("") + off + body.format("_unaudited") + some + body.format("_in_part"))
    ran = within()
    ran.assert_outcomes(passed=3, errors=1)
    ran.stdout.fnmatch_lines(["*decision-sent-twice: *"])


def test_a_fault_is_seen_and_explained(pytester: pytest.Pytester, within: Within) -> None:
    pytester.makepyfile(
        CALL
        + """
@pytest.mark.vern_mock(audit=False)
def test_it(vern_mock):
    vern_mock.fault({"while": "queued"}, error=500, operation="poll_import")
    vern_mock.fault(error=500, times=1)
    assert call(vern_mock, "/sources")[0] == 500
    (exchange,) = vern_mock.requests
    assert exchange["fault"]
    assert vern_mock.why(exchange["number"])
    assert vern_mock.wait(1, timeout="1s")
"""
    )
    within().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ('scenario="re-prak"', "*did you mean 're-park'?*"),
        ('scenarios="re-park"', "*vern_mock takes no scenarios; it takes scenario,*"),
        ('"re-park"', "*vern_mock takes no positional arguments*"),
        ('dialect="minimum"', "*did you mean 'minimal'?*"),
        ('clock="froze"', "*mode must be 'real', 'scaled' or 'frozen'*"),
    ],
)
def test_a_mistake_in_a_marker_is_told(pytester: pytest.Pytester, within: Within, marker: str, says: str) -> None:
    pytester.makepyfile(f"import pytest\n@pytest.mark.vern_mock({marker})\ndef test_it(vern_mock): pass\n")
    ran = within()
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines([says])


def test_a_server_that_runs_already_is_used(pytester: pytest.Pytester, server: str) -> None:
    pytester.makepyfile(f"def test_it(vern_mock): assert vern_mock.origin == {server!r}")
    pytester.runpytest_inprocess(*ONE, "--vern-mock-url", f"{server}/api/v1").assert_outcomes(passed=1)


def is_gone(port: int) -> bool:
    """Whether nobody listens there any longer; a server that is about to end closes the connection when it does."""
    for _ in range(100):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.recv(1)
        except OSError:
            return True
    return False


def test_the_server_ends_with_the_run_and_leaves_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(vern_mock): print('served at', vern_mock.origin)")
    ran = pytester.runpytest_subprocess(*ONE, "-s")
    (line,) = [line for line in ran.outlines if line.startswith("served at") or " served at" in line]
    port = int(line.rpartition(":")[2].rstrip("."))
    assert is_gone(port)
