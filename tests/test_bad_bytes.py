"""What is sent byte by byte: cut off, hung up, odd headers, no HTTP at all."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from refusals import (
    API,
    DOCS,
    MILLION,
    RUN,
    SHEET,
    refused,
    state,
)

from mock_server.player.transport import Call

if TYPE_CHECKING:
    from conftest import Client

    from mock_server.player.process import Process


def raw_answer(url: str, sent: bytes, *, hang_up: bool = False) -> Call | None:
    """The answer to these bytes; None when the server closes the connection without one."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connected:
        connected.sendall(sent)
        if hang_up:
            connected.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(connected)
        try:
            response.begin()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return None
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Call("RAW", "", sent, response.status, headers, response.read())


def request(key: str, line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    lines = [line + b" HTTP/1.1", b"host: localhost", b"connection: close", b"x-api-key: " + key.encode(), *headers]
    return b"\r\n".join([*lines, b"", body])


EXPORTING = f"{API}/companies/ce7f9110-e36e-46ae-a820-04f68730c57b"
ROWS = {"rows": [{"Email": "ada@example.com"}]}
DECIDE = f"POST {RUN}/decisions".encode()
APPROVE = b'{"decision": "approve"}'
CUT_OFF = {
    "before its end": ([b"content-length: 500"], APPROVE),
    "before its beginning": ([b"content-length: 23"], b""),
    "a byte before its end": ([b"content-length: 24"], APPROVE),
    "in a chunk": ([b"transfer-encoding: chunked"], b'17\r\n{"decision": "app'),
    "between chunks": ([b"transfer-encoding: chunked"], b"17\r\n" + APPROVE + b"\r\n"),
    "in the headers": ([b"content-length: 23\r\nx-half"], b""),
}


@pytest.mark.parametrize("where", CUT_OFF)
def test_a_body_that_is_cut_off_changes_nothing(client: Client, where: str) -> None:
    """Not even when what came is a whole decision."""
    before = state(client)
    headers, body = CUT_OFF[where]
    sent = request(client.key or "", DECIDE, *headers, body=body)
    answered = raw_answer(client.url, sent.rstrip() if where == "in the headers" else sent, hang_up=True)
    assert answered is None or answered.status == 400
    assert state(client) == before
    assert client.post(f"{RUN}/decisions", {"decision": "approve"}).status == 200


def test_a_client_that_hangs_up_while_a_csv_streams_hurts_nobody(small: Process, at_small: Client) -> None:
    path = f"{API}/companies/{MILLION}"
    at_small.post(f"{path}/imports", {"rows": [{}]})
    at_small.wait(1_000)
    sheet = at_small.get(f"{path}/imports").body["runs"][0]["report"]["perSheet"][0]["sheetId"]
    address = urlsplit(small.url)
    for _ in range(3):
        with socket.create_connection((address.hostname, address.port), timeout=60) as connected:
            connected.sendall(request(at_small.key or "", f"GET {path}/export.csv?sheet_id={sheet}".encode()))
            assert connected.recv(2_000).startswith(b"HTTP/1.1 200")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
        assert at_small.get(f"{path}/imports").body["runs"][0]["status"] == "completed"
    assert at_small.get("/_mock/health").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([b"x-odd: \xff\xfe"], 200),
        ([b"x-odd: 1", b"x-odd: 2", b"accept: */*", b"accept: */*"], 200),
        ([b"x-%d: 1" % number for number in range(500)], 200),
        ([b"prefer: \xff"], 200),
        ([b"content-type: text/plain"], 200),
        ([b"content-encoding: gzip"], 200),
        ([b"x-api-key: another-key"], 200),  # of a repeated key the first counts
    ],
    ids=lambda value: None if isinstance(value, int) else repr(value[0]),
)
def test_odd_headers_are_no_reason_to_refuse(client: Client, headers: list[bytes], status: int) -> None:
    call = raw_answer(client.url, request(client.key or "", f"GET {RUN}".encode(), *headers))
    assert call is not None
    assert call.status == status
    assert call.body == client.get(RUN).body


def test_of_a_repeated_key_the_first_counts(client: Client) -> None:
    line = b"x-api-key: " + (client.key or "").encode()
    call = raw_answer(client.url, request("invalid-key", f"GET {RUN}".encode(), line))
    assert call is not None
    refused(call, 401)


def test_a_body_is_read_as_json_whatever_its_content_type_says(client: Client) -> None:
    """OP-26."""
    call = client.send(
        "POST", f"{RUN}/decisions", APPROVE, {"x-api-key": client.key or "", "content-type": "text/plain"}
    )
    assert call.status == 200


@pytest.mark.parametrize("encoding", ["gzip", "GZip", "deflate", "br", "zstd", "x-own", "identity, gzip"])
def test_an_encoded_body_is_refused_with_the_name_of_its_encoding(client: Client, encoding: str) -> None:
    """OP-35: by the API, by the admin API and by a signed URL, and nothing is done."""
    upload = client.post(f"{DOCS}/uploads", {"name": "a.csv"}).body["upload_url"].removeprefix(client.url)
    before = state(client)
    headers = {"x-api-key": client.key or "", "content-encoding": encoding}
    for method, path in (("POST", f"{RUN}/decisions"), ("PUT", "/_mock/clock"), ("PUT", upload)):
        call = client.send(method, path, gzip.compress(APPROVE), headers)
        refused(call, 415, f"Content-Encoding {encoding!r}", "without encoding")
        assert call.headers["accept-encoding"] == "identity"
    assert state(client) == before
    assert client.send("PUT", upload, b"Email\n", headers | {"content-encoding": "Identity"}).status == 200


NO_HTTP = {
    "a raw NUL in the path": request("test", b"GET /api/v1/sour\x00ces"),
    "raw bytes in the path": request("test", b"GET /api/v1/sour\xff\xfeces"),
    "a raw NUL in a header": request("test", b"GET /api/v1/sources", b"x-odd: a\x00b"),
    "a length that is no number": request("test", DECIDE, b"content-length: some", body=APPROVE),
    "a negative length": request("test", DECIDE, b"content-length: -1", body=APPROVE),
    "two lengths": request("test", DECIDE, b"content-length: 23", b"content-length: 22", body=APPROVE),
    "a length and chunks": request(
        "test", DECIDE, b"content-length: 5", b"transfer-encoding: chunked", body=b"0\r\n\r\n"
    ),
    "a chunk without a size": request("test", DECIDE, b"transfer-encoding: chunked", body=b"zz\r\n{}"),
    "an unknown method": request("test", b"DECIDE /api/v1/sources"),
    "no request at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
}


@pytest.mark.parametrize("what", NO_HTTP)
def test_what_is_no_http_request_gets_400_and_changes_nothing(client: Client, what: str) -> None:
    before = state(client)
    call = raw_answer(
        client.url, NO_HTTP[what].replace(b"x-api-key: test", b"x-api-key: " + (client.key or "").encode())
    )
    assert call is not None
    assert call.status == 400
    assert state(client) == before


@pytest.mark.parametrize("what", NO_HTTP)
def test_what_is_no_http_request_gets_the_error_body_too(client: Client, what: str) -> None:
    """ERR-01."""
    call = raw_answer(client.url, NO_HTTP[what])
    assert call is not None
    refused(call, 400)


def in_turn(url: str, *sent: bytes) -> list[tuple[int, Any]]:
    """Status and body of every answer to what is sent on one connection, until the server closes it."""
    address, got = urlsplit(url), b""
    with socket.create_connection((address.hostname, address.port), timeout=60) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in sent:
            connected.sendall(part)
        while piece := connected.recv(65_536):
            got += piece
    answers = []
    while got:
        head, _, got = got.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].split()[0])
        answers.append((int(head.split()[1]), json.loads(got[:size])))
        got = got[size:]
    return answers


NO_WELL_FORMED = (400, {"error": "the request is no well-formed HTTP"})
GARBAGE = {
    "bytes": b"\x16\x03\x01 no HTTP\r\n\r\n",
    "a broken head": b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: some\r\n\r\n",
    "a broken body": b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz",
}


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.parametrize("before", [1, 3])
def test_what_follows_a_request_and_is_no_http_is_answered_after_it(client: Client, what: str, before: int) -> None:
    """A 400 as the answer to the decision would make its client believe that nothing was done."""
    line = DECIDE + b" HTTP/1.1\r\nhost: localhost\r\nx-api-key: " + (client.key or "").encode()
    decide = line + b"\r\ncontent-length: 23\r\n\r\n" + APPROVE
    answers = in_turn(client.url, decide * before + GARBAGE[what])
    assert [status for status, _ in answers] == [*[200, 409, 409][:before], 400]
    assert answers[-1] == NO_WELL_FORMED


OFFER = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"


@pytest.mark.parametrize("first", [0, 1, 40, 150, 330, 10_000])
def test_who_offers_an_upgrade_is_answered_as_anybody(client: Client, first: int) -> None:
    """RFC 9110, 7.8: Java's client offers h2c with a body; it may come in two parts, and requests may follow."""
    head = b" HTTP/1.1\r\nhost: localhost\r\nx-api-key: " + (client.key or "").encode() + b"\r\n"
    sent = DECIDE + head + OFFER + b"content-length: 23\r\n\r\n" + APPROVE
    sent += f"GET {RUN}".encode() + head + b"connection: upgrade, close\r\nupgrade: websocket\r\n\r\n"
    answers = in_turn(client.url, sent[:first], sent[first:])
    assert [(status, body["status"]) for status, body in answers] == [(200, "running"), (200, "running")]
    told = client.get("/_mock/requests").body["requests"]
    assert [each["request"]["body"] for each in told] == [APPROVE.decode(), ""]


def test_to_http_1_0_nothing_comes_in_chunks(client: Client) -> None:
    """RFC 9112, 6.1: what has no length ends with the connection; the bytes are those of HTTP/1.1."""
    client.post(f"{EXPORTING}/imports", ROWS)
    client.wait(600_000)
    export = client.post(f"{EXPORTING}/exports").body["poll_url"]
    client.wait(600_000)
    address = urlsplit(client.url)
    for path in (f"{DOCS}/export.csv?sheet_id={SHEET}", f"{DOCS}/export.csv", export, RUN):
        with socket.create_connection((address.hostname, address.port), timeout=60) as connected:
            connected.sendall(f"GET {path} HTTP/1.0\r\nhost: x\r\nx-api-key: {client.key}\r\n\r\n".encode())
            got = b"".join(iter(lambda: connected.recv(65_536), b""))
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"connection: close" in head
        assert b"transfer-encoding" not in head
        assert (b"content-length" in head) == (path == RUN)
        assert body == client.get(path).received


@pytest.mark.parametrize("status", [401, 413])
def test_a_caller_that_sends_much_before_it_listens_still_hears_why_it_is_refused(client: Client, status: int) -> None:
    """Many clients write the whole body first; a server that closed meanwhile would leave them a broken pipe."""
    address = urlsplit(client.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    headers = {"x-api-key": "abc" if status == 401 else client.key or "", "connection": "close"}
    connection.request("POST", f"{API}/companies", b" " * 13_000_000, headers)
    answer = connection.getresponse()
    assert answer.status == status
    assert list(json.loads(answer.read())) == ["error"]
    connection.close()
