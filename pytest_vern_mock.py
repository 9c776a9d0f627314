"""The pytest plugin: a mock for each test.

    def test_an_import_parks(vern_mock):
        vern_mock.use("park")
        run = MyClient(vern_mock.url, vern_mock.api_key).start_import(...)
        vern_mock.advance("21s")

What judges an implementation is `pytest_vern_conformance.py`. Both have unique names and are of the standard library
alone, and the server is a process of its own: nothing of ours is in the way of folders with the same names.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
import threading
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Mapping

    from mock_server.player.process import Process

pytest_plugins = ["pytest_vern_conformance"]
MARKER = """\
vern_mock(scenario=None, dialect=None, clock=None, pace=None, allow=(), audit=True, without=(), strict=True): how \
the mock behaves: a scenario; a dialect; "frozen", "real" or a speed; a pace; statuses of refusals that are expected; \
whether errors of the report card fail the test; the codes of rules to leave out; whether the client is done when its \
test ends."""
UNEXPECTED = (400, 404, 405)
"""Answers that tell a mistake in the client, unless the test allows them."""
PATIENCE = 90
"""Seconds for an answer of the admin API, which may wait for exchanges."""
TOLD = " (told in full before)"
__tracebackhide__ = True  # a test's traceback ends where the test calls the mock
_SERVER = pytest.StashKey["_Server"]()
_TEST = pytest.StashKey["_Test"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("vern-mock")
    group.addoption("--vern-mock-url", metavar="URL", help="use this running mock for vern_mock, and start none")
    group.addoption(
        "--vern-mock-admin-token",
        metavar="TOKEN",
        default=os.environ.get("VERN_MOCK_ADMIN_TOKEN"),
        help="with --vern-mock-url: the mock's admin token; else that of VERN_MOCK_ADMIN_TOKEN",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and a place for the one server of the run."""
    config.addinivalue_line("markers", MARKER)
    config.stash[_SERVER] = _Server(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the server; under xdist it is the controller's, and all workers are through."""
    server = config.stash.get(_SERVER, None)
    if server is not None:
        server.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where to ask for the server that all of them share."""
    each = node.config.getoption("dist") == "each"  # then all workers run every test
    node.workerinput["vern_mock"] = node.config.stash[_SERVER].shared(node.gateway.id if each else "")


class VernMock:
    """One test's mock: an account of its own on the server that all tests share."""

    def __init__(self, server: _Server, api_key: str) -> None:
        self._server = server
        self.origin = origin = server.find()
        """Scheme, host and port."""
        self.url = f"{origin}/api/v1"
        """The base URL of the API."""
        self.api_key = api_key
        """The test's own key: its companies, runs and clock are nobody else's."""

    def use(self, scenario: str, *, pace: str | None = None) -> None:
        """Let imports that start from now on follow this scenario."""
        self._call_admin("PUT", "scenario", {"name": scenario, "pace": pace})

    def advance(self, by: str = "", *, to: str = "") -> dict[str, Any]:
        """Let time pass: `"1h"`, or `to="next"` change or an ISO date. What changed meanwhile is in the answer."""
        if bool(by) == bool(to):
            raise ValueError('advance takes either a duration such as "1h", or to="next" or an ISO date')
        return dict(self._call_admin("POST", "clock/advance", {"by": by} if by else {"to": to}))

    def clock(self, mode: str | float) -> None:
        """Let the clock be "frozen", "real", or so many times as fast."""
        self._call_admin("PUT", "clock", {"mode": mode} if isinstance(mode, str) else {"mode": "scaled", "speed": mode})

    def dialect(self, name: str) -> None:
        """Let the mock speak this dialect; `vern-mock dialects` lists them."""
        self._call_admin("PUT", "dialect", {"name": name})

    def fault(self, fault: Mapping[str, Any] | None = None, /, **members: Any) -> None:
        """Add a fault, in the words of `POST /_mock/faults`; those that Python keeps (`for`, `while`) as a mapping."""
        self._call_admin("POST", "faults", {**(fault or {}), **members})

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every exchange of the test so far, the oldest first."""
        return list(self._call_admin("GET", "requests")["requests"])

    @property
    def session(self) -> dict[str, Any]:
        """What there is: companies, runs, and what was lost on the way."""
        return dict(self._call_admin("GET", "session"))

    def wait(self, count: int, operation: str | None = None, timeout: str = "10s") -> list[dict[str, Any]]:
        """Wait on the server until there were so many exchanges; they are returned."""
        query = {"count": str(count), "timeout": timeout} | ({} if operation is None else {"operation": operation})
        return list(self._call_admin("GET", f"requests/wait?{urlencode(query)}")["requests"])

    def why(self, number: int | str) -> dict[str, Any]:
        """Why an exchange was answered as it was; its number is the answer's `x-mock-request-id`."""
        return dict(self._call_admin("GET", f"why/{number}"))

    def audit(self, *, ongoing: bool = False, without: Collection[str] = ()) -> list[dict[str, Any]]:
        """The findings of the client's report card; of an `ongoing` client's nothing is expected that may follow."""
        query = urlencode({"ongoing": str(ongoing).lower(), "without": ",".join(without)})
        return list(self._call_admin("GET", f"audit?{query}")["findings"])

    def reset(self) -> None:
        """Start the account afresh."""
        self._call_admin("DELETE", "session")

    def _call_admin(self, method: str, path: str, body: Any = None) -> Any:
        at = urlsplit(self.origin)
        path, made = f"{at.path}/_mock/{path}", HTTPSConnection if at.scheme == "https" else HTTPConnection
        connection = made(at.netloc, timeout=PATIENCE)
        headers = {"x-api-key": self.api_key, **self._server.headers}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
            answer = json.loads(text) if text else None
        except (OSError, HTTPException, ValueError) as error:
            self._server.find(failed=error)  # which tells when it has ended
            raise VernMockError(f"{method} {at.scheme}://{at.netloc}{path}: {type(error).__name__}: {error}") from None
        finally:
            connection.close()
        if response.status != 200:
            reason = answer.get("error", answer) if isinstance(answer, dict) else answer
            if response.status == 401:
                token = "; give it with --vern-mock-admin-token" if "x-admin-token" in str(reason) else ""
                reason = f"{reason}{token or '; each test has a key of its own, so no --api-key can name it'}"
            raise VernMockError(f"{method} {path}: {reason}")
        return answer


class VernMockError(Exception):
    """The mock did not take what a test asked of it; the text says why."""


@pytest.fixture
def vern_mock(request: pytest.FixtureRequest) -> Iterator[VernMock]:
    """A mock of Vern's Preview API for this test alone: `url`, `api_key`, `use`, `advance`, `fault`, `requests`, …."""
    __tracebackhide__ = False  # what fails here is shown to fail here
    try:
        test = request.node.stash[_TEST] = _Test.of(request)
    except VernMockError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    yield test.mock
    del request.node.stash[_TEST]
    # The ends of other fixtures may still have used the client.
    late = "" if test.clean is None else test.mistakes(request.node, "teardown")
    with contextlib.suppress(VernMockError):
        test.mock.reset()  # nothing of it is worth the server's memory any longer
    if late:
        pytest.fail(late, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test for what its client did wrong; a failure of its own gets that as a note."""
    if (test := item.stash.get(_TEST, None)) is None:
        return (yield)
    try:
        result = yield
    except (Exception, pytest.fail.Exception) as failure:
        test.note(item, failure)
        raise
    __tracebackhide__ = False  # what fails here is shown to fail here
    if failures := getattr(item, "_excinfo", None):  # where a TestCase keeps its own
        test.note(item, failures[0].value)
    elif mistakes := test.mistakes(item, "call"):
        pytest.fail(mistakes, pytrace=False)
    return result


_MEMBERS: Mapping[str, Any] = {
    "scenario": None, "dialect": None, "clock": None, "pace": None, "allow": (), "audit": True, "without": (),
    "strict": True,
}  # fmt: skip


def _marker_members(item: pytest.Item) -> dict[str, Any]:
    """What the test's marker says; the nearest one counts, member by member."""
    marked = dict(_MEMBERS)
    for marker in reversed(list(item.iter_markers("vern_mock"))):
        if marker.args or (strange := set(marker.kwargs) - set(_MEMBERS)):
            wrong = "positional arguments" if marker.args else ", ".join(sorted(strange))
            raise pytest.UsageError(f"{item.nodeid}: vern_mock takes no {wrong}; it takes {', '.join(_MEMBERS)}")
        marked |= marker.kwargs
    return marked


@dataclass(slots=True)
class _Test:
    """A test with its mock, and what its client does wrong."""

    mock: VernMock
    marked: Mapping[str, Any]
    clean: int | None = None
    """The number of exchanges when the test ended, and nothing was wrong with them."""

    @classmethod
    def of(cls, request: pytest.FixtureRequest) -> _Test:
        """A fresh account that does what the marker says; VernMockError when the mock does not take it."""
        server, marked = request.config.stash[_SERVER], _marker_members(request.node)
        mock = VernMock(server, server.key(request.node.nodeid))
        mock.reset()  # the same test may have run before on this server
        for name, do in (("scenario", mock.use), ("dialect", mock.dialect), ("clock", mock.clock)):
            if marked[name] is not None:
                do(marked[name])
        if marked["pace"] is not None:
            mock._call_admin("PUT", "scenario", {"pace": marked["pace"]})  # noqa: SLF001 - its own
        return cls(mock, marked)

    def mistakes(self, item: pytest.Item, when: str, *, ongoing: bool = False) -> str:
        """What the client did wrong, in words, if anything; the report gets the timeline of what it did."""
        known, self.clean, marked = self.clean or 0, None, self.marked
        try:
            if len(exchanges := self.mock.requests) == known:
                self.clean = known
                return ""
            found = self._errors(ongoing=True)
            ended = [] if ongoing or not marked["strict"] else self._errors(ongoing=False)
        except VernMockError as error:
            return str(error)
        wrong = [
            f"{_line(each)} (expected? then allow=[{each['status']}] in the marker)"
            for each in exchanges
            if each["status"] in UNEXPECTED and each["status"] not in marked["allow"] and not each["fault"]
        ]
        wrong += found
        wrong += [f"{each} (more to come? then strict=False in the marker)" for each in ended if each not in found]
        item.add_report_section(when, "vern-mock", "\n".join(map(_line, exchanges)))
        if not wrong:
            self.clean = len(exchanges)
        count = f"{len(wrong)} mistakes:\n " if wrong[1:] else "a mistake:"
        return f"the client made {count} " + "\n  ".join(wrong) if wrong else ""

    def _errors(self, *, ongoing: bool) -> list[str]:
        """The errors on the report card of a client that is done, or not yet."""
        found = self.mock.audit(ongoing=ongoing, without=self.marked["without"]) if self.marked["audit"] else []
        return [f"{each['code']}: {each['happened']}" for each in found if each["severity"] == "error"]

    def note(self, item: pytest.Item, failure: BaseException) -> None:
        """Add to a failure what the client did wrong until then, or that the mock has ended."""
        told, self.clean = self.mistakes(item, "call", ongoing=True), None
        if told and not isinstance(failure, (VernMockError, pytest.skip.Exception)):
            failure.add_note(told)


def _line(exchange: Mapping[str, Any]) -> str:
    parts = [str(exchange["number"]), exchange["method"], exchange["path"], str(exchange["status"] or "no answer")]
    parts += [f"[{exchange['fault']}]"] if exchange["fault"] else []
    parts += [exchange["note"]] if exchange["note"] else []
    return " ".join(parts)


# -- the server


class _Server:
    """The one server of a run of pytest, started when a test first asks for it; xdist's workers ask the controller."""

    def __init__(self, config: pytest.Config) -> None:
        url, token = config.getoption("--vern-mock-url"), config.getoption("--vern-mock-admin-token")
        told = getattr(config, "workerinput", {}).get("vern_mock", {})
        self.headers = {"x-admin-token": token} if url and token else {}
        if url and not re.match("https?://[^/]", url):
            raise pytest.UsageError(f"--vern-mock-url: expected a URL such as http://127.0.0.1:8376; got {url!r}")
        self._origin: str | None = url.rstrip("/").removesuffix("/api/v1") if url else None
        self._salt = told.get("salt", uuid4().hex if url else "")  # on a server of its own a test's ids stay the same
        self._port: int | None = told.get("port")
        self._trouble: str | None = None
        self._process: Process | None = None
        self._listening: socket.socket | None = None
        self._ending = contextlib.ExitStack()

    def key(self, test: str) -> str:
        """The API key of a test: nobody else's on this server."""
        return "test-" + hashlib.sha256(f"{self._salt}{test}".encode()).hexdigest()[:24]

    def find(self, *, failed: Exception | None = None) -> str:
        """Scheme, host and port of the server; VernMockError, in full the first time, when it does not run.

        Whoever could not reach it tells how that `failed`, so that one that has ended is noticed.
        """
        if self._trouble is not None:
            raise VernMockError(f"{self._trouble}{TOLD}")
        try:
            if isinstance(failed, TimeoutError):
                raise VernMockError(f"the mock at {self._origin} has not answered for {PATIENCE} seconds")
            if self._port is not None and (failed or self._origin is None):
                self._origin = self._ask(b"again" if failed else b"first")
            elif self._origin is None:
                self._origin = self._start()
            elif failed and self._process is not None and (code := self._process.ended(1)) is not None:
                said = self._process.log()[-2_000:]
                raise VernMockError(f"the mock has ended: its exit code is {code}\nit said:\n{said}")
        except VernMockError as error:
            self._trouble = str(error).partition("\n")[0].removesuffix(TOLD)
            raise
        return self._origin

    def shared(self, worker: str) -> dict[str, Any]:
        """What a worker of xdist is to know; a thread answers when it asks for the server."""
        if self._origin is None and self._listening is None:
            self._listening = self._ending.enter_context(socket.create_server(("127.0.0.1", 0)))
            threading.Thread(target=self._tell, args=(self._listening,), daemon=True).start()
        port = self._listening and self._listening.getsockname()[1]
        return {"salt": self._salt + worker, "port": port}

    def stop(self) -> None:
        """End the server, if there is one."""
        self._ending.close()

    def _start(self) -> str:
        # By its path, since the project that is tested may have modules of the same names.
        path = Path(__file__).with_name("mock_server") / "player/process.py"
        found: Any = spec_from_file_location("_vern_mock_process", path)
        found.loader.exec_module(module := module_from_spec(found))
        try:
            self._process = process = self._ending.enter_context(module.running("--rate-limit", "100/min"))
        except module.NotStarted as reason:
            raise VernMockError(f"the mock did not start\nit said:\n{reason}") from None
        return str(process.url)

    def _ask(self, what: bytes) -> str:
        """Ask the controller."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE) as asking:
                asking.sendall(what)
                told = json.loads(asking.makefile().read())
        except (OSError, ValueError) as error:
            raise VernMockError(f"xdist's controller does not tell where the mock is: {error}") from None
        if "trouble" in told:
            raise VernMockError(told["trouble"])
        return str(told["url"])

    def _tell(self, listening: socket.socket) -> None:
        """Tell the workers that ask where the server is."""
        while True:
            try:
                asked, _ = listening.accept()
            except OSError:  # it is closed
                return
            with asked, contextlib.suppress(OSError):
                try:
                    told = {"url": self.find(failed=OSError() if asked.recv(5) == b"again" else None)}
                except VernMockError as trouble:
                    told = {"trouble": str(trouble)}
                asked.sendall(json.dumps(told).encode())
