"""The one client's secrets: where the key may go, and that nothing that is kept of an exchange holds one."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import bad_targets
import pytest
from bad_targets import answer, says, serving
from calling import COMPANY, KEY, POLL, RUN, Time, clients, poll, told
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.http.client import DEFAULT
from conformance.http.messages import Request
from conformance.http.network import Received
from conformance.http.recorder import KnownSecrets, Recorder, without_credentials
from conformance.preview.response_schema import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from calling import Made


@pytest.fixture
def made() -> Iterator[Made]:
    yield from clients(Time())


# Where the key may go


@pytest.mark.parametrize("host", ["http://localhost:{port}", "//127.0.0.1:{port}", "https://127.0.0.1:{own}"])
def test_another_origin_is_not_asked(made: Made, host: str) -> None:
    with serving(says(answer())) as target, serving(says(answer())) as other:
        away = host.format(port=other.port, own=target.port) + POLL
        refused = made(target.url).get(away)
        assert (target.heads, other.heads) == ([], [])
    assert refused.status is None
    assert refused.problem == f"not sent: this leads away from http://127.0.0.1:{target.port}"


@pytest.mark.parametrize("url", [None, 7, "", "http://[", "http://a b\x00/"])
def test_a_poll_url_that_is_none(made: Made, url: Any) -> None:
    client = made("http://127.0.0.1:9/api/v1")
    for refused in (client.get(url), client.put_upload(url, b"", "text/csv")):
        assert refused.status is None
        assert str(refused.problem).startswith(("not sent: ", "no connection: "))
    assert str(client.get(url).problem).startswith("not sent: ")


def test_a_relative_poll_url_resolves_against_the_origin(made: Made) -> None:
    with serving(says(answer(b'{"status": "canceled"}'))) as target:
        client = made(f"http://127.0.0.1:{target.port}/deep/v1")
        polled = [client.get(POLL), client.get(POLL.replace("/api/v1", "/deep/v1")), client.get("/elsewhere")]
        lines = [head.partition(b" HTTP")[0].decode() for head in target.heads]
    assert lines == [f"GET {POLL}", f"GET {POLL.replace('/api/v1', '/deep/v1')}", "GET /elsewhere"]
    assert [each.operation for each in polled] == ["poll_import", "poll_import", None]
    assert (polled[1].ids["company_id"], polled[1].ids["run_id"]) == (COMPANY, RUN)


@pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/x", "/elsewhere", "http://[", ""])
def test_a_redirect_is_not_followed(made: Made, location: str) -> None:
    with serving(says(answer())) as other:
        reply = answer(b"", "307 Temporary Redirect", "text/html", f"location: {location.format(port=other.port)}")
        with serving(says(reply)) as target:
            client = made(target.url)
            for moved in (poll(client), client.call("decide", company_id=COMPANY, run_id=RUN, body={})):
                assert moved.status == 307
                assert str(moved.problem).startswith("redirected to")
                assert [each.clause for each in differences(moved.operation, moved)] == ["ERR-06"]
            assert len(target.heads) == 2
        assert other.heads == []


def test_an_upload_goes_without_the_key_and_its_token_is_kept_nowhere(made: Made) -> None:
    with serving(says(answer(b"", content_type="text/plain"))) as store:
        url = f"http://127.0.0.1:{store.port}/put/5b1d9cba77?token=3f7aaaee11&name=a"
        body = json.dumps({"upload_url": url, "upload_ref": "upl_1"}).replace("/", "\\/").encode()
        with serving(says(answer(body))) as target:
            client = made(target.url)
            asked = client.call("request_upload", company_id=COMPANY, body={"name": "a.csv"})
            put = client.put_upload(asked.json["upload_url"], b"a,b\n", "text/csv")
            echoed = client.call("start_import", company_id=COMPANY, body={"rows": [{"x": "3f7aaaee11"}]})
        head = store.heads[0].lower()
    assert put.ok
    assert put.json is None
    assert b"content-type: text/csv" in head
    assert b"x-api-key" not in head
    for each in (asked, put, echoed):
        assert "5b1d9cba77" not in told(each)
        assert "3f7aaaee11" not in told(each)
    assert put.exchange.url == f"http://127.0.0.1:{store.port}/put/…"


# Secrets


def test_a_target_that_echoes_everything(made: Made) -> None:
    with serving(bad_targets.echoes) as target:
        client = made(target.url)
        body = {"name": "a", "connections": {"destination": {"base_url": "https://x", "auth": {"t": ["pass-phrase"]}}}}
        answers = [client.call("provision_company", body=body, query={"key": KEY}), poll(client, key=KEY + "-x")]
    for each in answers:
        assert KEY in each.json["error"]  # the checks may see it, so that they can tell it
        assert KEY not in told(each)
        assert "pass-phrase" not in told(each)
    assert "$VERN_API_KEY" in answers[0].text
    assert json.loads(str(answers[0].exchange.request_body))["connections"]["destination"]["auth"] == "(credentials)"


def test_bodies_are_cut_and_no_half_secret_is_left_at_the_cut() -> None:
    long_key = "k" + "0123456789abcdef" * 100
    secrets = KnownSecrets()
    secrets.learn(long_key, "$VERN_API_KEY")
    shown = secrets.shown((long_key * 5_000).encode())
    assert len(shown) < 4_200
    assert "0123456789" not in shown
    assert shown.endswith("… (8,005,000 bytes in all)")


def test_credentials_in_what_is_no_json_are_cut_off() -> None:
    assert without_credentials('{"a": 1, "auth": {"token": "t"') == '{"a": 1, "auth": (credentials)…'
    assert without_credentials("authority") == "authority"
    assert json.loads(without_credentials('[{"\\u0061uth": "x", "auth": 1}]')) == [{"auth": "(credentials)"}]


def test_a_long_body_is_not_in_the_curl_line(made: Made) -> None:
    sent = made("http://127.0.0.1:9/api/v1").call(
        "start_import", company_id=COMPANY, body={"rows": [{"a": "b" * 9_000}]}
    )
    assert sent.exchange.curl.endswith("--data-binary @body")
    assert len(str(sent.exchange.request_body)) < 4_200


# None of our own words has eight of these in a row, so what is found is a secret.
# Each begins with a letter that is nowhere else in them: no secret's end can be the beginning of another.
secret_texts = st.text("019\"'\\%&+~<", min_size=8, max_size=40)


@settings(deadline=None, max_examples=60)
@given(
    key=secret_texts.map("Q{}".format),
    token=secret_texts.map("X{}".format),
    password=secret_texts.map("Z{}".format),
    form=st.integers(0, 3),
)
def test_no_exchange_holds_a_secret(key: str, token: str, password: str, form: int) -> None:
    secrets = KnownSecrets()
    secrets.learn(key, "$VERN_API_KEY")
    sent = {"connections": {"destination": {"auth": {"password": password}}}}
    secrets.learn_credentials(sent)
    url = f"https://store.example/put/{token}?t={token}"
    quoted = [key, json.dumps(key), str(key.encode()), json.dumps({"error": {"key": key}})][form]
    contents = json.dumps({"upload_url": url}), json.dumps({"auth": password}), quoted, f"{quoted} {password} {url}"
    query = urlencode({"key": key})
    request = Request(
        "request_upload", "POST", f"https://api.example/?{query}", DEFAULT, {"x-api-key": key, "x-note": f"a {key}"},
        json.dumps(sent).encode(), sent, gives_upload_url=True,
    )  # fmt: skip
    for content in contents:
        received = Received(400, {"x-echo": key, "set-cookie": password}, content.encode(), f"because of {key}")
        recorder = Recorder(secrets, None)
        recorder.record(request, received, 1, waited_out=False)
        read = Received(200, {}, content.encode())
        for exchange in (recorder.record(request, each, 1, waited_out=False).exchange for each in (received, read)):
            written = "\n".join(map(str, asdict(exchange).values()))
            assert not [each for each in (key, token, password) if each in written]


def test_threads_share_the_secrets() -> None:
    secrets = KnownSecrets()
    wrong: list[str] = []

    def use(number: int) -> None:
        for each in range(15):
            secrets.learn(f"secret-{number}-{each}-", "$X")
            if f"secret-{number}-{each}-" in secrets.clean(f"a secret-{number}-{each}- b"):
                wrong.append(f"{number} {each}")

    threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
