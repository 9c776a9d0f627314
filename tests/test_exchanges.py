"""An exchange in the journal: what is told of it and of its bodies, of strays as well, and no secret in it."""

from __future__ import annotations

import base64
import json
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from conftest import Client
from hypothesis import given, settings
from refusals import DOCS, LIVE, SOURCE
from test_journal import DOCS_RUN, ROWS, STARTED, requests
from test_secrecy import CREDENTIAL, bodies

from mock_server.contract.redaction import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = {"question_id": "fq0", "option_id": "keep"}


# -- what is told


def test_an_exchange_is_told_with_both_clocks_its_run_and_what_became_of_it(client: Client) -> None:
    started = client.post(f"{LIVE}/imports", ROWS)
    client.advance(by="2s")
    client.get(started.body["poll_url"])
    first, second = requests(client)
    assert first["id"] == "1" == started.headers["x-mock-request-id"]
    assert (first["method"], first["path"], first["operation"]) == ("POST", f"{LIVE}/imports", "start_import")
    assert (first["run_id"], first["before"], first["after"]) == (started.body["run_id"], None, "queued")
    assert (first["status"], first["lost"], first["fault"], first["clause"]) == (201, False, None, None)
    assert (first["at"], second["at"]) == (STARTED, "2026-06-15T09:00:02.000Z")
    assert first["real"] <= first["ended"] <= second["real"]
    assert json.loads(first["request"]["body"]) == ROWS
    assert json.loads(first["answer"]["body"]) == started.body
    assert ["content-type", "application/json"] in first["answer"]["headers"]
    assert (second["operation"], second["before"], second["after"]) == ("poll_import", "completed", "completed")


def test_a_decision_is_told_with_the_status_before_and_after(client: Client) -> None:
    client.post(f"{DOCS}/imports/{DOCS_RUN}/decisions", {"decision": "approve"})
    client.post(f"{DOCS}/imports/{DOCS_RUN}/decisions", {"decision": "approve"})
    first, second = requests(client)
    assert (first["before"], first["after"], first["status"]) == ("needs_attention", "running", 200)
    assert (second["before"], second["after"], second["status"]) == ("running", "running", 409)
    assert second["clause"] == "DEC-24"


def test_a_start_that_is_refused_names_the_run_in_flight(client: Client) -> None:
    client.post(f"{DOCS}/imports", ROWS)
    (only,) = requests(client)
    assert (only["status"], only["clause"]) == (409, "IMP-10")
    assert only["in_flight"] == {"run_id": DOCS_RUN, "status": "needs_attention"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "clause"),
    [
        ("POST", "/api/v1/companies", {"source": SOURCE}, 400, "PROV-08"),
        ("POST", "/api/v1/companies", {"name": "Acme"}, 400, "PROV-09"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": "x"}, 400, "PROV-10"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": DOCS_RUN}, 404, "PROV-11"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE, "external_id": "ä"}, 400, "PROV-12"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE, "external_id": "a" * 256}, 400, "PROV-13"),
        ("POST", "/api/v1/companies", {"name": "Acme", "source": SOURCE, "template_ids": [DOCS_RUN]}, 400, "PROV-15"),
        ("POST", f"{LIVE}/imports", {}, 400, "IMP-06"),
        ("POST", f"{LIVE}/imports", {"files": [{"name": "a.csv"}]}, 400, "IMP-07"),
        ("POST", f"{DOCS}/imports/{DOCS_RUN}/decisions", {}, 400, "DEC-15"),
        ("POST", f"{DOCS}/imports/{DOCS_RUN}/decisions", {"decision": "later"}, 400, "DEC-16"),
        (
            "POST",
            f"{DOCS}/imports/{DOCS_RUN}/decisions",
            {"decision": "reject", "answers": [FIRST]},
            400,
            "DEC-21",
        ),
        ("POST", f"{LIVE}/imports/{DOCS_RUN}/decisions", {"decision": "approve"}, 404, "DEC-26"),
        ("GET", f"{LIVE}/imports/{DOCS_RUN}", None, 404, "POLL-17"),
        ("GET", f"/api/v1/companies/{DOCS_RUN}/imports", None, 404, "AUTH-06"),
        ("GET", f"{LIVE}/export.csv?filter=some", None, 400, "CSV-10"),
        ("GET", f"{LIVE}/export.csv?sheet_id=none", None, 404, "CSV-11"),
        ("POST", f"{LIVE}/exports", {"mode": "half"}, 400, "DST-02"),
    ],
)
def test_a_refusal_names_its_clause(
    client: Client, method: str, path: str, body: object, status: int, clause: str
) -> None:
    assert client.transport.call(method, path, body).status == status
    (only,) = requests(client)
    assert (only["status"], only["clause"]) == (status, clause)


def test_what_is_outside_the_contract_is_told_too(client: Client) -> None:
    astray = client.get("/companies")
    assert (astray.status, astray.headers["x-mock-request-id"]) == (404, "1")
    client.delete("/api/v1/sources")
    first, second = requests(client)
    assert (first["path"], first["operation"], first["status"]) == ("/companies", None, 404)
    assert "did you mean POST /api/v1/companies?" in first["note"]
    assert (second["operation"], second["status"]) == (None, 405)


def test_an_exchange_is_there_from_its_arrival_on(client: Client, server: str) -> None:
    address = urlsplit(server)
    head = f"POST {LIVE}/imports HTTP/1.1\r\nhost: x\r\nx-api-key: {client.key}\r\ncontent-length: 100\r\n\r\n"
    with socket.create_connection((address.hostname, address.port)) as caller:
        caller.sendall(head.encode() + b'{"rows": [')
        while not (told := requests(client)):
            pass
        (only,) = told
        assert (only["operation"], only["status"], only["ended"], only["lost"]) == ("start_import", None, None, False)
        why = client.get("/_mock/why/1").body
        assert (why["under_way"], why["status"], why["run"]) == (True, None, None)
        assert "-> under way" in client.get("/_mock/why/1?format=text").text
        assert client.get("/_mock/requests/wait?timeout=0").body["count"] == 0
    (only,) = client.get("/_mock/requests/wait").body["requests"]
    assert (only["status"], only["lost"], only["note"]) == (None, True, "the client hung up")
    assert (only["request"]["body"], only["request"]["size"]) == ('{"rows": [', 10)
    assert "-> no answer" in client.get("/_mock/why/1?format=text").text
    assert client.get(f"{LIVE}/imports?status=active").body == {"run": None}


def test_an_answer_that_is_no_text_is_told_in_base64_and_such_a_body_is_not_kept(client: Client) -> None:
    client.send("POST", f"{LIVE}/imports", b"\xff\xfe", {"x-api-key": client.key or "", "content-type": "text/x"})
    client.get(f"{LIVE}/export.csv")
    refusal, download = requests(client)
    assert (refusal["request"]["cut"], refusal["request"]["body"].encode()) == (True, UNREADABLE)
    assert base64.b64decode(download["answer"]["body"]).startswith(b"PK")


def test_of_a_long_body_the_beginning_is_kept(client: Client) -> None:
    rows = {"rows": [{"Email": f"é{number:060}@example.com"} for number in range(900)]}
    text = json.dumps(rows, ensure_ascii=False).encode()
    headers = {"x-api-key": client.key or "", "content-type": "application/json"}
    client.send("POST", f"{LIVE}/imports", text, headers)
    (only,) = requests(client)
    sent = only["request"]
    assert (sent["size"], sent["cut"], sent["encoding"]) == (len(text), True, "utf-8")
    assert 65_000 < len(sent["body"].encode()) < 65_536
    assert text.decode().startswith(sent["body"])


# -- strays


@pytest.mark.parametrize("wrong", [None, "revoked-key", "not a key"])
def test_calls_without_an_accepted_key_are_shown_on_request(client: Client, server: str, wrong: str | None) -> None:
    before = client.get("/_mock/requests?strays=true").body["next"]
    with closing(Client(server, wrong)) as stranger:
        answered = stranger.get(f"/api/v1/sources?mine={client.key}")
        stranger.get("/nowhere")
        stranger.send("PUT", f"/uploads/{'0' * 32}", b"x", {})
    assert requests(client) == []
    first, second, third = requests(client, f"?strays=true&since={before}")
    assert first["id"] == answered.headers["x-mock-request-id"] == f"stray-{before + 1}"
    assert (first["at"], first["status"], first["operation"]) == (None, 401, None)
    assert (second["status"], second["path"]) == (404, "/nowhere")
    assert (third["operation"], third["path"]) == ("put_upload", "/uploads/…")


# -- secrets


def everything(client: Client) -> str:
    """All that the admin API shows of the exchanges."""
    ids = [each["id"] for each in requests(client)]
    paths = ("requests", "requests.har", "bundle", "requests/wait", "session", *(f"why/{each}" for each in ids))
    texts = (f"why/{each}?format=text" for each in ids)
    return "\n".join(client.get(f"/_mock/{path}").text for path in (*paths, *texts))


@settings(max_examples=15, deadline=None)
@given(bodies())
def test_no_credential_is_shown_whatever_the_body(small: Any, body: Any) -> None:
    with closing(Client(small.url, f"test-{uuid4()}")) as client:
        for path in ("/api/v1/companies", f"{LIVE}/imports", f"{DOCS}/imports/{DOCS_RUN}/decisions", "/elsewhere"):
            client.post(path, body)
        wanted = {"name": "Acme", "source": SOURCE, "connections": {"destination": {"base_url": "https://x.example"}}}
        client.post("/api/v1/companies", wanted | {"mine": body})
        assert CREDENTIAL not in everything(client)


@pytest.fixture
def strange(client: Client) -> Iterator[Client]:
    """A session whose client puts its key, its credentials and its tokens where they do not belong."""
    key = client.key or ""
    headers = {"x-api-key": key, "content-type": "application/json"}
    asked = client.post(f"{LIVE}/uploads", {"name": "contacts.csv"})
    url = asked.body["upload_url"]
    token = url.rsplit("/", 1)[1]
    client.get(f"/api/v1/sources?api_key={key}")
    client.get(f"/api/v1/companies/{key}/imports/{token}")
    client.get(f"/api/v1/{key}?token=hunter2-hunter2")
    client.send("GET", "/api/v1/sources", None, headers | {"authorization": f"Bearer {key}", "referer": url})
    client.post(f"{LIVE}/imports", {"files": [{"name": key, "upload_ref": url}]})
    client.post(f"{LIVE}/imports", {"files": [{"name": "a.csv", "upload_ref": token}]})
    client.post(f"{LIVE}/imports", {"rows": [{key: token}], "idempotency_key": key})
    client.post(f"{DOCS}/imports/{DOCS_RUN}/decisions", {"decision": key, "answers": token})
    client.post("/api/v1/companies", {"name": key, "source": token, "external_id": f"{key}ä"})
    client.send("PUT", urlsplit(url).path, f"Email\n{key}\n".encode(), {"content-type": "text/csv"})
    client.send("GET", urlsplit(url).path, None, {})
    client.send("POST", f"/api/v1{urlsplit(url).path}", f'{{"a": "{url}"'.encode(), headers)
    client.post("/_mock/clock/advance", {"by": "1s"})
    yield client
    shown = everything(client)
    assert key not in shown
    assert token not in shown
    assert "hunter2" not in shown


def test_no_key_and_no_token_is_shown_wherever_the_client_puts_it(strange: Client) -> None:
    told = requests(strange)
    assert len(told) == 13
    assert [each["key_in_url"] for each in told[:4]] == [False, True, True, True]
