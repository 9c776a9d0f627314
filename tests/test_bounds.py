"""What a session keeps is bounded, whatever is sent; what goes beyond is refused, or forgotten and told."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from breakages import PARK, WORLD
from test_fault_wire import at_wired, wired

from mock_server.contract.document import load
from mock_server.kernel.settings import Settings
from mock_server.preview.generation import PREVIEW
from mock_server.recording.journal import BODY, BYTES, Journal
from mock_server.server.app import MOST_HEADERS
from mock_server.server.protocol import HEAD
from mock_server.session.bundle import BadBundle, bundled, opened
from mock_server.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conftest import Client

__all__ = ["at_wired", "wired"]


def answers(client: Client, pieces: Sequence[bytes]) -> tuple[list[int], str]:
    """The statuses that come back on one connection, until the server closes it, and the last body."""
    where = urlsplit(client.url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        came = b"".join(iter(lambda: connection.recv(65_536), b""))
    return [int(each) for each in re.findall(rb"HTTP/1.1 ([0-9]+)", came)], came.rpartition(b"\r\n\r\n")[2].decode()


def head(client: Client, size: int) -> bytes:
    """The head of a request that has so many bytes."""
    names = f"host: mock\r\nx-api-key: {client.key}\r\nconnection: close\r\nx-long: "
    begin = f"GET /api/v1/sources HTTP/1.1\r\n{names}".encode()
    return begin + b"a" * (size - len(begin) - 4) + b"\r\n\r\n"


@pytest.mark.parametrize("size", [1_000, HEAD])
def test_a_head_may_be_long(at_wired: Client, size: int) -> None:
    assert answers(at_wired, [head(at_wired, size)])[0] == [200]


@pytest.mark.parametrize("size", [2 * HEAD + 1, 5_000_000])
@pytest.mark.parametrize("piece", [1_000, 5_000_000])
def test_a_head_that_is_too_long_is_refused(at_wired: Client, size: int, piece: int) -> None:
    long = head(at_wired, size)[: 4 * HEAD if piece == 1_000 else None]
    statuses, body = answers(at_wired, [long[at : at + piece] for at in range(0, len(long), piece)])
    told = "the head of the request has more than 32,768 bytes; send a shorter one"
    assert (statuses, json.loads(body)["error"]) == ([431], told)
    assert at_wired.get("/_mock/requests").body["requests"] == []


def test_what_stands_before_a_head_is_no_part_of_it(at_wired: Client) -> None:
    body = json.dumps({"rows": [{"Email": "a" * 60_000}]}).encode()
    post = f"POST {PARK}/imports HTTP/1.1\r\nhost: mock\r\nx-api-key: {at_wired.key}\r\ncontent-length: {len(body)}"
    both = f"{post}\r\n\r\n".encode() + body + head(at_wired, 20_000)
    for pieces in ([both], [both[:-100], both[-100:]], [both[:50_000], both[50_000:]]):
        assert answers(at_wired, pieces)[0] in ([201, 200], [409, 200])


def test_many_headers_are_refused(at_wired: Client) -> None:
    short = b"GET / HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n" + b"a: b\r\n" * MOST_HEADERS + b"\r\n"
    statuses, body = answers(at_wired, [short])
    assert (statuses, json.loads(body)["error"]) == ([431], "the request has more than 1,000 headers")


def test_a_journal_holds_so_many_bytes_whatever_the_number() -> None:
    journal, body = Journal(), b"a" * BODY
    scope: dict[str, Any] = {"method": "GET", "path": "/", "query_string": b"", "headers": []}
    entries = [journal.arrived(scope, None, 0, 0) for _ in range(900)]
    for entry in reversed(entries):
        journal.finish(entry, (body, len(body)), ((), b"", 0))
    assert len(journal) == BYTES // BODY
    assert journal.dropped == 900 - len(journal)
    assert next(iter(journal)).number == journal.dropped + 1
    assert journal.clear() == BYTES // BODY
    journal.finish(journal.arrived(scope, None, 0, 0), (body, len(body)), ((), b"", 0))
    assert len(journal) == 1


def test_a_journal_counts_many_headers_and_not_small_exchanges() -> None:
    journal, few, many = Journal(), [(b"a", b"b")], [(b"a", b"b")] * MOST_HEADERS
    for headers in (few, many):
        for _ in range(500):
            scope = {"method": "GET", "path": "/", "query_string": b"", "headers": headers}
            journal.finish(journal.arrived(scope, None, 0, 0), (b"a" * 1_000, 1_000), ((), b"", 0))
    assert journal.dropped > 500
    assert len(journal) > 100


def test_of_what_was_asked_of_the_admin_api_so_many_bytes_are_kept() -> None:
    journal = Journal()
    for _ in range(100):
        journal.was_steered(0, "PUT", "faults", b"a" * 100_000)
    assert (len(journal.steered), journal.steered_dropped) == (40, 60)


def test_a_bundle_that_lost_a_change_is_not_replayed() -> None:
    session = Session("test-key", Settings(), WORLD, PREVIEW, 0)
    for _ in range(1_001):
        session.journal.was_steered(0, "PUT", "faults", b'{"faults": []}')
    content = b"".join(bundled(session, 0, lambda _: None))
    assert json.loads(content)["steered_dropped"] == 1
    with pytest.raises(BadBundle, match="the first 1 were forgotten"):
        opened(content, load().version)


def test_who_asks_is_told_what_is_not_kept(client: Client) -> None:
    for body in (json.dumps({"rows": 1, "x": "a" * 100_000}).encode(), b"\xff"):
        client.send("POST", f"{PARK}/imports", body, {"x-api-key": client.key or ""})
    said = ["of the body's 100020 bytes the first 65408 are kept"]
    said.append("of the body's 1 byte none is kept, since they may hold credentials")
    for number, text in enumerate(said, 1):
        assert client.get(f"/_mock/why/{number}").body["kept"] == {"request": text, "answer": None}
        assert f"  request: {text}" in client.get(f"/_mock/why/{number}?format=text").text
    archived = client.get("/_mock/requests.har").body["log"]["entries"]
    assert [each["request"]["postData"]["comment"] for each in archived] == said
    assert [each["request"]["cut"] for each in client.get("/_mock/bundle").body["exchanges"]] == [True, True]
