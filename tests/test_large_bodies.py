"""A large body holds nobody up: it is read in steps, says what it says at once, and is never told whole."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_costs import CONTRACT, LIVE, LONG

from mock_server.http import messages, steps
from mock_server.kernel.errors import Refusal
from mock_server.kernel.settings import Settings
from mock_server.preview import account
from mock_server.preview.generation import PREVIEW
from mock_server.preview.language import load_world
from mock_server.session.session import Session

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from conftest import Client

SOURCE = "5d0c8e1a-3b7f-4c26-9a41-6e2f0b9d7c11"
TEMPLATE = "1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310"


class Stepping:
    """A reader of short texts that notes how long the longest was."""

    def __init__(self) -> None:
        self.longest = 0

    def __call__(self, raw: bytes, around: int) -> Any:
        self.longest = max(self.longest, len(raw))
        return messages._read(raw, around)  # noqa: SLF001 - what it stands in for


def in_steps(raw: bytes, step: int = 24) -> Any:
    """The value of a text, read in such steps, or None for what is no JSON."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "STEP", step)
        try:
            return [steps.read_in_steps(raw, Stepping())]
        except (ValueError, orjson.JSONEncodeError):
            return None


def at_once(raw: bytes) -> Any:
    try:
        return [messages._read(raw, 0)]  # noqa: SLF001 - what it stands in for
    except (ValueError, orjson.JSONEncodeError):
        return None


texts = st.text(st.sampled_from('ab,:{}[]"\\ \n é€😀'), max_size=40)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=9), st.dictionaries(texts, inner, max_size=9)),
    max_leaves=60,
)


@given(values, st.sampled_from([None, 1]), st.booleans())
def test_a_text_says_the_same_in_steps_and_at_once(value: Any, indent: int | None, ascii_only: bool) -> None:
    raw = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert in_steps(raw) == at_once(raw) is not None


@given(values, st.data())
def test_what_is_no_json_at_once_is_none_in_steps(value: Any, data: st.DataObject) -> None:
    raw = bytearray(json.dumps(value).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + 1] = data.draw(
        st.sampled_from([b"", b",", b"]", b"}", b"{", b"[", b'"', b"\\", b":", b"1", b"\xff", b" "])
    )
    assert in_steps(bytes(raw)) == at_once(bytes(raw))


LARGE_BODIES = [
    b'{"rows":[' + b",".join([b"1"] * 1_000_000) + b"]}",
    b'{"rows":[' + b",".join([b'{"Email":"},{"}'] * 60_000) + b"]}",
    b'{"rows":[{' + b",".join(b'"c%d":1' % number for number in range(45_000)) + b"}]}",
    b'{"name":"' + b"\\u00e9\\\\" * 200_000 + b'","rows":[[' + b"[[1],2],[[3],4]," * 30_000 + b"5]]}",
]


@pytest.mark.parametrize("raw", LARGE_BODIES, ids=range(len(LARGE_BODIES)))
def test_no_step_is_long(raw: bytes) -> None:
    read = Stepping()
    assert steps.read_in_steps(raw, read) == json.loads(raw)
    assert 0 < read.longest <= steps.STEP + 2


class Marks:
    """The pattern of the marks in a text, which counts how many it was asked for."""

    def __init__(self) -> None:
        self.found = 0
        self._pattern = steps._TOKEN  # noqa: SLF001 - what it stands in for

    def finditer(self, *given: Any) -> Iterator[re.Match[bytes]]:
        for each in self._pattern.finditer(*given):
            self.found += 1
            yield each


@pytest.mark.parametrize("within", [b'{"a":' * 100_000, b"1," * 400_000 + b"1]"], ids=["objects", "an array"])
def test_what_is_nested_is_not_looked_at_once_for_each_level(within: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = Marks()
    monkeypatch.setattr(steps, "_TOKEN", marks)
    with pytest.raises((RecursionError, ValueError)):
        steps.read_in_steps(b'{"a":[' * 120 + b"[" + within, Stepping())
    assert 0 < marks.found < 2 * len(within)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"[" + b"[]," * steps.MOST + b"1]", f"at most {steps.MOST} objects and arrays"),
        (b"{" + b",".join(b'"c%d":1' % each for each in range(60_000)) + b"}", f"at most {steps.WIDEST} are taken"),
    ],
)
def test_a_body_of_too_many_things_is_refused(raw: bytes, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        messages.parsed(raw)
    assert refused.value.status == 413
    assert text in refused.value.text


@pytest.mark.parametrize("depth", [254, 255])
@pytest.mark.parametrize("step", [50, 100_000])
def test_a_large_body_is_nested_no_deeper_than_a_small_one(depth: int, step: int) -> None:
    raw = b"[" * depth + b"1" + b"]" * depth
    assert (in_steps(raw, step) is None) == (at_once(raw) is None) == (depth > 254)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(b"nope", "not valid JSON"), (b"", "not valid JSON: unexpected end of data"), (b"1e999", "not valid JSON")],
)
def test_a_large_body_that_is_no_json_is_told_where(client: Client, wrong: bytes, said: str) -> None:
    rows = b'{"rows":[' + b'{"Email":"ada@example.com"},' * 20_000 + wrong
    call = client.send("POST", LIVE, rows, {"x-api-key": str(client.key)})
    assert (call.status, said in call.body["error"]) == (400, True), call.text
    assert str(len(rows) - max(0, len(wrong) - 1))[:3] in call.body["error"]


def test_a_large_body_is_read_and_checked_in_a_thread(client: Client) -> None:
    rows = [{"Email": f"u{number}@example.com"} for number in range(20_000)]
    assert client.post(LIVE, {"rows": [*rows, 5]}).body == {"error": "rows[20000] must be an object; got 5"}
    first = client.post(LIVE, {"rows": rows, "idempotency_key": "a"})
    again = client.send(
        "POST",
        LIVE,
        json.dumps({"idempotency_key": "a", "rows": rows}, indent=1).encode(),
        {"x-api-key": str(client.key)},
    )
    assert (first.status, again.status, again.body["run_id"]) == (201, 200, first.body["run_id"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"rows": {f"a{each}": each for each in range(30_000)}}, "rows must be an array; got an object"),
        ({f"a{each}": each for each in range(30_000)}, "exactly one of files and rows; got neither"),
        ({"rows": [{"a": 1}] * 5_000 + [[{}] * 30_000]}, "rows[5000] must be an object; got an array of 20 entries"),
        ({"rows": [{f"a{each}": each for each in range(3_000)} | {"b": []}]}, "rows[0].b must be a string"),
        ({**{f"a{each}": each for each in range(3_000)}, "rows": [1]}, "rows[0] must be an object; got 1"),
        ({"rows": [{LONG: []}]}, f"rows[0].{LONG[:60]}… must be a string"),
        ({"rows": [1] * 2_000, "idempotency_key": 5}, "idempotency_key must be a string; got 5"),
    ],
)
def test_of_a_large_wrong_body_no_large_part_is_told(body: Any, said: str) -> None:
    """The judge writes the value that is at fault into its message: only short ones come so far."""
    (first, *_) = CONTRACT.request_differences("start_import", body)
    assert said in first.text


@pytest.mark.parametrize(
    ("ids", "read"), [([TEMPLATE] * 30_000, 1), ([TEMPLATE, *(str(UUID(int=n)) for n in range(9))], 2)]
)
def test_of_many_template_ids_each_is_looked_at_once_up_to_a_wrong_one(
    ids: list[str], read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def count(text: str) -> str:
        looked_at.append(text)
        return text

    session = Session("test-key", Settings(), load_world(), PREVIEW, 0)
    monkeypatch.setattr(account, "canonical_id", count)
    with suppress(Refusal):
        account.account_of(session).provision(0, {"name": "Acme", "source": SOURCE, "template_ids": ids})
    assert [each for each in looked_at if each != SOURCE] == ids[:read]
