"""The one client before bad targets: exact about what went wrong, never an exception, whatever is at the other end."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import bad_targets
import pytest
from bad_targets import answer, says, serving
from calling import COMPANY, RUN, Time, clients, poll, told

from conformance.preview.response_schema import differences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bad_targets import Behaviour
    from calling import Made


@pytest.fixture
def made() -> Iterator[Made]:
    yield from clients(Time())


@pytest.mark.parametrize(
    ("behave", "problem"),
    [
        (bad_targets.hangs, "no answer within 0.3 s"),
        (bad_targets.hangs_within_the_body, "the answer was not whole within 1 s"),
        (bad_targets.drips_the_head, "no answer within 0.3 s"),
        (bad_targets.drips_the_body, "the answer was not whole within 1 s"),
        (bad_targets.resets, "the connection was reset before an answer came"),
        (bad_targets.resets_within_the_body, "the connection was reset in the middle of the answer"),
        (bad_targets.closes_within_the_body, "the connection was closed in the middle of the answer"),
        (says(b"220 mail.example ESMTP\r\n\r\n"), "what came is no HTTP: "),
        (says(b"HTTP/1.1 200 OK\r\n" + b"x-a: " + b"a" * 200_000 + b"\r\n\r\n"), "what came is no HTTP: "),
        (says(answer(b"{}", "200 OK", "application/json", "content-encoding: gzip")), "the body is not encoded as"),
    ],
    ids=lambda value: getattr(value, "__name__", "") if callable(value) else None,
)
def test_no_whole_answer_is_a_problem_and_never_an_exception(made: Made, behave: Behaviour, problem: str) -> None:
    """The target goes on for ten minutes and more, so that whoever is through was patient for as long as it says."""
    seconds = re.search(r"within (\S+) s", problem)
    with serving(behave) as target:
        client = made(target.url, request_timeout=float(seconds[1]) if seconds else 60)
        for bad in (poll(client), client.call("decide", company_id=COMPANY, run_id=RUN, body={})):
            assert bad.status is None
            assert bad.problem == bad.exchange.problem
            assert str(bad.problem).startswith(problem)
            assert differences(bad.operation, bad) == []


@pytest.mark.parametrize(
    ("reply", "problem", "clause"),
    [
        (answer(b"<html>", content_type="text/html"), "expected JSON, got text/html: Expecting value at", "FMT-01"),
        (answer(b'{"error": "caf\xe9"}'), "expected JSON in UTF-8; byte 14 of the body is not UTF-8", "FMT-01"),
        (answer(b""), "expected JSON, got an empty body", "FMT-01"),
        (answer(b'{"status": NaN}'), "expected JSON; NaN is no JSON number", "FMT-01"),
        (answer(b"[" * 100_000), "expected JSON; the body is nested too deeply to be read", "FMT-01"),
        (answer(b"9" * 10_000), "expected JSON; Exceeds the limit", "FMT-01"),
        (answer(b"<html>", "502 Bad Gateway", "text/html"), "expected JSON, got text/html", "ERR-06"),
        (answer(b"<html>", "404 Not Found", "text/html"), "expected JSON, got text/html", "ERR-01"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(made: Made, reply: bytes, problem: str, clause: str) -> None:
    with serving(says(reply)) as target:
        bad = poll(made(target.url))
    assert bad.status is not None
    assert (bad.json, bad.readable) == (None, False)
    assert str(bad.problem).startswith(problem)
    assert [each.clause for each in differences("poll_import", bad)] == [clause]


def test_a_hundred_megabytes_are_not_read(made: Made) -> None:
    with serving(bad_targets.sends_a_hundred_megabytes) as target:
        client = made(target.url)
        bad = poll(client)
        assert bad.problem == "the body is too large: more than 20,000,000 bytes; the rest was not read"
        assert target.sent < 40_000_000
        download = client.call("export_csv", company_id=COMPANY, query={"sheet_id": "s"}, limit=1_000)
        assert download.problem == "the body is too large: more than 1,000 bytes; the rest was not read"
    assert (bad.status, download.status, len(download.content)) == (None, None, 1_000)
    assert len(bad.exchange.body) < 5_000


def test_kept_connections_that_close_at_random_cost_nothing(made: Made) -> None:
    with serving(bad_targets.closes_every_other) as target:
        client = made(target.url)
        answers = [poll(client) for _ in range(10)]
    assert [each.status for each in answers] == [200] * 10


def test_a_post_is_never_sent_twice(made: Made) -> None:
    with serving(bad_targets.resets) as target:
        client = made(target.url)
        client.call("decide", company_id=COMPANY, run_id=RUN, body={"decision": "approve"})
        assert (len(target.heads), client.requests) == (1, 1)
        poll(client)
        assert (len(target.heads), client.requests) == (3, 3)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:9/api/v1", "no connection: "),
        ("http://nowhere.invalid/api/v1", "no connection: "),
        ("http://" + "a" * 70 + ".example/api/v1", "the request could not be sent"),
    ],
)
def test_nobody_there(made: Made, url: str, problem: str) -> None:
    bad = made(url).call("list_sources")
    assert bad.status is None
    assert str(bad.problem).startswith(problem)


def test_a_key_that_no_header_can_hold(made: Made) -> None:
    with serving(says(answer())) as target:
        bad = made(target.url, api_key="two\r\nlines: x").call("list_sources")
        assert target.heads == []
    assert bad.status is None
    assert str(bad.problem).startswith("the request could not be sent")
    assert "lines: x" not in told(bad)


def test_tls_that_is_none(made: Made) -> None:
    with serving(says(answer())) as target:
        bad = made(f"https://127.0.0.1:{target.port}/api/v1", request_timeout=60).call("list_sources")
    assert bad.status is None
    assert str(bad.problem).startswith("TLS could not be set up: ")


def test_a_certificate_that_nobody_vouches_for(made: Made, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl here to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(certificate)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(says(answer()), context) as target:
        bad = made(f"https://127.0.0.1:{target.port}/api/v1").call("list_sources")
        assert target.heads == []
    assert bad.status is None
    assert str(bad.problem).startswith("the certificate was not accepted: ")
