"""Signed upload URLs: what may be put there, once and for an hour, and how much of it there is room for."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
from functools import partial
from subprocess import PIPE
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import pytest
from commanding import environment
from conftest import Client

from mock_server.data import uploaded as opening
from mock_server.kernel.settings import Settings
from mock_server.player.process import running
from mock_server.preview import uploads
from mock_server.preview.generation import create_app
from mock_server.preview.language import load_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.player.transport import Call
    from mock_server.server.app import Finished

LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
STRAIGHT_THROUGH = "/api/v1/companies/51dbefc3-1d9b-4207-9e9c-8b5de85832c8"
SHEET = "6f3a9c05-2e7d-4b81-94f6-d0c81e5b7a29"
FILE = b"Email,Status\nada@example.com,Open\ngrace@example.com,Closed\n"


class Upload(NamedTuple):
    """A signed URL's path, and the reference of what is put there."""

    path: str
    ref: str


def requested(client: Client, company: str = LIVE, **declared: Any) -> Upload:
    body = client.post(f"{company}/uploads", {"name": "contacts.csv"} | declared).body
    return Upload(urlsplit(body["upload_url"]).path, body["upload_ref"])


def put(client: Client, upload: Upload, content: bytes = FILE, content_type: str | None = None) -> Call:
    """PUT without the API key: the URL is the permission (AUTH-09)."""
    return client.send("PUT", upload.path, content, {"content-type": content_type} if content_type else {})


def start(client: Client, *files: tuple[str, Upload], company: str = LIVE) -> Call:
    return client.post(
        f"{company}/imports", {"files": [{"name": name, "upload_ref": upload.ref} for name, upload in files]}
    )


def rows(client: Client, company: str = LIVE, sheet: str = SHEET) -> str:
    return client.get(f"{company}/export.csv?sheet_id={sheet}&filter=all").text


# -- the URL


def test_a_url_leads_back_to_the_server_and_carries_no_key(client: Client, server: str, key: str) -> None:
    """UPL-01, AUTH-09."""
    body = client.post(f"{LIVE}/uploads", {"name": "a.csv", "content_type": "text/csv", "size": 3}).body
    assert body["upload_url"].startswith(f"{server}/uploads/")
    assert key not in body["upload_url"]
    assert sorted(body) == ["upload_ref", "upload_url"]


def test_each_request_gives_another_url_and_another_reference(client: Client) -> None:
    """UPL-08."""
    uploads = [requested(client) for _ in range(20)]
    assert len({upload.ref for upload in uploads}) == len({upload.path for upload in uploads}) == 20


def test_a_file_is_put_without_a_key_and_imported(client: Client) -> None:
    """UPL-02, UPL-06, IMP-01."""
    upload = requested(client, content_type="text/csv", size=len(FILE))
    assert put(client, upload, content_type="text/csv").status == 200
    started = start(client, ("contacts.csv", upload))
    assert (started.status, started.body["status"]) == (201, "queued")
    UUID(started.body["run_id"])
    client.advance(by="2s")
    report = client.get(started.body["poll_url"]).body["report"]
    assert (report["inserted"], report["invalidCellCount"]) == (2, 0)
    assert rows(client).splitlines()[1:] == [",ada@example.com,,,Open,", ",grace@example.com,,,Closed,"]


def test_a_url_works_once(client: Client) -> None:
    """UPL-03."""
    upload = requested(client)
    assert put(client, upload).status == 200
    again = put(client, upload, b"Email\nmallory@example.com\n")
    assert again.status == 403
    assert list(again.body) == ["error"]
    start(client, ("contacts.csv", upload))
    client.advance(by="2s")
    assert "mallory" not in rows(client)


def test_a_url_is_good_for_an_hour(client: Client) -> None:
    """UPL-04."""
    early, late = requested(client), requested(client)
    client.advance(by="3599s")
    assert put(client, early).status == 200
    client.advance(by="1s")
    assert put(client, late).status == 403
    assert put(client, early).status == 403
    client.advance(by="24h")
    assert start(client, ("contacts.csv", late)).status == 400
    assert start(client, ("contacts.csv", early)).status == 201  # what was put in time stays


@pytest.mark.parametrize("given", [None, "text/plain", "application/json", "text/csvx"])
def test_another_content_type_than_the_declared_one_is_refused(client: Client, given: str | None) -> None:
    """UPL-02, OP-04: and leaves the URL unused."""
    upload = requested(client, content_type="text/csv")
    refused = put(client, upload, content_type=given)
    assert refused.status == 400
    assert "text/csv" in refused.body["error"]
    assert put(client, upload, content_type="Text/CSV").status == 200


@pytest.mark.parametrize("content", [b"", FILE[:-1], FILE + b"\n"])
def test_another_size_than_the_declared_one_is_refused(client: Client, content: bytes) -> None:
    upload = requested(client, size=len(FILE))
    refused = put(client, upload, content)
    assert refused.status == 400
    assert str(len(content)) in refused.body["error"]
    assert str(len(FILE)) in refused.body["error"]
    assert put(client, upload).status == 200


def test_an_unknown_url_is_not_found(client: Client) -> None:
    known = requested(client)
    for path in (
        "/uploads/",
        "/uploads/nothing",
        f"{known.path}x",
        f"{known.path}/",
        f"{known.path[:-1]}",
        "/uploads/%00",
    ):
        refused = put(client, Upload(path, ""))
        assert refused.status == 404
        assert list(refused.body) == ["error"]
    assert put(client, known).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_a_url_is_for_putting_alone(client: Client, method: str) -> None:
    upload = requested(client)
    refused = client.send(method, upload.path, None, {})
    assert (refused.status, refused.headers["allow"]) == (405, "PUT")
    assert put(client, upload).status == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_put_that_breaks_off_leaves_the_url_usable(client: Client, *, chunked: bool) -> None:
    upload = requested(client)
    length = "transfer-encoding: chunked" if chunked else f"content-length: {len(FILE)}"
    body = b"%x\r\n%s" % (len(FILE), FILE[:20]) if chunked else FILE[:20]
    address = urlsplit(client.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connected:
        connected.sendall(f"PUT {upload.path} HTTP/1.1\r\nhost: localhost\r\n{length}\r\n\r\n".encode() + body)
        connected.shutdown(socket.SHUT_WR)
        assert connected.recv(1_000) == b""
    assert start(client, ("contacts.csv", upload)).status == 400
    assert put(client, upload).status == 200
    assert start(client, ("contacts.csv", upload)).status == 201


def test_a_file_may_be_imported_again(client: Client) -> None:
    upload = requested(client)
    put(client, upload)
    for _ in range(2):
        run = start(client, ("contacts.csv", upload)).body["poll_url"]
        client.advance(by="2s")
        assert client.get(run).body["report"]["inserted"] == 2


# -- references that are no file


def test_a_reference_is_good_for_its_own_company_alone(client: Client) -> None:
    """UPL-06, OP-22."""
    upload = requested(client, STRAIGHT_THROUGH)
    put(client, upload)
    for company in (LIVE, STRAIGHT_THROUGH):
        call = start(client, ("contacts.csv", upload), company=company)
        assert call.status == (201 if company == STRAIGHT_THROUGH else 400)
    assert client.get(f"{LIVE}/imports").body["runs"] == []


def test_a_reference_without_a_file_is_refused(client: Client) -> None:
    there, empty = requested(client), requested(client)
    put(client, there)
    refused = start(client, ("contacts.csv", there), ("more.csv", empty))
    assert refused.status == 400
    assert "files[1].upload_ref" in refused.body["error"]
    assert empty.ref in refused.body["error"]
    assert client.get(f"{LIVE}/imports").body["runs"] == []


def test_a_scripted_scenario_looks_at_references_too(client: Client) -> None:
    refused = start(client, ("contacts.csv", requested(client)), company=STRAIGHT_THROUGH)
    assert refused.status == 400
    assert "files[0].upload_ref" in refused.body["error"]


# -- sizes


FEW = ("--max-rows", "20", "--max-files", "3")


@pytest.fixture(scope="module")
def small() -> Iterator[str]:
    """A server that takes files of a thousand bytes, and few of them, with few rows."""
    with running("--speed", "0", "--max-upload", "1KB", "--max-body", "500B", *FEW) as process:
        yield process.url
        log = process.log()
        assert "Traceback" not in log, log[log.find("Traceback") - 300 :][:3_000]


def test_a_file_over_the_limit_gets_413_and_leaves_the_url_usable(small: str, key: str) -> None:
    client = Client(small, key)
    upload = requested(client)
    refused = put(client, upload, b"x" * 1_001)
    assert refused.status == 413
    assert "1000" in refused.body["error"]
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (1_001, b"x" * 1_001)
    assert client.send("PUT", upload.path, chunks, {"transfer-encoding": "chunked"}).status == 413
    assert put(client, upload, FILE.ljust(1_000)).status == 200  # more than --max-body, which is for JSON
    client.close()


def test_an_import_of_more_files_or_rows_than_are_taken_gets_413_and_begins_nothing(small: str, key: str) -> None:
    """OP-35; the key is not used up, and the next import is the company's first."""
    client = Client(small, key)
    upload = requested(client)
    assert put(client, upload, b"Email\n" + b"a@b.co\n" * 7).status == 200
    once = {"upload_ref": upload.ref, "name": "contacts.csv"}
    path, of = f"{LIVE}/imports", {"idempotency_key": "once"}
    for body, words in (
        ({"files": [once] * 4}, "files has 4 entries; at most 3 are taken (--max-files)"),
        ({"files": [once] * 3}, "the files have more than 20 rows, the most that is taken (--max-rows)"),
        ({"rows": [{}] * 21}, "rows has 21 entries; at most 20 are taken (--max-rows)"),
    ):
        answer = client.post(path, body | of)
        assert (answer.status, answer.body) == (413, {"error": words})
        assert client.get(f"{path}?status=active").body == {"run": None}
    assert client.post(path, {"files": [once] * 2} | of).status == 201
    client.close()


def test_a_large_file_is_taken_in_pieces(client: Client) -> None:
    lines = b"".join(b"person%d@example.com,Open\n" % number for number in range(60_000))
    upload = requested(client)
    connection = http.client.HTTPConnection(urlsplit(client.url).netloc, timeout=60)
    pieces = (b"Email,Status\n", *(lines[at : at + 50_000] for at in range(0, len(lines), 50_000)))
    connection.request("PUT", upload.path, iter(pieces), {"transfer-encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    run = start(client, ("contacts.csv", upload)).body["poll_url"]
    client.advance(by="2s")
    assert client.get(run).body["report"]["inserted"] == 60_000


# The disk


class Full:
    """A spooled file on a disk that is full: what was written comes to light when it is flushed, or closed."""

    def __init__(self, room: int = 0, **_: Any) -> None:
        self.room = room
        self.size = 0

    def write(self, piece: bytes) -> None:
        self.size += len(piece)
        if 0 < self.room < self.size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    close = flush


def gone(*_: Any, **__: Any) -> None:
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


@pytest.mark.parametrize("where", ["in the middle", "at the end", "when it outgrows memory"])
def test_a_file_that_the_disk_cannot_keep_is_refused_and_put_again(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """OP-35, UPL-04: the URL stays usable, and no traceback is logged."""
    lines: list[Finished] = []
    app = create_app(Settings(), load_world(), lines.append)
    content = FILE + b"x@example.com,Open\n" * 60_000  # more than is held in memory

    async def calls() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://mock") as client:
            key = {"x-api-key": "test-disk"}
            signed = (await client.post(f"{LIVE}/uploads", json={"name": "contacts.csv"}, headers=key)).json()
            with monkeypatch.context() as patch:
                if where == "when it outgrows memory":
                    patch.setattr(tempfile, "TemporaryFile", gone)
                else:
                    patch.setattr(uploads, "SpooledTemporaryFile", partial(Full, 9 if where == "in the middle" else 0))
                refused = await client.put(signed["upload_url"], content=content)
            taken = await client.put(signed["upload_url"], content=content)
            files = {"files": [{"name": "contacts.csv", "upload_ref": signed["upload_ref"]}]}
            with monkeypatch.context() as patch:
                patch.setattr(opening, "book_of_files", gone)
                unread = await client.post(f"{LIVE}/imports", json=files, headers=key)
            return [refused, taken, unread, await client.post(f"{LIVE}/imports", json=files, headers=key)]

    answers = asyncio.run(calls())
    app.sessions.close()
    assert [each.status_code for each in answers] == [507, 200, 507, 201]
    assert "make room" in answers[0].json()["error"]
    assert [each.note for each in lines if each.status == 507] == [each.json()["error"] for each in answers[::2]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of a process are Unix")
def test_a_server_whose_files_may_not_grow_says_so() -> None:
    script = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000,) * 2); "
    script += "sys.argv[1:] = ['serve', '--port', '0']; from mock_server.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", script], stdout=PIPE, stderr=PIPE, env=environment(), text=True
    )
    try:
        assert process.stdout is not None
        client = Client(json.loads(process.stdout.readline())["url"], "test-limit")
        upload = requested(client)
        assert put(client, upload, FILE * 60_000).status == 507
        assert put(client, upload).status == 200
        assert start(client, ("contacts.csv", upload)).status == 201
        client.close()
    finally:
        process.terminate()
        said = process.communicate()[1]
    assert "Traceback" not in said
