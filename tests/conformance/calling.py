"""The one client as its tests call with it: its waiting takes no time, and all that is kept of an answer is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from conformance.http.client import Answer, Client
from mock_server.contract import document as contract

Made = Callable[..., Client]

COMPANY = "c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
RUN = "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
POLL = f"/api/v1/companies/{COMPANY}/imports/{RUN}"
KEY = "key-of-the-account-7f3a"


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def clients(hours: Time) -> Iterator[Made]:
    """Makes clients whose waiting takes no time, and closes them."""
    made: list[Client] = []

    def make(url: str, **given: Any) -> Client:
        usual: dict[str, Any] = {
            "api_key": KEY,
            "contract": contract.load(),
            "clock": hours.clock,
            "sleep": hours.sleep,
        }
        client = Client(url, **(usual | given))
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


def poll(client: Client, **given: Any) -> Answer:
    return client.call("poll_import", company_id=COMPANY, run_id=RUN, **given)


def told(answer: Answer) -> str:
    """Everything that is kept of an answer, as text."""
    return json.dumps(asdict(answer.exchange)) + str(answer.problem) + answer.text + repr(answer)
