"""Room for sessions: which one ends when there is no more of it or when nobody uses it, and which are kept."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from conftest import Client
from refusals import DOCS, LIVE, RUN
from test_sessions import called, sessions_of

from mock_server.kernel.clock import MINUTE, SECOND
from mock_server.kernel.errors import Refusal
from mock_server.kernel.settings import Settings
from mock_server.player.process import Process, running
from mock_server.preview.account import account_of
from mock_server.preview.generation import PREVIEW, create_app
from mock_server.preview.language import load_world
from mock_server.server.connections import Connections
from mock_server.session import sessions as sessions_module
from mock_server.session.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.types import Message, Send

    from mock_server.player.transport import Call
    from mock_server.scenarios.catalog import World
    from mock_server.server.app import App
    from mock_server.session.session import Session


# -- a server with room for three, and keys of its choice

KEYS = ("alpha", "beta", "gamma", "delta")


@pytest.fixture(scope="module")
def strict() -> Iterator[Process]:
    """A server that accepts four keys and keeps three sessions."""
    keys = (word for key in KEYS for word in ("--api-key", key))
    room = ("--max-sessions", "3", "--max-uploads", "3", "--max-upload-bytes", "50")
    with running("--speed", "0", *room, *keys) as process:
        yield process
        assert process.stop() == 0
        log = process.log()
        assert "Traceback" not in log, log[log.find("Traceback") - 300 :][:3_000]


def test_a_server_with_named_keys_takes_no_other(strict: Process) -> None:
    for named in KEYS:
        assert called(strict.url, named, "GET", "/api/v1/sources").status == 200
    for unknown in ("omega", "Alpha", "alpha1", "alph", "alpha,beta", "revoked"):
        for path in ("/api/v1/sources", "/_mock/session"):
            call = called(strict.url, unknown, "GET", path)
            assert call.status == 401
            assert not any(named in call.text for named in KEYS)


def test_when_there_is_no_room_the_session_that_was_idle_longest_ends(strict: Process) -> None:
    def scenario(key: str) -> str:
        return str(called(strict.url, key, "GET", "/_mock/scenario").body["name"])

    for key in KEYS[:3]:
        called(strict.url, key, "DELETE", "/_mock/session")
        called(strict.url, key, "PUT", "/_mock/scenario", {"name": "park"})
    assert sessions_of(strict.url) == 3
    assert scenario("alpha") == "park"  # used again, so that beta is the one that was idle longest
    assert scenario("delta") == "live"
    assert sessions_of(strict.url) == 3
    assert [scenario(key) for key in ("alpha", "gamma", "delta")] == ["park", "park", "live"]
    assert scenario("beta") == "live"

    for key in KEYS:
        called(strict.url, key, "DELETE", "/_mock/session")


def put(url: str, asked: Call, content: bytes) -> Call:
    with closing(Client(url, None)) as client:
        return client.send("PUT", urlsplit(asked.body["upload_url"]).path, content, {})


def test_a_session_has_room_for_so_many_uploads_of_so_many_bytes(strict: Process) -> None:
    key = KEYS[0]
    called(strict.url, key, "DELETE", "/_mock/session")
    first, second, third = (called(strict.url, key, "POST", f"{LIVE}/uploads", {"name": "a.csv"}) for _ in range(3))
    refused = called(strict.url, key, "POST", f"{LIVE}/uploads", {"name": "a.csv"})
    assert (refused.status, list(refused.body)) == (413, ["error"])
    assert "3 uploads" in refused.body["error"]
    assert "--max-uploads" in refused.body["error"]
    assert put(strict.url, first, b"x" * 30).status == 200
    for content in (b"x" * 21, b"x" * 1_000_000):
        over = put(strict.url, second, content)
        assert over.status == 413
        assert "--max-upload-bytes" in over.body["error"]
    assert put(strict.url, second, b"x" * 20).status == 200  # a refused file takes no room
    assert put(strict.url, third, b"").status == 200
    assert called(strict.url, key, "GET", "/_mock/session").body["uploads"] == {"count": 3, "bytes": 50}
    assert called(strict.url, key, "DELETE", "/_mock/session").body["uploads"] == {"count": 0, "bytes": 0}
    assert put(strict.url, called(strict.url, key, "POST", f"{LIVE}/uploads", {"name": "a"}), b"x" * 50).status == 200
    called(strict.url, key, "DELETE", "/_mock/session")


def test_health_tells_how_full_the_server_is(strict: Process) -> None:
    health = called(strict.url, None, "GET", "/_mock/health").body
    assert health["sessions"] <= health["max_sessions"] == 3
    assert health["max_memory"] == 1_000_000_000
    assert health["memory"] is None or 1_000_000 < health["memory"] < health["max_memory"]


def test_when_all_are_at_work_a_new_key_is_refused_and_nobody_loses_a_run(strict: Process) -> None:
    for key in KEYS[:3]:
        called(strict.url, key, "DELETE", "/_mock/session")
        assert called(strict.url, key, "GET", RUN).body["status"] == "needs_attention"
    for path in ("/api/v1/sources", "/_mock/session"):
        call = called(strict.url, KEYS[3], "GET", path)
        assert call.status == 503
        assert list(call.body) == ["error"]
        assert "--max-sessions" in call.body["error"]
        assert 1 <= int(call.headers["retry-after"]) <= 60
    for key in KEYS[:3]:
        assert called(strict.url, key, "GET", "/_mock/session").body["companies"]
    assert called(strict.url, KEYS[0], "POST", f"{RUN}/decisions", {"decision": "reject"}).status == 200
    assert sessions_of(strict.url) == 3
    for key in KEYS[:3]:
        called(strict.url, key, "DELETE", "/_mock/session")


# -- idle sessions, at real times of the test's choice


@pytest.fixture(scope="module")
def world() -> World:
    return load_world()


def test_an_idle_session_ends_when_another_is_opened(world: World) -> None:
    sessions = Sessions(Settings(session_idle=1_000), world, PREVIEW)
    first = sessions.session("first", 0)
    sessions.session("second", 500)
    sessions.session("third", 999)
    assert len(sessions) == 3
    sessions.session("fourth", 1_000)  # the first has been idle for a second
    assert len(sessions) == 3
    assert sessions.session("first", 1_001) is not first


def test_use_keeps_a_session_alive(world: World) -> None:
    sessions = Sessions(Settings(session_idle=1_000), world, PREVIEW)
    first = sessions.session("first", 0)
    for real in range(500, 10_000, 500):
        assert sessions.session("first", real) is first
        sessions.session("second", real)
    assert len(sessions) == 2


def test_a_session_that_was_idle_too_long_is_gone_though_nobody_else_came(world: World) -> None:
    sessions = Sessions(Settings(session_idle=1_000), world, PREVIEW)
    first = sessions.session("first", 0)
    assert sessions.session("first", 999) is first
    assert sessions.session("first", 1_999) is not first


def test_all_idle_sessions_end_at_once(world: World) -> None:
    sessions = Sessions(Settings(session_idle=1_000), world, PREVIEW)
    for number in range(5):
        sessions.session(f"key-{number}", number)
    sessions.session("late", 5_000)
    assert len(sessions) == 1


def test_the_cap_holds_though_none_is_idle_for_long(world: World) -> None:
    sessions = Sessions(Settings(max_sessions=2), world, PREVIEW)
    for number in range(5):
        sessions.session(f"key-{number}", number)
        assert len(sessions) == min(2, number + 1)


def at_work(sessions: Sessions, key: str, real: int) -> Session:
    """The key's session, which has a parked run."""
    session = sessions.session(key, real)
    assert account_of(session).known(DOCS.rpartition("/")[2]) is not None
    return session


def test_whoever_has_nothing_in_flight_goes_first(world: World) -> None:
    sessions = Sessions(Settings(max_sessions=3), world, PREVIEW)
    old, idle, new = (at_work(sessions, "old", 0), sessions.session("idle", 1), at_work(sessions, "new", 2))
    other = sessions.session("other", MINUTE - 1)
    assert [each.closed for each in (old, idle, new, other)] == [False, True, False, False]
    for number in range(25):  # each in the place of the one before
        sessions.session(f"passer-by-{number}", MINUTE + number)
    assert not old.closed
    assert not new.closed


def test_a_run_that_nobody_asked_about_for_a_minute_goes_when_there_is_no_other(world: World) -> None:
    sessions = Sessions(Settings(max_sessions=2), world, PREVIEW)
    first, second = (at_work(sessions, key, 0) for key in ("first", "second"))
    sessions.session("first", 30_000)
    with pytest.raises(Refusal) as refused:
        sessions.session("third", MINUTE - 1)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    sessions.session("third", MINUTE + SECOND)
    assert (first.closed, second.closed) == (False, True)


def test_many_at_work_are_not_all_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "LOOKS", 2)
    sessions = Sessions(Settings(max_sessions=4), world, PREVIEW)
    first, _, _ = (at_work(sessions, f"key-{number}", number) for number in range(3))
    idle = sessions.session("idle", 4)
    sessions.session("new", 2 * MINUTE)
    assert (first.closed, idle.closed) == (True, False)


def test_who_is_idle_too_long_keeps_the_session_while_calls_or_runs_are_in_hand(world: World) -> None:
    sessions = Sessions(Settings(session_idle=1_000), world, PREVIEW)
    waiting, worker, idle = sessions.session("waiting", 0), at_work(sessions, "worker", 0), sessions.session("idle", 0)
    waiting.busy += 1
    sessions.close_idle(MINUTE - 1)
    assert [each.closed for each in (waiting, worker, idle)] == [False, False, True]
    assert sessions.enter("worker", MINUTE - 1) is worker
    sessions.close_idle(2 * MINUTE)
    assert len(sessions) == 1
    assert sessions.enter("waiting", 3 * MINUTE) is waiting


def test_where_memory_is_short_those_end_that_nobody_works_with(world: World) -> None:
    sessions = Sessions(Settings(max_memory=1_000), world, PREVIEW)
    busy, worker = sessions.session("busy", 0), at_work(sessions, "worker", 0)
    busy.busy += 1
    for number in range(18):
        sessions.session(f"key-{number}", number)
    used, told = [1_000], list[str]()
    connections = Connections(sessions, lambda _, text: told.append(text), lambda: used[0])
    left = []
    for second, now in enumerate((1_000, 1_250, 1_250, 1_270, 1_400, 10**6, 900, 1_100)):
        used[0] = now
        connections.sweep((), 2 * SECOND * second)
        left.append(len(sessions))
    assert left == [20, 16, 16, 16, 14, 2, 2, 2]  # a fifth; no more while it does not grow; none that is in use
    assert not worker.closed
    assert sessions.memory == 1_100
    assert [each.split()[-1] for each in told] == ["(--max-memory)"]


def test_a_peak_of_memory_that_is_over_allows_no_other(world: World) -> None:
    sessions, used, left = Sessions(Settings(max_memory=1_000), world, PREVIEW), [0], []
    for number in range(20):
        sessions.session(f"key-{number}", number)
    connections = Connections(sessions, lambda *_: None, lambda: used[0])
    for second, now in enumerate((2_000, 950, 1_500, 800, 1_500)):
        used[0] = now
        connections.sweep((), 2 * SECOND * second)
        left.append(len(sessions))
    assert left == [10, 10, 10, 10, 6]


async def get(app: App, key: str, path: str, send: Send) -> None:
    """A call of an application in this process."""

    async def receive() -> Message:
        await asyncio.Event().wait()  # it does not hang up
        raise AssertionError

    headers = [(b"x-api-key", key.encode())]
    asked = {"path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers}
    await app({"type": "http", "method": "GET", "scheme": "http", "http_version": "1.1", **asked}, receive, send)


def test_a_download_on_its_way_keeps_the_session(world: World) -> None:
    app, calls = create_app(Settings(max_sessions=1), world), list[int]()

    async def send(_: Message) -> None:
        calls.append(app.sessions.session("reader", 0).busy)
        with pytest.raises(Refusal):
            app.sessions.session("newcomer", MINUTE)

    asyncio.run(get(app, "reader", f"{DOCS}/export.csv", send))
    assert len(calls) > 2
    assert set(calls) == {1}
    assert not app.sessions.session("reader", 0).busy


def test_ten_exchanges_cost_a_session_little(world: World) -> None:
    app = create_app(Settings(rate_limit=None), world)

    async def send(_: Message) -> None:
        pass

    async def calls(names: Iterable[str]) -> None:
        for name in names:
            for _ in range(10):
                await get(app, name, RUN, send)

    asyncio.run(calls(["warm"]))
    gc.collect()
    tracemalloc.start()
    try:
        asyncio.run(calls(f"key-{number}" for number in range(50)))
        gc.collect()
        each = tracemalloc.get_traced_memory()[0] / 50
        app.sessions.relieve(MINUTE * 10**9, 1)
        gc.collect()
        left = tracemalloc.get_traced_memory()[0] / 50
    finally:
        tracemalloc.stop()
    assert len(app.sessions) == 0
    assert each < 30_000  # 10,000 sessions fit into what a server may occupy
    assert left < 5_000


def test_a_session_that_ends_closes_its_files_and_forgets_its_upload_urls(world: World) -> None:
    sessions = Sessions(Settings(max_sessions=1), world, PREVIEW)
    session = sessions.session("first", 0)
    upload = account_of(session).request_upload(
        0, account_of(session).company(LIVE.rpartition("/")[2]).id, {"name": "a.csv"}
    )
    file = _File()
    account_of(session).receive(0, upload.token, file)  # type: ignore[arg-type]  # only closed
    assert sessions.find_signed(PREVIEW.signed[0], upload.token) == (
        session,
        {"company_id": upload.company_id, "upload_ref": upload.ref},
    )
    sessions.session("second", 1)
    assert sessions.find_signed(PREVIEW.signed[0], upload.token) is None
    assert file.closed
    sessions.close()
    assert len(sessions) == 0


class _File:
    closed = False

    def close(self) -> None:
        self.closed = True


def test_refusals_say_which_kind_of_wrong_the_key_is(world: World) -> None:
    sessions = Sessions(Settings(api_keys=frozenset({"named"})), world, PREVIEW)
    for bad, word in (
        (None, "missing"),
        ("", "missing"),
        ("a b", "4 to 128 characters"),
        ("invalid1", "invalid"),
        ("revoked1", "revoked"),
        ("other", "unknown"),
    ):
        with pytest.raises(Refusal) as refused:
            sessions.accepted(bad)
        assert refused.value.status == 401
        assert word in refused.value.text
