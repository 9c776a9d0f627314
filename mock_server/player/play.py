"""The player: goes through a play over HTTP step by step, and lists how what came differs from what a step says.

It knows a scenario's plays and nothing of how a server obeys them; what a step does, its class says. Verdict = no
differences. Time is the caller's affair: `wait` is given as a function of milliseconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING

from mock_server.kernel.clock import duration
from mock_server.player.expectation import CannotGoOn
from mock_server.player.transport import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mock_server.player.transport import Transport
    from mock_server.scenarios.model import Play, Step


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


@dataclass(frozen=True, slots=True)
class PlayedStep:
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
