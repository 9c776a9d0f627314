"""A request that does not come whole ends with 408, at times of the test's choice, on both of uvicorn's protocols."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from mock_server.kernel.clock import MINUTE, SECOND, real_time
from mock_server.kernel.settings import Settings
from mock_server.preview.generation import create_app
from mock_server.preview.language import load_world
from mock_server.server.connections import Connections
from mock_server.server.protocol import Protocol
from mock_server.server.run import KEEP_ALIVE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from mock_server.scenarios.catalog import World

ROOT = Path(__file__).parent.parent
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
KEY = "host: mock\r\nx-api-key: test-half\r\n"
GET = f"GET /api/v1/sources HTTP/1.1\r\n{KEY}\r\n"
HEADS = {
    "nothing": "",
    "half a line": "GET /api/v1/sour",
    "half the headers": "GET /api/v1/sources HTTP/1.1\r\nx-api-k",
    "half of the second": f"{GET}GET /api",
}
BODIES = {
    "nothing": "content-length: 50\r\n\r\n",
    "half": 'content-length: 50\r\n\r\n{"a',
    "half a chunk": 'transfer-encoding: chunked\r\n\r\n5\r\n{"',
    "half of a chunk's size": "transfer-encoding: chunked\r\n\r\n5",
}


@pytest.fixture(scope="module")
def world() -> World:
    return load_world()


class Site:
    """A mock in this process, and one connection to it."""

    def __init__(self, world: World, protocol: type[asyncio.Protocol]) -> None:
        self.app = create_app(Settings(), world)
        self.state: Any = ServerState()
        self.notices: list[str] = []
        self.connections = Connections(self.app.sessions, lambda _, text: self.notices.append(text))
        config = uvicorn.Config(
            self.app, http=protocol, ws="none", lifespan="off", log_config=None, timeout_keep_alive=KEEP_ALIVE
        )
        state: dict[str, Any] = {"config": config, "server_state": self.state, "app_state": {}}
        self.came = self.sent = 0
        """Bytes that have come to the server, and that were sent to it."""
        site = self

        class Counting(protocol):  # type: ignore[misc, valid-type]  # whichever is asked for
            def data_received(self, data: bytes) -> None:
                site.came += len(data)
                super().data_received(data)

        self.make: Callable[[], asyncio.Protocol] = lambda: Counting(**state)

    async def play(self, steps: Callable[[Site], Awaitable[None]]) -> None:
        server = await asyncio.get_running_loop().create_server(self.make, "127.0.0.1", 0)
        async with server:
            self.reader, self.writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await self.until(lambda: len(self.state.connections) == 1)
            await steps(self)
            self.writer.close()
            await self.until(lambda: not self.state.connections)

    async def until(self, true: Callable[[], bool]) -> None:
        """Let the loop go round until it is so."""
        async with asyncio.timeout(60):
            while not true():
                await asyncio.sleep(0)

    async def send(self, text: str) -> None:
        """Send this, and let it come."""
        self.writer.write(text.encode())
        self.sent += len(text)
        await self.until(lambda: self.came == self.sent)

    def sweep(self, now: int) -> None:
        self.connections.sweep(self.state.connections, now)

    @property
    def waits(self) -> int:
        """How many calls wait for their body."""
        return len(self.app.sessions.receiving)

    @property
    def is_open(self) -> bool:
        return not any(each.transport.is_closing() for each in self.state.connections)

    async def refused(self) -> str:
        """The text of the 408 that ends the connection."""
        head, _, body = (await self.reader.read()).rpartition(b"\r\n\r\n")
        last = head[head.rindex(b"HTTP/1.1 ") :].lower()
        assert last.startswith(b"http/1.1 408 ")
        assert b"connection: close" in last
        (text,) = json.loads(body).values()
        return str(text)


@pytest.fixture(params=["httptools", "h11"])
def play(request: pytest.FixtureRequest, world: World) -> Callable[[Callable[[Site], Coroutine[Any, Any, None]]], Site]:
    """Plays steps at a mock on each of uvicorn's protocols, ours being made of the one with httptools."""
    if request.param == "httptools":
        pytest.importorskip("httptools")
    protocol: Any = Protocol if request.param == "httptools" else H11Protocol

    def played(steps: Callable[[Site], Coroutine[Any, Any, None]]) -> Site:
        site = Site(world, protocol)
        asyncio.run(site.play(steps))
        return site

    return played


@pytest.mark.parametrize("sent", HEADS)
def test_a_head_must_be_whole_in_time(play: Any, sent: str) -> None:
    async def steps(site: Site) -> None:
        await site.send(HEADS[sent])
        if GET in HEADS[sent]:
            await site.reader.readuntil(b"x-mock-request-id")
        site.sweep(0)
        site.sweep(20 * SECOND - 1)
        assert site.is_open
        site.sweep(20 * SECOND)
        assert "within 20s" in await site.refused()

    assert play(steps).notices == [
        "1 connection sent no whole request within 20s (--head-timeout); answered 408 and closed"
    ]


def test_a_header_a_second_is_no_head(play: Any) -> None:
    async def steps(site: Site) -> None:
        await site.send("GET /api/v1/sources HTTP/1.1\r\n")
        for second in range(20):
            assert site.is_open
            await site.send("x-more: x\r\n")
            site.sweep(second * SECOND)
        site.sweep(20 * SECOND)
        await site.refused()

    play(steps)


def test_who_sends_whole_requests_may_stay(play: Any) -> None:
    async def steps(site: Site) -> None:
        for second in range(0, 200, 19):
            site.sweep(second * SECOND)
            await site.send(GET)
            await site.reader.readuntil(b"HTTP/1.1 200 OK")
            await site.reader.readuntil(b"\r\n\r\n")
        await site.until(lambda: all(each.cycle.response_complete for each in site.state.connections))
        for second in range(300, 300 + KEEP_ALIVE):
            site.sweep(second * SECOND)
        assert site.is_open  # idle, which is another matter

    assert not play(steps).notices


@pytest.mark.parametrize("play", ["httptools"], indirect=True)
def test_who_is_idle_for_long_is_hung_up_on(play: Any) -> None:
    async def steps(site: Site) -> None:
        for second in (0, KEEP_ALIVE - 1):
            await site.send(GET)
            await site.reader.readuntil(b"x-mock-request-id")
            site.sweep(second * SECOND)
            site.sweep((second + KEEP_ALIVE) * SECOND - 1)
            assert site.is_open
        site.sweep((2 * KEEP_ALIVE - 1) * SECOND)
        assert (await site.reader.read()).endswith(b"}")

    assert not play(steps).notices


@pytest.mark.parametrize("call", [f"POST {LIVE}/imports", "PUT /_mock/clock", "signed"])
@pytest.mark.parametrize("sent", BODIES)
def test_something_of_a_body_must_come_in_time(play: Any, sent: str, call: str) -> None:
    async def steps(site: Site) -> None:
        start = call
        if call == "signed":
            await site.send(f'POST {LIVE}/uploads HTTP/1.1\r\n{KEY}content-length: 16\r\n\r\n{{"name":"a.csv"}}')
            answer = await site.reader.readuntil(b"}")
            start = f"PUT /uploads/{json.loads(answer[answer.index(b'{') :])['upload_url'].rpartition('/')[2]}"
        await site.send(f"{start} HTTP/1.1\r\n{KEY}{BODIES[sent]}")
        await site.until(lambda: bool(site.waits))
        now = real_time()
        site.sweep(now + 59 * SECOND)
        assert site.waits
        site.sweep(now + 61 * SECOND)
        assert "the body stopped after" in await site.refused()

    site = play(steps)
    last = list(site.app.sessions.session("test-half", 0).journal)[-1:]
    assert call.startswith("PUT") or [(each.status, each.lost) for each in last] == [(408, False)]


def test_the_reason_to_refuse_is_told_though_the_body_never_comes(play: Any) -> None:
    async def steps(site: Site) -> None:
        await site.send(f"POST {LIVE}/imports HTTP/1.1\r\nhost: mock\r\ncontent-length: 50\r\n\r\n")
        await site.until(lambda: bool(site.waits))
        site.sweep(real_time() + 61 * SECOND)
        assert (await site.reader.read()).startswith(b"HTTP/1.1 401 ")

    play(steps)


def test_a_body_a_byte_a_minute_is_none(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(site: Site) -> None:
        now = real_time()
        monkeypatch.setattr("mock_server.session.exchange.real_time", lambda: now)
        await site.send(f"POST {LIVE}/imports HTTP/1.1\r\n{KEY}content-length: 50\r\n\r\n")
        await site.until(lambda: bool(site.waits))
        (exchange,) = site.app.sessions.receiving

        def has_come(count: int) -> bool:
            return exchange.size == count and bool(site.waits)

        for minute in range(10):
            now += 59 * SECOND
            site.sweep(now)
            assert not exchange.late
            await site.send(" ")
            await site.until(partial(has_come, minute + 1))
        site.sweep(now + 10 * SECOND)
        await site.refused()

    play(steps)


def test_that_keys_found_no_room_is_said_once_a_minute(play: Any) -> None:
    async def steps(site: Site) -> None:
        for second in range(90):
            site.app.sessions.refused += 1
            site.connections.sweep((), second * SECOND)

    told = play(steps).notices
    assert [each.partition(" ")[0] for each in told] == ["1", "60"]
    assert all("--max-sessions" in each for each in told)


def test_that_no_descriptor_is_left_is_said_once_a_minute(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    async def steps(site: Site) -> None:
        await site.send(GET)
        await site.reader.readuntil(b"HTTP/1.1 200 OK")
        await site.until(lambda: all(each.cycle.response_complete for each in site.state.connections))
        site.sweep(0)
        assert not site.notices
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", full)
            site.sweep(0)
            assert not site.is_open  # it was idle
            for second in range(2 * MINUTE // SECOND):
                site.connections.sweep((), second * SECOND)
        site.connections.sweep((), 10 * MINUTE)

    notices = play(steps).notices
    assert len(notices) == 2
    assert all("ulimit -n" in each for each in notices)


WITH_H11 = "import sys; sys.modules['httptools'] = sys.modules['uvloop'] = None; "


@pytest.mark.skipif(os.name != "posix", reason="file descriptors are counted by POSIX")
@pytest.mark.parametrize("first", ["", WITH_H11], ids=["httptools", "h11"])
def test_silent_connections_beyond_all_descriptors_stop_nobody_for_long(first: str) -> None:
    serve = f"{first}from mock_server.cli.main import main; main()"
    command = [sys.executable, "-P", "-c", serve, "serve", "--port", "0", "--head-timeout", "1s"]
    limited = ["/bin/sh", "-c", 'ulimit -n 40; exec "$@"', "sh", *command]
    with subprocess.Popen(limited, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        where = urlsplit(json.loads(process.stdout.readline())["url"])
        with ExitStack() as opened:
            for _ in range(60):
                silent = opened.enter_context(socket.create_connection((where.hostname, where.port), timeout=60))
                opened.callback(_read_to_the_end, silent)
        with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
            connection.sendall(GET.encode())
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        process.terminate()
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    assert log.count("ulimit -n") == 1
    assert "Traceback" not in log, log


def _read_to_the_end(silent: socket.socket) -> None:
    with suppress(ConnectionResetError):
        while silent.recv(1_000):
            pass
