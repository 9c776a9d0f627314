"""Bodies that are wrong: the documented code, a sentence that names member, expectation and value, no change."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import TYPE_CHECKING, NamedTuple

import pytest
from refusals import (
    API,
    DEALS,
    LIMIT,
    LIVE,
    NOBODY,
    POSTS,
    RUN,
    SOURCE,
    post,
    refused,
    state,
)

if TYPE_CHECKING:
    from conftest import Client


NO_OBJECTS = {
    "a half": (b'{"decision":', "not valid JSON"),
    "words": (b"approve, please", "not valid JSON"),
    "single quotes": (b"{'decision': 'approve'}", "not valid JSON"),
    "a trailing comma": (b'{"decision": "approve",}', "not valid JSON"),
    "two values": (b"{} {}", "not valid JSON"),
    "NaN": (b'{"x": NaN}', "not valid JSON"),
    "infinity": (b'{"x": -Infinity}', "not valid JSON"),
    "1e999": (b'{"x": 1e999}', "not valid JSON"),
    "an integer of 5,000 digits": (b'{"x": ' + b"9" * 5_000 + b"}", "not valid JSON"),
    "a raw NUL": (b'{"name": "\x00"}', "not valid JSON"),
    "a NUL alone": (b"\x00", "not valid JSON"),
    "a lone high surrogate": (b'{"name": "\\ud800"}', "not valid JSON"),
    "a lone low surrogate": (b'{"\\udc00": 1}', "not valid JSON"),
    "an encoded surrogate": (b'{"name": "\xed\xa0\x80"}', "not UTF-8, as JSON is: byte 11 is 0xed"),
    "Latin-1": ('{"name": "Zoë"}'.encode("latin-1"), "not UTF-8, as JSON is: byte 13 is 0xeb"),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), "the body is UTF-16; JSON is sent as UTF-8"),
    "UTF-16 without a mark": ('{"name": "x"}'.encode("utf-16-le"), "the body is UTF-16"),
    "UTF-32": ('{"name": "x"}'.encode("utf-32-be"), "the body is UTF-32"),
    "gzip that is not said to be": (gzip.compress(b'{"name": "x"}'), "the body is compressed (gzip)"),
    "deflate that is not said to be": (zlib.compress(b'{"name": "x"}'), "the body is compressed (deflate)"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "not valid JSON"),
    "1,000 brackets": (b"[" * 1_000, "not valid JSON"),
    "255 closed brackets": (b"[" * 255 + b"]" * 255, "too deeply; at most 254 levels"),
    "1,000 closed brackets": (b"[" * 1_000 + b"]" * 1_000, "too deeply"),
    "100,000 brackets": (b"[" * 100_000, "too deeply"),
    "100,000 objects": (b'{"a":' * 100_000, "too deeply"),
    "an array": (b"[]", "the body must be an object; got an array"),
    "null": (b"null", "the body must be an object; got null"),
    "a text": (b'"approve"', "the body must be an object; got a string"),
    "a number": (b"17", "the body must be an object; got 17"),
}


@pytest.mark.parametrize("operation_id", POSTS)
def test_a_body_that_is_no_json_object_is_refused(client: Client, operation_id: str) -> None:
    """ERR-11, DEC-22."""
    before = state(client)
    for what, (raw, words) in NO_OBJECTS.items():
        refused(post(client, POSTS[operation_id], raw), 400, words)
        assert state(client) == before, what


@pytest.mark.parametrize("operation_id", [each for each in POSTS if each != "start_export"])
def test_a_missing_body_is_refused(client: Client, operation_id: str) -> None:
    refused(client.post(POSTS[operation_id]), 400, "the body is empty; expected a JSON object")


@pytest.mark.parametrize("operation_id", POSTS)
def test_unknown_members_are_ignored_however_deep_and_large(client: Client, operation_id: str) -> None:
    """OP-26; what is too deep to be looked at is refused instead."""
    valid = {"provision_company": b'"name": "A", "source": "%s"' % SOURCE.encode(), "request_upload": b'"name": "a"'}
    valid |= {"start_import": b'"rows": [{"Email": "a@example.com"}]', "decide": b'"decision": "approve"'}
    valid |= {"start_export": b'"mode": "full"'}
    for number, odd in enumerate((b"[" * 253 + b"]" * 253, b"9" * 300, b'"\\u0000"', b"[" * 1_000 + b"]" * 1_000)):
        client.delete("/_mock/session")
        call = post(client, POSTS[operation_id], b'{%s, "odd": %s}' % (valid[operation_id], odd))
        assert call.status in ((200, 201) if number < 3 else (400,)), call.text


# -- one wrong member


class Wrong(NamedTuple):
    """A body with one mistake, and words of the sentence that must name it."""

    operation_id: str
    body: object
    words: tuple[str, ...]
    status: int = 400


def company(**members: object) -> dict[str, object]:
    return {"name": "Acme", "source": SOURCE} | members


WRONG = [
    Wrong("provision_company", {"source": SOURCE}, ("name is required and missing",)),  # PROV-08
    Wrong("provision_company", {"name": "Acme"}, ("source is required and missing",)),  # PROV-09
    Wrong("provision_company", company(name=""), ("name", "at least 1 character", "''")),
    Wrong("provision_company", company(name=7), ("name must be a string", "got 7")),
    Wrong("provision_company", company(name=None), ("name must be a string", "got null")),
    Wrong("provision_company", company(source="crm"), ("source must be a UUID", "got 'crm'")),  # PROV-10
    Wrong("provision_company", company(source=["x"]), ("source must be a string", "got an array")),
    Wrong("provision_company", company(source=NOBODY), ("no source", NOBODY), 404),  # PROV-11
    Wrong("provision_company", company(external_id="a b"), ("external_id", "A-Za-z0-9_-", "'a b'")),  # PROV-12
    Wrong("provision_company", company(external_id="a\0"), ("external_id", "A-Za-z0-9_-")),
    Wrong("provision_company", company(external_id="abc\n"), ("external_id", "A-Za-z0-9_-")),
    Wrong("provision_company", company(external_id=""), ("external_id",)),
    Wrong("provision_company", company(external_id="x" * 256), ("external_id", "at most 255")),  # PROV-13
    Wrong("provision_company", company(external_id=5), ("external_id must be a string", "got 5")),
    Wrong("provision_company", company(template_ids="x"), ("template_ids must be an array", "'x'")),  # PROV-15
    Wrong("provision_company", company(template_ids=[]), ("template_ids", "at least 1", "0 entries")),  # OP-37
    Wrong("provision_company", company(template_ids=["x"]), ("template_ids[0] must be a UUID", "'x'")),
    Wrong("provision_company", company(template_ids=[DEALS, NOBODY]), ("template_ids", NOBODY)),
    Wrong("provision_company", company(connections=[]), ("connections must be an object",)),
    Wrong("provision_company", company(connections={"destination": {}}), ("connections.destination.base_url",)),
    Wrong(
        "provision_company",
        company(connections={"destination": {"base_url": "nowhere", "auth": {}}}),
        ("connections.destination.base_url must be an absolute URL", "a string"),
    ),
    Wrong(
        "provision_company",
        company(connections={"destination": {"base_url": "https://a.example", "auth": 5}}),
        ("connections.destination.auth must be an object", "got a number"),
    ),
    Wrong("request_upload", {}, ("name is required and missing",)),
    Wrong("request_upload", {"name": 5}, ("name must be a string", "got 5")),
    Wrong("request_upload", {"name": "a", "size": -1}, ("size must be at least 0", "got -1")),
    Wrong("request_upload", {"name": "a", "size": "9"}, ("size must be an integer", "got '9'")),
    Wrong("request_upload", {"name": "a", "size": 0.5}, ("size must be an integer", "got 0.5")),
    Wrong("request_upload", {"name": "a", "size": True}, ("size must be an integer", "got true")),
    Wrong("request_upload", {"name": "a", "content_type": {}}, ("content_type must be a string", "an object")),
    Wrong("start_import", {}, ("files", "rows", "neither")),  # IMP-06
    Wrong("start_import", {"idempotency_key": "k"}, ("files", "rows", "neither")),
    Wrong("start_import", {"files": [{"name": "a", "upload_ref": "u"}], "rows": [{}]}, ("rows is not allowed",)),
    Wrong("start_import", {"rows": []}, ("rows", "at least 1", "0 entries")),  # OP-22
    Wrong("start_import", {"rows": {}}, ("rows must be an array", "an object")),
    Wrong("start_import", {"rows": [{}, 3]}, ("rows[1] must be an object", "got 3")),
    Wrong("start_import", {"rows": [{"Email": ["a"]}]}, ("rows[0].Email must be", "an array")),
    Wrong("start_import", {"rows": [{"Email": {}}]}, ("rows[0].Email must be", "an object")),
    Wrong("start_import", {"rows": [{}], "idempotency_key": 5}, ("idempotency_key must be a string", "got 5")),
    Wrong("start_import", {"rows": [{}], "idempotency_key": ""}, ("idempotency_key", "at least 1")),
    Wrong("start_import", {"files": []}, ("files", "at least 1", "0 entries")),
    Wrong("start_import", {"files": "a.csv"}, ("files must be an array", "'a.csv'")),  # IMP-07
    Wrong("start_import", {"files": ["a.csv"]}, ("files[0] must be an object", "'a.csv'")),
    Wrong("start_import", {"files": [{"name": "a.csv"}]}, ("files[0].upload_ref is required and missing",)),
    Wrong("start_import", {"files": [{"upload_ref": "u"}]}, ("files[0].name is required and missing",)),
    Wrong("start_import", {"files": [{"name": "a", "upload_ref": "upl_0"}]}, ("files[0].upload_ref", "'upl_0'")),
    Wrong("start_import", {"files": [{"name": "a", "upload_ref": "\0"}]}, ("files[0].upload_ref",)),
    Wrong("start_export", {"mode": "partial"}, ("mode must be 'full' or 'canary'", "'partial'")),  # DST-02
    Wrong("start_export", {"mode": None}, ("mode", "got null")),
    Wrong("start_export", {"selection": []}, ("selection must be an object", "an array")),
    Wrong("start_export", {"selection": {"template_ids": ["x"]}}, ("selection.template_ids[0] must be a UUID", "'x'")),
    Wrong("start_export", {"selection": {"template_ids": [NOBODY]}}, ("selection.template_ids", NOBODY)),
    Wrong("start_export", {"selection": {"row_filter": {"Hat": "x"}}}, ("selection.row_filter", "'Hat'")),
    Wrong("start_export", {"selection": {"row_filter": 5}}, ("selection.row_filter must be an object", "got 5")),
    Wrong("start_export", {"idempotency_key": 5}, ("idempotency_key must be a string", "got 5")),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{each.operation_id}-{json.dumps(each.body)[:60]}" for each in WRONG])
def test_a_wrong_member_is_named_and_nothing_changes(client: Client, wrong: Wrong) -> None:
    """IMP-13, PROV-14 and what is beside each case."""
    before = state(client)
    refused(client.post(POSTS[wrong.operation_id], wrong.body), wrong.status, *wrong.words)
    assert state(client) == before


def test_a_refused_start_does_not_consume_its_key(client: Client) -> None:
    """IMP-13, IDEM-05."""
    refused(client.post(f"{LIVE}/imports", {"rows": [], "idempotency_key": "k"}), 400)
    made = client.post(f"{LIVE}/imports", {"rows": [{"Email": "ada@example.com"}], "idempotency_key": "k"})
    assert made.status == 201
    refused(client.post(f"{LIVE}/imports", {"rows": [{"Email": "b@example.com"}], "idempotency_key": "k"}), 409, "'k'")
    refused(client.post(f"{LIVE}/imports", {"rows": [{"Email": "b@example.com"}], "idempotency_key": "l"}), 409)
    client.wait(2_000)
    assert client.post(f"{LIVE}/imports", {"rows": [{"Email": "b@x.org"}], "idempotency_key": "l"}).status == 201


def test_a_name_or_external_id_that_is_taken_is_refused(client: Client) -> None:
    """PROV-14, PROV-16, OP-37."""
    assert client.post(POSTS["provision_company"], company(external_id="acme")).status == 201
    before = state(client)
    refused(client.post(POSTS["provision_company"], company()), 400, "'Acme'")
    refused(client.post(POSTS["provision_company"], company(name="Other", external_id="acme")), 409, "'acme'")
    refused(client.post(POSTS["provision_company"], company(external_id="acme")), 400, "'Acme'")
    assert state(client) == before


def test_an_export_needs_a_destination(client: Client) -> None:
    """OP-18."""
    made = client.post(POSTS["provision_company"], company()).body["company"]["id"]
    before = state(client)
    refused(client.post(f"{API}/companies/{made}/exports"), 400, "no destination", "connections.destination")
    assert state(client) == before


def test_secrets_are_in_no_answer(client: Client) -> None:
    """PROV-18, SEC-01: neither in the answer nor in a complaint about what is beside them."""
    right = {"destination": {"base_url": "https://a.example", "auth": {"token": "hunter2"}}}
    assert "hunter2" not in client.post(POSTS["provision_company"], company(connections=right)).text
    assert "hunter2" not in client.get("/_mock/session").text
    wrong = {"destination": {"base_url": 5, "auth": {"token": "hunter2"}}}
    assert "hunter2" not in client.post(POSTS["provision_company"], company(connections=wrong)).text


# -- sizes


def test_a_body_over_the_limit_gets_413_whether_or_not_it_says_its_size(at_small: Client) -> None:
    before = state(at_small)
    head = {"x-api-key": at_small.key or ""}
    for path in (f"{RUN}/decisions", POSTS["provision_company"], f"{LIVE}/imports", "/_mock/clock/advance"):
        raw = b'{"decision": "approve", "x": "%s"}' % (b"x" * LIMIT)
        refused(at_small.send("POST", path, raw, head), 413, str(len(raw)), str(LIMIT))
        chunks = [b"%x\r\n%s\r\n" % (len(raw), raw), b"0\r\n\r\n"]
        refused(at_small.send("POST", path, b"".join(chunks), head | {"transfer-encoding": "chunked"}), 413, str(LIMIT))
    assert state(at_small) == before


def test_a_body_of_exactly_the_limit_is_read(at_small: Client) -> None:
    raw = b'{"decision": "approve", "x": "%s"}'
    exact = raw % (b"x" * (LIMIT - len(raw) + 2))
    assert len(exact) == LIMIT
    assert post(at_small, f"{RUN}/decisions", exact).status == 200


def test_the_default_limit_is_ten_megabytes(client: Client) -> None:
    before = state(client)
    refused(post(client, f"{RUN}/decisions", b" " * 10_000_001), 413, "10000001", "10000000")
    refused(post(client, f"{RUN}/decisions", b" " * 10_000_000), 400, "not valid JSON")
    assert state(client) == before
