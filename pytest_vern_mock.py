"""The pytest plugin: a mock for each test, and each clause of the contract as a test.

    def test_an_import_parks(vern_mock):
        vern_mock.use("park")
        run = MyClient(vern_mock.url, vern_mock.api_key).start_import(...)
        vern_mock.advance("21s")

`pytest --vern-conformance target.yaml` judges an implementation. This is one uniquely named module, of the standard
library alone, and the server is a process of its own: nothing of ours is in the way of folders with the same names.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from conformance.model.results import Results

SUITE = "vern-conformance"
"""What stands in the place of a file in the ids of the clauses' tests."""
MARKER = """\
vern_mock(scenario=None, dialect=None, clock=None, pace=None, allow=(), audit=True, without=()): how the mock behaves: \
a scenario; a dialect; "frozen", "real" or a speed; a pace; statuses of refusals that are expected; whether errors of \
the report card fail the test; the codes of rules to leave out."""
UNEXPECTED = (400, 404, 405)
"""Answers that tell a mistake in the client, unless the test allows them."""
STARTING = 30.0
"""Seconds for the server to start on a machine that is busy."""
_SERVER = pytest.StashKey["_Server"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the plugin."""
    group = parser.getgroup("vern-mock")
    group.addoption(
        "--vern-conformance",
        metavar="TARGET",
        help="judge an implementation of Vern's Preview API: a target file, or mock; each clause is a test",
    )
    group.addoption(
        "--vern-clauses", metavar="CLAUSE,...", default="", help="with --vern-conformance: these areas and ids alone"
    )
    group.addoption("--vern-mock-url", metavar="URL", help="use this running mock for vern_mock, and start none")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and a place for the one server of the run."""
    config.addinivalue_line("markers", MARKER)
    config.stash[_SERVER] = _Server.of(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the server; under xdist that is the controller's to do, when all workers are through."""
    server = config.stash.get(_SERVER, None)
    if server is not None and not hasattr(config, "workerinput"):
        server.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where all workers share what they know of the server."""
    node.workerinput["vern_mock_folder"] = str(node.config.stash[_SERVER].folder)


class VernMock:
    """One test's mock: an account of its own on the server that all tests share."""

    def __init__(self, origin: str, api_key: str) -> None:
        self.origin = origin
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
        path, connection = f"/_mock/{path}", HTTPConnection(urlsplit(self.origin).netloc, timeout=90)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"x-api-key": self.api_key})
            response = connection.getresponse()
            text = response.read()
            answer = json.loads(text) if text else None
        except (OSError, HTTPException, ValueError) as error:
            raise VernMockError(f"{method} {self.origin}{path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            reason = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise VernMockError(f"{method} {path}: {reason}")
        return answer


class VernMockError(Exception):
    """The mock did not take what a test asked of it; the text says why."""


@pytest.fixture
def vern_mock(request: pytest.FixtureRequest) -> Iterator[VernMock]:
    """A mock of Vern's Preview API for this test alone: `url`, `api_key`, `use`, `advance`, `fault`, `requests`, …."""
    server: _Server = request.config.stash[_SERVER]
    key = "test-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:24]
    mock = VernMock(server.url(), key)
    mock.reset()  # the same test may have run before on this server
    members = _marker_members(request.node)
    for name, do in (("scenario", mock.use), ("dialect", mock.dialect), ("clock", mock.clock)):
        if members[name] is not None:
            do(members[name])
    if members["pace"] is not None:
        mock._call_admin("PUT", "scenario", {"pace": members["pace"]})  # noqa: SLF001 - its own
    yield mock
    _judge(request.node, mock, members)


_MEMBERS: Mapping[str, Any] = {
    "scenario": None, "dialect": None, "clock": None, "pace": None, "allow": (), "audit": True, "without": (),
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


def _judge(item: pytest.Item, mock: VernMock, marked: Mapping[str, Any]) -> None:
    """Fail the test for what its client did wrong, with the timeline of what it did."""
    exchanges = mock.requests
    wrong = [
        f"{_line(each)} (expected? then allow=[{each['status']}] in the marker vern_mock)"
        for each in exchanges
        if each["status"] in UNEXPECTED and each["status"] not in marked["allow"] and not each["fault"]
    ]
    # A test may end in the middle of a run's life.
    findings = mock.audit(ongoing=True, without=marked["without"]) if marked["audit"] else []
    wrong += [f"{each['code']}: {each['happened']}" for each in findings if each["severity"] == "error"]
    if exchanges:
        item.add_report_section("call", "vern-mock", "\n".join(map(_line, exchanges)))
    if wrong:
        pytest.fail("the client made mistakes:\n" + "\n".join(f"  {each}" for each in wrong), pytrace=False)


def _line(exchange: Mapping[str, Any]) -> str:
    parts = [str(exchange["number"]), exchange["method"], exchange["path"], str(exchange["status"] or "no answer")]
    parts += [f"[{exchange['fault']}]"] if exchange["fault"] else []
    parts += [exchange["note"]] if exchange["note"] else []
    return " ".join(parts)


# -- the server


@dataclass(slots=True)
class _Server:
    """The one server of a run of pytest, started when a test first asks for it; workers of xdist share a folder."""

    folder: Path
    known: str | None = None

    @classmethod
    def of(cls, config: pytest.Config) -> _Server:
        given = getattr(config, "workerinput", {}).get("vern_mock_folder")
        folder = Path(given) if given else Path(tempfile.gettempdir(), f"vern-mock-{os.getpid()}-{time.time_ns()}")
        url = config.getoption("--vern-mock-url")
        return cls(folder, None if url is None else url.rstrip("/").removesuffix("/api/v1"))

    def url(self) -> str:
        """Scheme, host and port of the server, which runs when this returns."""
        if self.known is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.folder / "lock", os.O_CREAT | os.O_EXCL))  # one worker starts it, others wait
                self._start()
            ends = time.monotonic() + STARTING
            while (line := self._line()) is None:
                if time.monotonic() >= ends:
                    log = self.folder / "log"
                    output = log.read_text(errors="replace")[-2_000:] if log.exists() else ""
                    raise VernMockError(f"the mock did not start within {STARTING:g} s; it said:\n{output}")
                time.sleep(0.02)
            self.known = str(line["url"])
        return self.known

    def stop(self) -> None:
        """End the server, if there is one, and remove what it left."""
        ready = self._line()
        if ready is not None:
            with contextlib.suppress(OSError):
                os.kill(ready["pid"], signal.SIGTERM)
        for name in ("ready.json", "lock", "log"):
            (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "mock_server", "serve", "--port", "0", "--rate-limit", "100/min"]
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own server
                [*command, "--ready-file", str(self.folder / "ready.json")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # an interrupt at the terminal is pytest's, which then ends the server
            )
        process.returncode = 0  # it outlives this process under xdist, and `stop` ends it by its id: no warning is due

    def _line(self) -> dict[str, Any] | None:
        try:
            return dict(json.loads((self.folder / "ready.json").read_text()))
        except (OSError, ValueError):  # not there yet, or not whole
            return None


# -- the clauses


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the clauses to what was collected, before -k and -m choose among it."""
    target = config.getoption("--vern-conformance")
    if target is None:
        return
    if hasattr(config, "workerinput"):
        raise pytest.UsageError("--vern-conformance judges a target as one client: add -n 0, so that xdist stays out")
    judgment = _judgment(target, config)
    items += [
        _Clause.from_parent(session, name=name, nodeid=f"{SUITE}::{name}", judgment=judgment)
        for name in judgment.clauses
    ]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Judge no more than what -k and -m have left."""
    chosen = [item for item in session.items if isinstance(item, _Clause)]
    for item in chosen:
        item.judgment.clauses = tuple(each.name for each in chosen)


@dataclass(slots=True)
class _Judgment:
    """One run of the suite, made when its first clause is asked for."""

    target: Any
    clauses: tuple[str, ...]
    made: Results | None = None

    def results(self) -> Results:
        """Everything that was found; pytest ends with 4 when the target cannot be judged at all."""
        if self.made is None:
            from conformance import Plan, run  # noqa: PLC0415 - heavy, and only for this option

            self.made = run(self.target, Plan(clauses=self.clauses))
        if self.made.unreachable is not None:
            pytest.exit(f"the target cannot be judged: {self.made.unreachable}", returncode=4)
        return self.made


def _judgment(target: str, config: pytest.Config) -> _Judgment:
    """What is to be judged; a usage error says what is wrong with the words that were given."""
    try:
        from conformance.model import clauses  # noqa: PLC0415 - only for this option
        from conformance.preview import target_file as targetfile  # noqa: PLC0415 - only for this option
        from conformance.preview.suite import MOCK  # noqa: PLC0415 - only for this option
        from mock_server.contract.yaml_file import BadFiles  # noqa: PLC0415 - only for this option
    except ModuleNotFoundError as missing:
        raise pytest.UsageError(
            f"--vern-conformance needs {missing.name}: pip install '.[conformance]' in a checkout"
        ) from None
    try:
        known = target if target == MOCK else targetfile.load(config.invocation_params.dir / target)
        return _Judgment(known, tuple(clauses.select(config.getoption("--vern-clauses").split(","))))
    except BadFiles as bad:
        raise pytest.UsageError("\n".join(map(str, bad.complaints))) from None
    except clauses.UnknownClause as unknown:
        raise pytest.UsageError(f"--vern-clauses: {unknown.args[0]}") from None


class _Broken(Exception):
    """The clause did not pass; the text is its report."""


class _Clause(pytest.Item):
    """A clause of the contract as a test."""

    def __init__(self, *, judgment: _Judgment, **given: Any) -> None:
        super().__init__(**given)
        self.judgment = judgment

    def runtest(self) -> None:
        """Pass, skip or fail as the suite found."""
        from conformance.model.results import Outcome  # noqa: PLC0415 - only for this option
        from conformance.report.terminal import fault  # noqa: PLC0415 - as above

        results = self.judgment.results()
        result = next(each for each in results.results if each.clause == self.name)
        if result.outcome in (Outcome.SKIPPED, Outcome.NOT_APPLICABLE):
            pytest.skip(next((each.reason for each in result.findings if each.reason), result.outcome.word))
        if result.outcome is Outcome.FAILED and result.level != "must":
            pytest.xfail(f"{result.clause} is a {result.level} clause: {result.text}")
        if result.outcome > Outcome.PASSED:
            raise _Broken(fault(results, result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The suite's own report of the clause instead of a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, _Broken) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where pytest says that the test is."""
        return self.config.rootpath / SUITE, None, self.name
