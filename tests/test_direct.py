"""A plain answer that goes out directly is, byte for byte, what uvicorn would have sent."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from mock_server.http import direct
from mock_server.kernel.settings import Settings
from mock_server.preview.generation import create_app
from mock_server.preview.language import load_world
from mock_server.server import pipeline
from mock_server.session import exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("httptools")
GET = "GET {path} HTTP/1.{minor}\r\nhost: x\r\nx-api-key: test-direct\r\n{more}\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a mock in this process."""
    config = uvicorn.Config(
        create_app(Settings(rate_limit=None), load_world()), http="httptools", log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([bound])))
        thread.start()
        yield bound.getsockname()[1]
        server.should_exit = True
        thread.join()


def bytes_of(port: int, *requests: str) -> bytes:
    """What comes back on one connection until the server closes it; dates and numbers of exchanges are left out."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("".join(requests).encode())
        got = b""
        while piece := connection.recv(65_536):
            got += piece
    return re.sub(rb"(date|x-mock-request-id): [^\r]*", rb"\1: -", got)


CLOSE = "connection: close\r\n"
REQUESTS = {
    "kept, then closed": [("/api/v1/sources", 1, ""), ("/api/v1/templates", 1, CLOSE)],
    "HTTP/1.0": [("/api/v1/sources", 0, "")],
    "a refusal": [("/api/v1/companies/nobody/imports", 1, CLOSE)],
    "headers of more than our own": [("/api/v1/sources", 1, f"prefer: dialect=minimal\r\n{CLOSE}")],
    "pipelined": [("/api/v1/sources", 1, ""), ("/api/v1/sources", 1, ""), ("/api/v1/sources", 1, CLOSE)],
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_bytes_are_the_same(port: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [GET.format(path=path, minor=minor, more=more) for path, minor, more in REQUESTS[name]]
    directly = bytes_of(port, *requests)
    monkeypatch.setattr(pipeline, "send_directly", lambda *_: False)
    assert directly == bytes_of(port, *requests)
    assert directly.count(b"HTTP/1.1 ") == len(requests)


def test_it_really_goes_out_directly(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes: list[bool] = []

    def noting(*given: Any) -> bool:
        outcomes.append(direct.send_directly(*given))
        return outcomes[-1]

    monkeypatch.setattr(pipeline, "send_directly", noting)
    bytes_of(port, GET.format(path="/api/v1/sources", minor=1, more=CLOSE))
    bytes_of(port, GET.format(path="/api/v1/sources", minor=1, more=f"prefer: code=200\r\n{CLOSE}"))
    assert outcomes == [True, False]


HEAD = "POST /api/v1/companies HTTP/1.1\r\nhost: x\r\nx-api-key: test-direct\r\nconnection: close\r\n"
BODY = '{"name": 5, "source": "x"}'
LENGTH = f"content-length: {len(BODY)}\r\n"
WAYS = {
    "at once": [f"{HEAD}{LENGTH}\r\n{BODY}"],
    "after its head": [f"{HEAD}{LENGTH}\r\n", BODY],
    "in two": [f"{HEAD}{LENGTH}\r\n{BODY[:9]}", BODY[9:]],
    "chunked": [f"{HEAD}transfer-encoding: chunked\r\n\r\n{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n"],
    "when the server says so": [f"{HEAD}{LENGTH}expect: 100-continue\r\n\r\n", BODY],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_body_is_the_same_however_it_comes(port: int, way: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for piece in WAYS[way]:
            connection.sendall(piece.encode())
            time.sleep(0.05)
        got = b"".join(iter(lambda: connection.recv(65_536), b""))
    status, _, answer = got.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n")
    assert status == b"HTTP/1.1 400 Bad Request"
    assert answer.endswith(b'{"error":"name must be a string; got 5"}')


def test_a_whole_body_is_taken_directly_and_seen_by_the_journal(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "read", None)  # the general path
    assert bytes_of(port, *WAYS["at once"]).startswith(b"HTTP/1.1 400")
    seen = bytes_of(port, GET.format(path="/_mock/requests", minor=1, more=CLOSE))
    assert json.dumps(BODY).encode() in seen
