"""The player: goes through a play over HTTP step by step, and lists how what came differs from what a step says.

It knows a scenario's plays and nothing of how a server obeys them; what a step does, its class says, with the
differences below: each text says what was looked at, what was expected and what came instead. Verdict = no differences.
Time is the caller's affair: `wait` is given as a function of milliseconds.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple

from mock_server.kernel.clock import duration
from mock_server.player.transport import Call, Transport

if TYPE_CHECKING:
    from mock_server.scenarios.model import Play, Step

LONGEST = 200  # characters of an answer that a difference quotes


class CannotGoOn(Exception):
    """The play cannot go on, for the reason that is the message."""


class Client:
    """Who goes through a play; `calls` holds the exchanges since it was last emptied."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.calls: list[Call] = []

    def call(self, method: str, path: str, body: object = None) -> Call:
        """Send a request and keep the exchange."""
        call = self.transport.call(method, path, body)
        self.calls.append(call)
        return call

    def attempt(self, method: str, path: str, body: object = None) -> Call:
        """Send a request whose answer may be lost, and keep the exchange all the same."""
        try:
            return self.call(method, path, body)
        except (OSError, HTTPException) as error:
            sent = None if body is None else json.dumps(body).encode()
            call = Call(method, path, sent, 0, {}, f"{type(error).__name__}: {error}".encode())
            self.calls.append(call)
            return call


class PlayedStep(NamedTuple):
    """One step as it was played: what was sent and received, and how that differs from what the step says."""

    step: Step
    calls: tuple[Call, ...]
    offset: int
    """Milliseconds of session time that the play had waited when the step was over."""
    differences: tuple[str, ...]


def play_steps(play: Play, client: Client, wait: Callable[[int], None]) -> Iterator[PlayedStep]:
    """Play the steps in order; end after one after which the play cannot go on."""
    offset = 0
    for step in play.steps:
        client.calls, differences, is_over = [], list[str](), False
        try:
            if step.verb == "wait":
                wait(duration(step.value))
                offset += duration(step.value)
            else:
                differences = step.perform(client)
        except CannotGoOn as reason:
            differences, is_over = [str(reason)], True
        except (OSError, HTTPException) as error:
            differences, is_over = [f"no answer: {type(error).__name__} {error}".rstrip()], True
        yield PlayedStep(step, tuple(client.calls), offset, tuple(differences))
        if is_over:
            return


def value_difference(what: str, expected: object, got: object) -> list[str]:
    """The one difference between two values, or none."""
    expected = list(expected) if isinstance(expected, tuple) else expected
    return [] if expected == got else [f"{what}: expected {quote_value(expected)}, got {quote_value(got)}"]


def status_difference(expected: int | tuple[int, ...], call: Call) -> list[str]:
    """A status code that was not expected, with what the server said about it."""
    codes = expected if isinstance(expected, tuple) else (expected,)
    if call.status in codes:
        return []
    wanted = " or ".join(str(code) for code in codes)
    return [f"{call.method} {call.path}: expected {wanted}, got {call.status} {quote_body(call)}".rstrip()]


def refusal_difference(status: int, call: Call) -> list[str]:
    """A refusal has its own status code and the one-member error body (ERR-01)."""
    if wrong := status_difference(status, call):
        return wrong
    body = call.body
    if isinstance(body, dict) and list(body) == ["error"] and isinstance(body["error"], str) and body["error"]:
        return []
    return [f'error body of {call.status}: expected {{"error": text}}, got {quote_body(call)}']


def lost_difference(call: Call) -> list[str]:
    """An answer that the client cannot use: none at all, a page, or JSON that is malformed."""
    if call.status == 0 or call.body is None:
        return []
    return [f"{call.method} {call.path}: expected no usable answer, got {call.status} {quote_body(call)}".rstrip()]


def answer_members(call: Call, *names: str) -> Mapping[str, Any]:
    """The answer's JSON object, which must have these members for the play to go on."""
    body = call.body
    if not isinstance(body, dict):
        raise CannotGoOn(f"{call.method} {call.path}: expected a JSON object, got {call.text[:200]}")
    if missing := [name for name in names if name not in body]:
        text = f"expected the members {', '.join(missing)}, got {call.text[:200]}"
        raise CannotGoOn(f"{call.method} {call.path}: {text}")
    return body


def csv_rows(call: Call) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a downloaded CSV."""
    header, *rows = list(csv.reader(io.StringIO(call.text, newline=""))) or [[]]
    return header, rows


def quote_value(value: object) -> str:
    """A value as a person writes it: text bare unless it could be taken for something else, lists with commas."""
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple):
        return ", ".join(quote_value(each) for each in value) or "none"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and " " in value else str(value) or '""'


def quote_body(call: Call) -> str:
    """The beginning of an answer."""
    text = call.text.strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
