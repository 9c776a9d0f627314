"""The fixture `vern_mock`, in runs of pytest within this one, with the clients that people use.

They share a server; the run itself, alone and with xdist, has processes of its own.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

import pytest_vern_mock as plugin
from mock_server.player.process import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Within = Callable[..., pytest.RunResult]

pytest_plugins = "pytester"
pytestmark = pytest.mark.usefixtures("at_home")

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

@pytest.mark.vern_mock(strict=False)
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

def see_it_park(mock):
    runs = "/companies/247cf3d6-4311-4910-9aae-05e226ec205a/imports"
    started = call(mock, runs, {"rows": [{"Email": "a@b.example"}], "idempotency_key": "1"})[1]
    mock.advance("21s")
    assert call(mock, f"{runs}/{started['run_id']}")[1]["status"] == "needs_attention"
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    """A server like the one that the plugin starts."""
    with running("--rate-limit", "100/min") as process:
        yield process.url


@pytest.fixture
def within(pytester: pytest.Pytester, shared: str) -> Within:
    """Run pytest in this process on the file that was made, with the shared server."""
    return lambda *given: pytester.runpytest_inprocess(*ONE, "--vern-mock-url", shared, *given)


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
    """Once, as a failure of the test itself, so that whatever knows failures knows it; a note beside its own."""
    pytester.makepyfile(
        CALL
        + """
def test_it(vern_mock): call(vern_mock, '/companie')
@pytest.mark.xfail(strict=True)
def test_of_what_is_known(vern_mock): call(vern_mock, '/companie')
def test_that_fails_itself(vern_mock):
    call(vern_mock, '/companie')
    assert "own" == "reason"
def test_that_is_skipped(vern_mock):
    call(vern_mock, '/companie')
    pytest.skip("for a reason")
"""
    )
    ran = within()
    ran.assert_outcomes(failed=2, xfailed=1, skipped=1)
    ran.stdout.fnmatch_lines(["*a mistake: 1 GET /api/v1/companie 404*expected? then allow=*404*", "*vern-mock*"])
    ran.stdout.fnmatch_lines(["E*assert 'own' == 'reason'*", "E*the client made a mistake: 1 GET /api/v1/companie*"])
    ran.stdout.no_fnmatch_line("*entries are hidden*")


def test_what_never_came_is_a_mistake_of_a_client_that_is_done(pytester: pytest.Pytester, within: Within) -> None:
    pytester.makepyfile(
        CALL
        + """
def test_done(vern_mock): see_it_park(vern_mock)
@pytest.mark.vern_mock(strict=False)
def test_in_the_middle(vern_mock): see_it_park(vern_mock)
def test_that_stops_by_itself(vern_mock):
    see_it_park(vern_mock)
    raise ValueError("too early")
"""
    )
    ran = within()
    ran.assert_outcomes(failed=2, passed=1)
    ran.stdout.fnmatch_lines(["*needs-attention-as-end: *left alone (more to come? then strict=False in the marker)"])
    assert ran.stdout.str().count("left alone") == 1


def test_the_end_of_another_fixture_is_the_client_s_too(pytester: pytest.Pytester, within: Within) -> None:
    pytester.makepyfile(
        CALL
        + """
@pytest.fixture
def client(vern_mock):
    yield
    call(vern_mock, "/companie")
def test_it(client, vern_mock): call(vern_mock, "/sources")
def test_that_failed(client, vern_mock): call(vern_mock, "/companie")
"""
    )
    within().assert_outcomes(passed=1, errors=1, failed=1)


def test_the_tests_of_a_unittest_class_are_judged_alike(pytester: pytest.Pytester, within: Within) -> None:
    pytester.makepyfile(
        CALL
        + """
import unittest

class TestIt(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _mock(self, vern_mock):
        self.mock = vern_mock
    def tearDown(self):
        call(self.mock, "/templates")
    def test_well(self):
        call(self.mock, "/sources")
    def test_mistaken(self):
        call(self.mock, "/companie")
    def test_failing(self):
        call(self.mock, "/companie")
        self.fail("of its own")
    @pytest.mark.xfail
    def test_known(self):
        call(self.mock, "/companie")
"""
    )
    ran = within()
    ran.assert_outcomes(passed=1, failed=2, xfailed=1)
    ran.stdout.fnmatch_lines(["E*of its own", "E*the client made a mistake: 1 GET /api/v1/companie*"])


def test_what_the_mock_does_not_take_is_shown_where_it_is_asked(pytester: pytest.Pytester, within: Within) -> None:
    pytester.makepyfile(test_it="def test(vern_mock):\n    vern_mock.use('re-prak')\n")
    ran = within()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(
        [">   *vern_mock.use('re-prak')", "E *did you mean 're-park'*", "test_it.py:2: VernMockError"]
    )
    ran.stdout.no_fnmatch_line("*pytest_vern_mock.py:*")


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
        '\n@pytest.mark.vern_mock(without=["decision-sent-twice", "decision-unread", "lost-decision-not-recovered"])',
    )
    pytester.makepyfile(CALL + body.format("") + off + body.format("_unaudited") + some + body.format("_in_part"))
    ran = within()
    ran.assert_outcomes(passed=2, failed=1)
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
    ran.stdout.no_fnmatch_line("*Traceback*")
    ran.stdout.fnmatch_lines([says])


def test_runs_on_one_server_never_meet(pytester: pytest.Pytester, within: Within) -> None:
    pytester.makepyfile("def test_it(vern_mock): print(vern_mock.api_key)")
    found = (re.search(r"test-[0-9a-f]{24}", within("-s").stdout.str()) for _ in range(2))
    assert len({each[0] for each in found if each}) == 2


@pytest.mark.parametrize(("dist", "keys"), [("each", 2), ("load", 1)])
@pytest.mark.parametrize("where", [(), ("--vern-mock-url", "http://127.0.0.1:9")], ids=["own", "shared"])
def test_workers_that_run_the_same_test_never_meet(
    pytester: pytest.Pytester, dist: str, keys: int, where: tuple[str, ...]
) -> None:
    """Where each test is run by one worker alone, its key does not depend on which one that is."""
    config = pytester.parseconfigure("--dist", dist, "--tx", "2*popen", *where)
    found = set()
    for worker in ("gw0", "gw1"):
        node = SimpleNamespace(config=config, gateway=SimpleNamespace(id=worker), workerinput={})
        plugin.pytest_configure_node(node)
        told = SimpleNamespace(getoption=config.getoption, workerinput=node.workerinput)
        found.add(plugin._Server(told).key("test_it"))  # type: ignore[arg-type]  # noqa: SLF001 - its own tests
    assert len(found) == keys
