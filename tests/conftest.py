"""What the tests stand on: one real server a worker, a session of its own for each test, a client that checks answers.

The server's clocks stand still; a test moves its session's clock. Nothing sleeps.
"""

from __future__ import annotations

import gc
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import is_hypothesis_test, settings
from refusals import A_MILLION_ROWS, LIMIT

from mock_server.contract import document as contract
from mock_server.faults.transport import FAULT
from mock_server.player.process import running
from mock_server.player.transport import Call, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.player.process import Process

# Statuses that the contract leaves to the server: OP-35.
BESIDE_THE_CONTRACT = (405, 408, 413, 415, 421, 503)

# A busy machine is no mistake. `make test-all` draws more examples wherever a test does not say how many.
settings.register_profile("ours", deadline=None, max_examples=60)
settings.register_profile("whole", deadline=None, max_examples=400)

JUDGES = Path(__file__).parent / "conformance"
MEASURED = "COVERAGE_PROCESS_CONFIG"
"""By this variable coverage measures other processes, too; only the servers that the tests share are measured."""
_measured = os.environ.pop(MEASURED, None)


@contextmanager
def measured(*arguments: str) -> Iterator[Process]:
    """A server whose lines count."""
    if _measured is not None:
        os.environ[MEASURED] = _measured
    try:
        starting = running(*arguments)
        process = starting.__enter__()
    finally:
        os.environ.pop(MEASURED, None)
    with ExitStack() as ending:
        ending.push(starting)
        yield process


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("ours" if config.getoption("markexpr") else "whole")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Thousands of tests and their modules stay to the end: no collection of garbage need look at them each time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Do not measure what runs the same lines some thousand times: it would cost minutes.

    These are the judge's tests, which try servers in their own process, and those that draw their examples.
    """
    if config.pluginmanager.hasplugin("_cov"):
        for item in items:
            if JUDGES in item.path.parents or is_hypothesis_test(getattr(item, "function", None)):
                item.add_marker("no_cover")


def obeys_the_contract(call: Call) -> None:
    """Every answer of a documented operation is a documented one, unless a fault has bent it."""
    path = call.path.partition("?")[0]
    operation = contract.load().match(call.method, path).operation
    if operation is None or call.status in BESIDE_THE_CONTRACT or FAULT in call.headers:
        return
    wrong = contract.load().complaints(operation.id, call.status, call.headers.get("content-type"), call.body)
    assert not wrong, f"{call.method} {call.path}: {'; '.join(wrong)}\n{call.text[:1000]}"


class Watched(Transport):
    """A connection whose every exchange is looked at as soon as it is over."""

    def send(self, method: str, path: str, sent: bytes | None, headers: Mapping[str, str]) -> Call:
        call = super().send(method, path, sent, headers)
        obeys_the_contract(call)
        return call


class Client:
    """A caller over real HTTP, whose every answer is checked against the contract."""

    def __init__(self, url: str, key: str | None, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self.key = key
        self.transport: Transport = Watched(url, key, headers=headers)

    def get(self, path: str) -> Call:
        return self.transport.call("GET", path)

    def post(self, path: str, body: object = None) -> Call:
        return self.transport.call("POST", path, body)

    def put(self, path: str, body: object = None) -> Call:
        return self.transport.call("PUT", path, body)

    def delete(self, path: str) -> Call:
        return self.transport.call("DELETE", path)

    def send(self, method: str, path: str, sent: bytes | None, headers: dict[str, str]) -> Call:
        """Send these bytes with these headers, the key added only when they carry it."""
        return self.transport.send(method, path, sent, headers)

    def wait(self, milliseconds: int) -> None:
        """Let the session's clock pass."""
        moved = self.post("/_mock/clock/advance", {"by": f"{milliseconds}ms"})
        assert moved.status == 200, moved.text

    def advance(self, **how: Any) -> Any:
        """Move the session's clock, `by="21s"` or `to="next"`; what the server says about it."""
        moved = self.post("/_mock/clock/advance", how)
        assert moved.status == 200, moved.text
        return moved.body

    def close(self) -> None:
        self.transport.close()


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI pytest tells each failure a second time, whole."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of this worker's server; its log is read once it has ended, and holds no traceback."""
    with measured("--speed", "0") as process:
        yield process.url
        assert process.stop() == 0
        assert "Traceback" not in process.log(), process.log()


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server that takes small bodies only, and any number of calls."""
    scenario: Path = tmp_path_factory.mktemp("scenarios") / "a-million-rows.yaml"
    scenario.write_text(A_MILLION_ROWS)
    arguments = ("--speed", "0", "--rate-limit", "off", "--max-body", f"{LIMIT}B", "--scenarios", str(scenario))
    with measured(*arguments) as process:
        yield process
        assert process.stop() == 0
        log = process.log()
        assert "Traceback" not in log, log[log.find("Traceback") - 300 :][:3_000]


@pytest.fixture
def key() -> str:
    """A key that nobody else uses: a session of one's own."""
    return f"test-{uuid4()}"


@pytest.fixture
def client(server: str, key: str) -> Iterator[Client]:
    """A caller in a session of its own."""
    made = Client(server, key)
    yield made
    made.close()


@pytest.fixture
def at_small(small: Process, key: str) -> Iterator[Client]:
    made = Client(small.url, key)
    yield made
    made.close()
