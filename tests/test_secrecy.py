"""What is kept of an exchange holds no key, no credentials and no token of a signed URL, whatever the body."""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64encode, urlsafe_b64encode
from contextlib import closing
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from conftest import Client
from hypothesis import example, given
from hypothesis import strategies as st

from mock_server.contract.document import load
from mock_server.contract.redaction import HIDDEN, UNREADABLE, Secrets
from mock_server.player.transport import Transport

if TYPE_CHECKING:
    from mock_server.player.process import Process

KEY = "sk_live_0123456789abcdef"
TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - none that opens anything
CREDENTIAL = "hunter2-hunter2"
SECRETS = Secrets(KEY, {TOKEN: None})
SAFE = Secrets()

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
leaves = st.none() | st.booleans() | st.integers(-10, 10) | words
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)
credentials = st.sampled_from(
    [
        CREDENTIAL,
        {"token": CREDENTIAL},
        {CREDENTIAL: 1},
        [CREDENTIAL],
        {"basic": {"user": "ada", "password": [CREDENTIAL]}},
    ]
)
places = st.sampled_from(["auth", "AUTH", "connections", "Connections"])


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """Any JSON with credentials somewhere in it, under a name that the contract gives to them."""
    body: Any = {draw(places): draw(credentials)} | draw(st.dictionaries(words, values, max_size=2))
    for _ in range(draw(st.integers(0, 4))):
        wrapped: Any = [draw(values), body] if draw(st.booleans()) else {draw(words): body, "z": draw(values)}
        body = wrapped
    return body


def kept(text: bytes) -> str:
    return SECRETS.request(text, len(text)).decode("utf-8", "replace")


@given(bodies(), st.booleans(), st.sampled_from([None, 1]))
def test_credentials_are_gone_wherever_they_stand(body: Any, ascii_only: object, indent: int | None) -> None:
    assert CREDENTIAL not in kept(json.dumps(body, ensure_ascii=bool(ascii_only), indent=indent).encode())


@given(bodies(), st.integers(1, 40))
def test_of_a_body_that_is_cut_or_broken_nothing_is_kept_that_may_hold_credentials(body: Any, lost: int) -> None:
    text = json.dumps(body).encode()
    assert CREDENTIAL not in kept(text[:-lost])
    assert CREDENTIAL not in SECRETS.request(text[:-lost], len(text)).decode("utf-8", "replace")


@pytest.mark.parametrize(
    "text",
    [
        '{"connections": {"destination": {"auth": "hunter2-hunter2"}}, "connections": null}',
        '{"auth": "hunter2-hunter2", "auth": null}',
        '{"\\u0061uth": {"token": "hunter2-hunter2"}}',
        '{"connection\\u0073": {"token": "hunter2-hunter2"}}',
        '{"\\u0061uth": "hunter2-hunter2", "\\u0061uth": null}',
        "{'auth': 'hunter2-hunter2'}",
        '{"auth": "hunter2-hunter2"} and more',
        '{"connections": {"destination": {"base_url": "https://ada:hunter2-hunter2@example.com"}}}',
        '{"connections": {"destination": {"base_url": "https://example.com?token=hunter2-hunter2"}}}',
        "[" * 400 + '{"auth": "hunter2-hunter2"}' + "]" * 400,
    ],
)
def test_credentials_do_not_hide(text: str) -> None:
    assert CREDENTIAL not in kept(text.encode())


@given(values.map(json.dumps), st.sampled_from([KEY, TOKEN, f"https://mock/uploads/{TOKEN}", f"\\/uploads\\/{TOKEN}"]))
@example('"', KEY)
def test_keys_and_tokens_are_gone_wherever_they_stand(text: str, secret: str) -> None:
    for place in (0, len(text) // 2, len(text)):
        sent = f'{text[:place]} "{secret}" {text[place:]}'.encode()
        for shown in (kept(sent), SECRETS.content(sent, len(sent)).decode(), SECRETS.text(sent.decode())):
            assert KEY not in shown
            assert TOKEN not in shown


@given(st.integers(1, len(KEY)), st.integers(0, 300))
def test_a_secret_that_is_cut_leaves_no_part_of_itself(length: int, before: int) -> None:
    sent = (" " * before + KEY[:length]).encode()
    assert SECRETS.content(sent, len(sent) + 1).strip() in {b"", HIDDEN.encode()[:-1]}


def test_a_short_key_is_hidden_as_a_word_and_not_as_a_part_of_one() -> None:
    secrets = Secrets("live")
    assert secrets.text("/companies/live/imports?x=live") == f"/companies/{HIDDEN}/imports?x={HIDDEN}"
    assert secrets.text("live--acme, delivered, alive") == "live--acme, delivered, alive"


@pytest.mark.parametrize("name", ["api_key", "X-API-Key", "token", "client_secret", "password", "key", "auth"])
def test_what_a_query_calls_a_secret_is_hidden(name: str) -> None:
    assert SAFE.query(f"limit=3&{name}=hunter2-hunter2&cursor=a") == f"limit=3&{name}={HIDDEN}&cursor=a"


@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("/api/v1/sources", "", False),
        ("/api/v1/sources", "cursor=a&author=ada", False),
        ("/api/v1/sources", "api_key=another-key", True),
        ("/api/v1/sources", "x-api-key=another-key", True),
        ("/api/v1/sources", f"q={KEY}", True),
        (f"/api/v1/{KEY}/sources", "", True),
    ],
)
def test_a_key_in_a_url_is_noticed(path: str, query: str, says: object) -> None:
    assert SECRETS.in_url(path, query) is says


def test_headers_keep_their_names_and_lose_their_secrets() -> None:
    sent = [(b"X-Api-Key", KEY.encode()), (b"Authorization", b"Bearer x"), (b"Accept", b"*/*"), (b"x", KEY.encode())]
    assert SECRETS.headers(sent) == (
        ("x-api-key", HIDDEN),
        ("authorization", HIDDEN),
        ("accept", "*/*"),
        ("x", HIDDEN),
    )


@pytest.mark.parametrize(
    "connections",
    [
        {"destination": {"base_url": "https://example.com/v2", "auth": {"token": CREDENTIAL}}},
        {"destination": {"base_url": "https://ada:secret@example.com", "auth": {}}},
        {"destination": {"base_url": "no address", "auth": {"token": CREDENTIAL}}},
        {"destination": {"base_url": "https://example.com", "auth": "a text"}},
        {"destination": {"auth": [1]}},
        {"destination": 3},
        [CREDENTIAL],
        None,
    ],
)
def test_a_body_without_its_secrets_says_the_same_to_the_contract(connections: Any) -> None:
    body = {"name": "Acme", "source": "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933", "connections": connections}
    told = [
        [(each.path, each.rule) for each in load().request_differences("provision_company", value)]
        for value in (body, orjson.loads(kept(json.dumps(body).encode())))
    ]
    assert told[0] == told[1]


def test_an_ordinary_body_is_kept_to_the_byte() -> None:
    for text in (b'{"rows": [{"Email":  "ada@example.com"}]}', "Größe,authentic\n1,2\n".encode(), b"nonsense", b""):
        assert SECRETS.request(text, len(text)) == text
    assert SECRETS.request(b'{"auth": ', 9) == UNREADABLE


GUESSING = Secrets(keys={"team-key"}, guess=True)
RANDOM = "Ab3dEf6hIj9lMn2p"
HEADERS = ["Api-Key", "apikey", "x-vern-api-key", "X-API-Token", "x-auth-token", "x-access-token", "www-authenticate"]
HEADERS += ["token", "x-session-id", "x-amz-security-token", "client-secret", "x-password", "Cookie", "x-signature"]


@pytest.mark.parametrize("name", HEADERS)
def test_a_key_under_another_name_is_hidden(name: str) -> None:
    assert SAFE.headers([(name.encode(), b"anything")]) == ((name.lower(), HIDDEN),)


@pytest.mark.parametrize("name", ["idempotency-key", "x-author", "keep-alive", "x-mock-request-id", "sec-fetch-mode"])
def test_what_only_sounds_like_one_is_shown(name: str) -> None:
    assert SAFE.headers([(name.encode(), b"anything")]) == ((name, "anything"),)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"/api/v1/{RANDOM}-0001/imports", f"/api/v1/{HIDDEN}/imports"),
        ("/api/v1/team-key/imports", f"/api/v1/{HIDDEN}/imports"),
        (f"/UPLOADS/{TOKEN}", f"/UPLOADS/{HIDDEN}"),
        (
            "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2",
            "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2",
        ),
        (
            "Mozilla/5.0 AppleWebKit/537.36 OpenAPI-Generator/1.0.0",
            "Mozilla/5.0 AppleWebKit/537.36 OpenAPI-Generator/1.0.0",
        ),
    ],
)
def test_what_may_be_a_key_is_hidden_where_the_words_are_not_the_contract_s(text: str, shown: str) -> None:
    assert GUESSING.text(text) == shown


def test_a_value_that_looks_like_a_key_is_hidden_under_any_name() -> None:
    sent = [(b"x-vern", RANDOM.encode()), (b"x-other", b"team-key"), (b"traceparent", f"00-{TOKEN}-01".encode())]
    assert [value for _, value in GUESSING.headers(sent)] == [HIDDEN, HIDDEN, f"00-{TOKEN}-01"]
    assert SAFE.query(f"q={RANDOM}&cursor=YmVmb3JlOjEwMDA=") == f"q={HIDDEN}&cursor=YmVmb3JlOjEwMDA="
    assert SECRETS.query("q=" + "".join(f"%{ord(each):02x}" for each in KEY)) == f"q={HIDDEN}"


@pytest.mark.parametrize(
    "token",
    [
        "sk_live_0a1b2c3d4e5f",
        "ghp_0123456789abcdefAB",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "AKIA0123456789ABCDEF",
    ],
)
def test_a_token_of_a_well_known_make_is_hidden_wherever_it_stands(token: str) -> None:
    for text in (token, f"Bearer {token}", f'{{"note":"see {token}, please"}}'):
        assert token not in SAFE.text(text)
        assert token not in SAFE.content(text.encode(), len(text)).decode()
        assert token not in SAFE.request(text.encode(), len(text)).decode()


PLAIN = json.dumps({"connections": {"destination": {"auth": {"token": CREDENTIAL}}}}).encode()


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(PLAIN, mtime=0),
        zlib.compress(PLAIN),
        PLAIN.decode().encode("utf-16"),
        PLAIN.decode().encode("utf-16-le"),
        b64encode(PLAIN),
        b64encode(gzip.compress(PLAIN, mtime=0)),
        urlsafe_b64encode(PLAIN.decode().encode("utf-16")),
        f"auth: {CREDENTIAL}".encode(),
        f"password={CREDENTIAL}&name=Acme".encode(),
        f"api%5Fkey=1&%74oken={CREDENTIAL}".encode(),
        f"<apiKey>{CREDENTIAL}</apiKey>".encode(),
    ],
)
def test_of_a_body_that_cannot_be_read_nothing_is_kept(body: bytes) -> None:
    assert SAFE.request(body, len(body)) == UNREADABLE


@pytest.mark.parametrize(
    "name",
    ["password", "client_secret", "accessToken", "Authorization", "credentials", "api_key", "PRIVATE-KEY", "key"],
)
def test_a_member_that_nobody_knows_and_that_sounds_like_a_credential_is_hidden(name: str) -> None:
    body = {"name": "Acme", "more": [{name: CREDENTIAL, "idempotency_key": "a", "author": "Ada"}]}
    sent = json.dumps(body).encode()
    assert orjson.loads(SAFE.request(sent, len(sent))) == {
        "name": "Acme",
        "more": [{name: HIDDEN, "idempotency_key": "a", "author": "Ada"}],
    }


@pytest.mark.parametrize("url", [f"no address {CREDENTIAL}", f"https://x.example/?k={CREDENTIAL}", f"x:{CREDENTIAL}"])
def test_a_base_url_that_may_hold_a_credential_is_hidden(url: str) -> None:
    body = json.dumps({"connections": {"destination": {"base_url": url}}}).encode()
    assert CREDENTIAL not in SAFE.request(body, len(body)).decode()


def test_no_reader_and_no_log_gets_a_key_of_somebody_else(small: Process, at_small: Client, key: str) -> None:
    other, hidden = Client(small.url, f"other-{key}"), f"Sup3rSecretApiKey{key[-4:]}"
    at_small.get("/api/v1/sources")
    for name, path in [("api-key", "sources"), ("x-vern", hidden), ("x-auth-token", f"{key}?q={key}"), ("token", "")]:
        for own in ({}, {"x-api-key": f"other-{key}"}):
            with closing(Transport(small.url, None, headers={name: hidden, "user-agent": key, **own})) as transport:
                transport.call("GET", f"/api/v1/{path}")
    looks = ("requests?strays=true", "requests", "requests.har", "bundle", "audit", "coverage", "why/last")
    shown = [other.get(f"/_mock/{each}").text for each in looks]
    other.close()
    shown.append(small.log())
    for each in shown:
        assert hidden not in each
        assert key not in each.replace(f"other-{key}", "")
