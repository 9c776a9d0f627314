"""A client that hangs up has no answer, and the record says so, as it does when a fault takes the answer away."""

from __future__ import annotations

import json
import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from breakages import PARK, ROWS, break_with, gone, sides
from test_fault_wire import at_wired, wired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Client

__all__ = ["at_wired", "wired"]


@contextmanager
def calling(client: Client, method: str, path: str, body: object = None) -> Iterator[socket.socket]:
    """A connection over which the call was sent."""
    where, sent = urlsplit(client.url), b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: mock\r\nx-api-key: {client.key}\r\ncontent-length: {len(sent)}\r\n\r\n"
    with socket.create_connection((where.hostname, where.port), timeout=120) as connection:
        connection.sendall(head.encode() + sent)
        yield connection


def leave_unread(connection: socket.socket) -> None:
    connection.recv(1, socket.MSG_PEEK)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reset_unread(connection: socket.socket) -> None:
    leave_unread(connection)
    reset(connection)


def close(_: socket.socket) -> None:
    """It closes at the end of the block."""


HANG_UPS = [close, reset, leave_unread, reset_unread]


def latest(client: Client) -> dict[str, Any]:
    """The latest exchange, when it is over and the connection is, too: the next call opens another one."""
    exchange: dict[str, Any] = client.get("/_mock/requests/wait?timeout=20s").body["requests"][-1]
    return exchange


def lost_exchange(client: Client) -> dict[str, Any]:
    """The latest exchange, once it is known to be lost: the record of what was left unread follows the reset."""
    for _ in range(200):
        if (exchange := latest(client))["lost"]:
            return exchange
    raise AssertionError(exchange)


@pytest.mark.parametrize("hang_up", HANG_UPS)
def test_who_hangs_up_has_no_answer(at_wired: Client, hang_up: Callable[[socket.socket], None]) -> None:
    with calling(at_wired, "POST", f"{PARK}/imports", ROWS) as connection:
        hang_up(connection)
    exchange = lost_exchange(at_wired)
    assert (exchange["status"], exchange["fault"], exchange["note"]) == (201, None, "the client hung up")
    assert sides(at_wired)["imports"] == {"calls": 1, "meant": 1, "created": 1, "lost": 1}
    why = at_wired.get("/_mock/why/last?format=text").text
    assert "-> 201, lost on its way" in why


@pytest.mark.parametrize("hang_up", [close, leave_unread])
def test_the_card_says_the_same_as_when_a_fault_closes(
    at_wired: Client, hang_up: Callable[[socket.socket], None]
) -> None:
    def judged() -> Any:
        assert at_wired.post(f"{PARK}/imports", ROWS).status == 409
        return [each["code"] for each in at_wired.get("/_mock/audit").body["findings"]], sides(at_wired)

    break_with(at_wired, {"lose": "close", "operation": "start_import", "times": 1})
    gone(lambda: at_wired.post(f"{PARK}/imports", ROWS))
    expected = judged()
    assert "retries-import-without-key" in expected[0]
    at_wired.transport.call("DELETE", "/_mock/session")
    with calling(at_wired, "POST", f"{PARK}/imports", ROWS) as connection:
        hang_up(connection)
    lost_exchange(at_wired)
    assert judged() == expected


def test_who_only_sends_no_more_is_lost_when_nothing_comes(at_wired: Client) -> None:
    with calling(at_wired, "POST", f"{PARK}/imports", ROWS) as connection:
        connection.shutdown(socket.SHUT_WR)
        came = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert latest(at_wired)["lost"] is (came == b"")


def test_who_reads_all_and_closes_has_its_answer(at_wired: Client) -> None:
    with calling(at_wired, "POST", f"{PARK}/imports", ROWS) as connection:
        answer = connection.makefile("rb")
        length = next(int(line.split()[1]) for line in answer if line.lower().startswith(b"content-length"))
        while answer.readline().strip():
            pass
        assert len(answer.read(length)) == length
    at_wired.get("/_mock/health")
    assert latest(at_wired)["lost"] is False


def test_a_refused_call_that_nobody_read_is_lost_and_means_something(at_wired: Client) -> None:
    with calling(at_wired, "POST", f"{PARK}/imports", {"rows": 1}) as connection:
        leave_unread(connection)
    assert lost_exchange(at_wired)["status"] == 400
    assert sides(at_wired)["imports"] == {"calls": 1, "meant": 1, "created": 0, "lost": 1}
