"""The suite on our own mock: it passes, in a journey and isolated; mocks that lie are told by the clause they break."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from conformance import clauses
from conformance.client import Client
from conformance.mocktarget import mock
from conformance.results import Outcome, Results
from conformance.runner import Suite

Bend = Callable[[str, str, int, Any], tuple[int, Any]]


def judged(*only: str, isolated: bool = False, bend: Bend | None = None) -> Results:
    """The suite (`only` some clauses of it) against a mock whose JSON answers `bend` may change.

    `bend` gets method, path, status and body, and gives status and body.
    """
    with mock(bend=None if bend is None else lambda app: bent(app, bend)) as server:
        target = server.target()
        client = Client(
            target.base_url,
            target.api_key,
            other_key=target.other_api_key,
            revoked_key=target.revoked_api_key,
            requests_per_minute=0,
            on_exchange=lambda answer: suite.heard(answer.operation, answer),
        )
        suite = Suite(
            target,
            client,
            clauses.select(only),
            wait=server.wait,
            advance=server.advance,
            ways=server.ways(),
            isolated=isolated,
        )
        try:
            return suite.run()
        finally:
            client.close()


def bent(app: Any, bend: Bend) -> Any:
    """The app with its JSON answers under the API changed."""

    async def lying(scope: Any, receive: Any, send: Any) -> None:
        begun: list[Any] = []

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
                return
            kind = dict(begun[0]["headers"]).get(b"content-type", b"")
            if begun and kind == b"application/json" and not message.get("more_body") and len(begun) == 1:
                status, body = bend(scope["method"], scope["path"], begun[0]["status"], json.loads(message["body"]))
                raw = json.dumps(body).encode()
                headers = [(name, value) for name, value in begun[0]["headers"] if name != b"content-length"]
                length = (b"content-length", str(len(raw)).encode())
                await send({**begun[0], "status": status, "headers": [*headers, length]})
                await send({**message, "body": raw})
                begun.append(None)
                return
            if len(begun) == 1:
                begun.append(None)
                await send(begun[0])
            await send(message)

        await app(scope, receive, sent if scope["path"].startswith("/api/") else send)

    return lying


def worst(results: Results) -> dict[str, Outcome]:
    return {each.clause: each.outcome for each in results.results if each.outcome > Outcome.PASSED}


@pytest.mark.parametrize("isolated", [False, True], ids=["journey", "isolated"])
def test_the_honest_mock_is_accused_of_nothing(*, isolated: bool) -> None:
    results = judged(isolated=isolated)
    assert results.unreachable is None
    assert worst(results) == {}
    passed = [each for each in results.results if each.outcome is Outcome.PASSED]
    assert len(passed) >= 190


def only_polls(change: Callable[[Any], None]) -> Bend:
    def bend(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        if method == "GET" and status == 200 and "/imports/" in path:
            change(body)
        return status, body

    return bend


def no_message(body: Any) -> None:
    body.pop("progress_message", None)


def no_count(body: Any) -> None:
    body.get("report", {}).pop("invalidCellCount", None)


def no_actions(body: Any) -> None:
    body.get("needs_attention", {}).get("proposed_patch", {}).pop("actions", None)


def errors_are_messages(_method: str, _path: str, status: int, body: Any) -> tuple[int, Any]:
    return status, {"message": body["error"]} if status >= 400 else body


def conflicts_are_fine(_method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    if status == 409 and path.endswith("/decisions"):
        run = path.removesuffix("/decisions")
        return 200, {"run_id": run.rpartition("/")[2], "status": "running", "poll_url": run}
    return status, body


def history_is_oldest_first(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    if method == "GET" and path.endswith("/imports") and "runs" in body:
        body["runs"].reverse()
    return status, body


LIARS: list[tuple[str, Bend]] = [
    ("POLL-02", only_polls(no_message)),
    ("POLL-06", only_polls(no_count)),
    ("PATCH-01", only_polls(no_actions)),
    ("ERR-01", errors_are_messages),
    ("DEC-24", conflicts_are_fine),
    ("HIST-01", history_is_oldest_first),
]


@pytest.mark.parametrize(("clause", "bend"), LIARS, ids=[clause for clause, _ in LIARS])
def test_a_liar_is_told_by_the_clause_that_it_breaks(clause: str, bend: Bend) -> None:
    assert worst(judged(clause, bend=bend)).get(clause) is Outcome.FAILED
