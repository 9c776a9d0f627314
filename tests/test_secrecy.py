"""What is kept of an exchange holds no key, no credentials and no token of a signed URL, whatever the body."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mock_server.contract.document import load
from mock_server.contract.redaction import HIDDEN, UNREADABLE, Secrets

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
    for text in (b'{"rows": [{"Email":  "ada@example.com"}]}', "Größe,authentic\n1,2\n".encode(), b"\xff\xfe", b""):
        assert SECRETS.request(text, len(text)) == text
    assert SECRETS.request(b'{"auth": ', 9) == UNREADABLE
