"""No request costs more than it is worth: where one mistake is told one is sought, and no text is sent back whole."""

from __future__ import annotations

import asyncio
import difflib
import json
from contextlib import ExitStack
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from conformance.audit.card import card
from conformance.preview.client_rules import history
from mock_server.admin.requests import FEW
from mock_server.contract import document as contract
from mock_server.contract.nearest import LONGEST, nearest, shown, unknown
from mock_server.dialects.dialect import UnknownDialect
from mock_server.http.prefer import preferences
from mock_server.http.streamed import written
from mock_server.kernel.clock import real_time
from mock_server.kernel.errors import LONGEST as LONGEST_TEXT
from mock_server.kernel.errors import Refusal
from mock_server.kernel.settings import Settings
from mock_server.preview import decisions
from mock_server.preview.generation import create_app
from mock_server.preview.language import load_world
from mock_server.preview.readings import DIALECTS
from mock_server.recording.waiting import MOMENT, Waiting, Wanted
from mock_server.session.bundle import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Client

CONTRACT = contract.load()
RUN = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2/imports"
LONG = "a" * 90_000


# Words


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the texts that were compared with others."""
    lengths: list[int] = []

    class Matcher(difflib.SequenceMatcher[str]):
        def __init__(self, isjunk: Any = None, a: str = "", b: str = "") -> None:
            super().__init__(isjunk, a, b)
            lengths.extend((len(a), len(b)))

        def set_seq1(self, a: Any) -> None:
            lengths.append(len(a))
            super().set_seq1(a)

        def set_seq2(self, b: Any) -> None:
            lengths.append(len(b))
            super().set_seq2(b)

    monkeypatch.setattr(difflib, "SequenceMatcher", Matcher)
    return lengths


def test_a_long_word_is_compared_with_none(compared: list[int]) -> None:
    assert nearest("reparck", ["re-park"]) == "re-park"
    assert compared
    compared.clear()
    assert nearest("re-park" * 100_000, ["re-park"]) is None
    assert len(unknown("scenario", LONG, ["re-park"])) < LONGEST
    assert compared == []


def test_a_word_is_compared_with_so_many_others(compared: list[int]) -> None:
    assert nearest("run-00007x", (f"run-{number:05}" for number in range(30_000))) == "run-00007"
    assert len(compared) < 5_000


def test_of_a_long_path_the_beginning_is_compared(compared: list[int]) -> None:
    assert CONTRACT.nearest("GET", f"/api/v1/companies/{LONG}/imports").id
    assert max(compared) <= 2 * LONGEST


@pytest.mark.parametrize(
    "value", [LONG, [LONG] * 3, {LONG: LONG}, 10**300, None, True], ids=lambda each: type(each).__name__
)
def test_a_value_is_shown_in_few_words(value: object) -> None:
    assert len(shown(value)) < 80


def test_the_text_of_a_refusal_is_never_long_and_keeps_its_end() -> None:
    refusal = Refusal(400, f"no {LONG}; there are: live")
    assert len(refusal.text) <= LONGEST_TEXT + 1
    assert refusal.text.endswith("there are: live")


# The Prefer header


def test_of_a_long_prefer_header_the_beginning_counts() -> None:
    stated = preferences({"headers": [(b"prefer", b"code=409, " + b'"\\,' * 500_000)]})
    assert stated["code"] == "409"
    assert len(stated) < 100


def test_many_prefer_headers_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from mock_server.session import exchange  # noqa: PLC0415 - what it calls is counted

    calls: list[Any] = []

    def counted(scope: Any) -> dict[str, str]:
        calls.append(scope)
        return preferences(scope)

    monkeypatch.setattr(exchange, "preferences", counted)
    headers = [(b"prefer", b"code=%d" % number) for number in range(200, 400)]
    made = exchange.Exchange({"headers": headers}, None, None, None)  # type: ignore[arg-type]  # never asked for
    assert (len(calls), made.prefers) == (1, {"code": "200"})


@pytest.mark.parametrize("name", ["minimal+" * 100_000, "+" * 100_000, LONG, f"random:{LONG}"])
def test_a_long_name_of_a_dialect_is_told_in_few_words(name: str) -> None:
    with pytest.raises(UnknownDialect) as told:
        DIALECTS.find(name)
    assert len(str(told.value)) < 2_000


# Wrong bodies


def test_of_many_wrong_answers_the_first_is_told_and_few_are_explained(client: Client) -> None:
    wrong = [{"question_id": f"fq{number}", "option_id": "a"} for number in range(1, 1_200)]
    call = client.post(f"{RUN}/decisions", {"decision": "approve", "answers": wrong})
    assert call.status == 400
    assert call.body["error"].startswith("answers[0].question_id 'fq1' is no current question")
    told = client.get("/_mock/why/last").body["differences"]
    assert len(told) == decisions.MANY


@pytest.mark.parametrize(
    "fault",
    [{f"x{number}": 1 for number in range(3_000)}, {"delay": ["1s"] * 3_000}, {LONG[:50_000]: 1}],
    ids=["members", "entries", "a long name"],
)
def test_of_a_very_wrong_fault_few_mistakes_are_told(client: Client, fault: object) -> None:
    call = client.post("/_mock/faults", fault)
    assert call.status == 400
    assert len(call.text) <= LONGEST_TEXT + 100


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/_mock/scenario", {"name": LONG}),
        ("PUT", "/_mock/scenario", {"name": [LONG]}),
        ("PUT", "/_mock/scenario", {LONG: 1}),
        ("PUT", "/_mock/dialect", {"name": LONG}),
        ("PUT", "/_mock/clock", {"mode": [LONG]}),
        ("PUT", "/_mock/clock", {"now": LONG}),
        ("POST", "/_mock/clock/advance", {"by": LONG}),
        ("POST", "/_mock/clock/advance", {"to": {LONG: 1}}),
        ("POST", LIVE, {"rows": LONG}),
        ("POST", LIVE, {"files": [{"upload_ref": LONG, "name": "a.csv"}]}),
        ("POST", f"{RUN}/decisions", {"decision": "approve", "answers": [{"question_id": LONG, "option_id": "a"}]}),
        ("POST", f"{RUN}/decisions", {"decision": LONG}),
    ],
)
def test_a_long_value_is_not_sent_back(client: Client, method: str, path: str, body: object) -> None:
    call = client.transport.call(method, path, body)
    assert call.status == 400
    assert len(call.text) < 2_000


@pytest.mark.parametrize("path", ["/_mock/scenario", "/_mock/faults", "/_mock/clock", "/_mock/dialect"])
def test_an_admin_call_takes_no_large_body(client: Client, path: str) -> None:
    call = client.put(path, {"faults": ["x" * 100_000]})
    assert call.status == 413
    assert "at most 100000" in call.body["error"]


# Waiting


class Seen:
    """An exchange that is over, as far as a wait looks at it; it counts how often one does."""

    operation, status = "list_sources", 200

    def __init__(self, number: int) -> None:
        self._number = number
        self.looks = 0

    @property
    def number(self) -> int:
        self.looks += 1
        return self._number

    @property
    def run_id(self) -> None:
        self.looks += 1


def test_a_call_that_ends_is_looked_at_once_for_all_who_wait_and_later() -> None:
    async def wait() -> list[tuple[int, int, int]]:
        waiting, looks = Waiting(), []
        everything, nothing = Wanted(0, None, None, None), Wanted(0, None, None, "599")
        with ExitStack() as those_who_wait:
            vain = [those_who_wait.enter_context(waiting.joined(nothing, 1)) for _ in range(300)]
            glad = [those_who_wait.enter_context(waiting.joined(everything, 3)) for _ in range(200)]
            for number in (1, 2, 3):
                entry: Any = Seen(number)
                waiting.tell(entry)
                at_once = entry.looks
                if number != 2:  # the second comes while the first is not told of
                    await asyncio.sleep(MOMENT * 2)
                looks.append((at_once, entry.looks, sum(each.done() for each in [*glad, *vain])))
        assert waiting._left == {}  # noqa: SLF001 - nobody is left behind
        return looks

    first, second, third = asyncio.run(wait())
    assert (first, second[0], third) == ((0, 2, 0), 0, (0, 2, 200))


def test_who_waits_and_hangs_up_is_gone_at_once() -> None:
    app = create_app(Settings(), load_world())
    sent: list[Any] = []

    async def call(*messages: str) -> None:
        coming = [{"type": each, "body": b"", "more_body": False} for each in messages]
        headers = [(b"x-api-key", b"who-waits")]
        query = b"timeout=60s"
        path = "/_mock/requests/wait"
        scope = {"type": "http", "http_version": "1.1", "method": "GET", "query_string": query, "path": path}

        async def receive() -> Any:
            return coming.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await asyncio.wait_for(app({**scope, "raw_path": path.encode(), "headers": headers}, receive, send), 30)

    asyncio.run(call("http.request", "http.disconnect"))
    session = app.sessions.session("who-waits", real_time())
    assert (sent, session.busy, session.journal.waiting._left) == ([], 0, {})  # noqa: SLF001 - as above


# A full journal


def test_a_long_answer_is_made_in_pieces_as_its_reader_takes_them() -> None:
    taken: list[int] = []

    def entries() -> Iterator[dict[str, int]]:
        for each in range(100):
            taken.append(each)
            yield {"n": each}

    pieces = written({"b": entries(), "a": {"y": [1], "x": {}}, "c": iter(())})
    first = list(islice(pieces, 20))
    assert 0 < len(taken) < 20
    told = json.loads(b"".join([*first, *pieces]))
    assert told == {"a": {"x": {}, "y": [1]}, "b": [{"n": each} for each in range(100)], "c": []}


@pytest.mark.parametrize("calls", [FEW, FEW + 1])
def test_a_journal_says_the_same_in_one_piece_and_in_many(client: Client, calls: int) -> None:
    for _ in range(calls):
        client.get("/api/v1/sources")
    whole = client.get("/_mock/requests")
    assert ("content-length" in whole.headers) == (calls <= FEW)
    parts = [client.get(f"/_mock/requests?since={since}").body["requests"][0] for since in range(calls)]
    assert whole.body["requests"] == parts
    assert client.get(f"/_mock/requests/wait?count={calls}").body["requests"] == parts
    bundle = client.get("/_mock/bundle").body
    assert (bundle["exchanges"], bundle["digest"]) == (parts, digest(bundle))
    assert len(client.get("/_mock/requests.har").body["log"]["entries"]) == calls


def test_a_report_card_writes_each_payload_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(30):
        client.post(LIVE, {"rows": [1]})
    written_down: list[bytes] = []

    def count(data: bytes) -> Any:
        written_down.append(data)
        return sha256(data)

    monkeypatch.setattr(history, "sha256", count)
    card(client.get("/_mock/requests").body["requests"], clock="frozen", dialect="documented")
    assert len(written_down) == 30
