"""What a client called, and what it can know: its companies and runs, as the answers that it got in whole have told it.

A rule never asks what a run really was, only what the client was told of it: nobody owes what they cannot know.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple

from conformance.audit.card import RuleSet
from conformance.audit.exchange import ClientCall, call_members

UPLOAD = "put_upload"
PARKED = "needs_attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewCall(ClientCall):
    """A call to an operation of the Preview generation, or to a signed URL that one gave out."""

    company_id: str | None
    upload_ref: str | None
    active_run: str | None
    """The run of the company that was in flight, for a call that names none."""
    payload: str | None
    """What stands for all that it asks for but its key, to find repetitions; None: not wholly known (OP-07)."""

    @property
    def subject(self) -> dict[str, str | None]:
        """The company that it is about."""
        return {"company_id": self.company_id}

    @property
    def unclear(self) -> bool:
        """As of any call; the answer of a signed URL has no body that a client has to read."""
        return super(PreviewCall, self).unclear and not (self.ok and self.operation == UPLOAD)

    @property
    def is_poll(self) -> bool:
        """Whether it reads a run at its `poll_url`."""
        return self.operation in {"poll_import", "poll_export"}

    @property
    def is_look_up(self) -> bool:
        """Whether it asks for the company's active run, or for its history."""
        return self.operation == "list_imports"


def _payload(sent: Any) -> str | None:
    """A digest, since every call is compared with many."""
    if not isinstance(sent, dict):
        return None
    asked = json.dumps({name: each for name, each in sent.items() if name != "idempotency_key"}, sort_keys=True)
    return sha256(asked.encode()).hexdigest()


class RunReading(NamedTuple):
    """What one answer told of a run: its status, and the questions of a parked one."""

    call: PreviewCall
    status: str
    questions: tuple[Any, ...] | None = None
    """None: the run is not parked, or the answer did not show them."""

    @property
    def ids(self) -> tuple[Any, ...]:
        """The ids of its questions."""
        return tuple(each.get("id") for each in self.questions or () if isinstance(each, dict))

    def may_equal(self, other: RunReading) -> bool:
        """Whether both may show one parking: their questions are equal, or one of them does not show any."""
        return None in (self.questions, other.questions) or self.ids == other.ids


@dataclass(slots=True)
class Known:
    """One run, and everything that the client did about it, in order."""

    id: str
    company_id: str | None
    accepted: PreviewCall | None = None
    """The first whole answer that named its `poll_url`."""
    events: list[PreviewCall] = field(default_factory=list)
    """Never empty, once a rule looks at it."""
    polls: list[PreviewCall] = field(default_factory=list)
    decisions: list[PreviewCall] = field(default_factory=list)
    readings: list[RunReading] = field(default_factory=list)

    @property
    def poll_url(self) -> str | None:
        """Its path, when an answer named it."""
        url = self.accepted.answer_member("poll_url") if self.accepted is not None else None
        return url if isinstance(url, str) else None

    @property
    def end(self) -> RunReading | None:
        """The first reading that showed its end."""
        return next((each for each in self.readings if is_terminal(each.status)), None)

    def read_before(self, call: PreviewCall) -> list[RunReading]:
        """Every reading that the client had when it sent this."""
        return [each for each in self.readings if each.call.order < call.order]

    def after(self, call: PreviewCall) -> list[PreviewCall]:
        """What the client did about the run after this exchange."""
        return [each for each in self.events if each.order > call.order]

    @property
    def parkings(self) -> list[RunReading]:
        """The first reading of each parking that the client saw: a decision, or another status, parts two of them."""
        found: list[RunReading] = []
        parked: RunReading | None = None
        readings = {each.call.id: each for each in self.readings}
        for event in self.events:
            if event.operation == "decide":
                parked = None if event.ok else parked
            elif (reading := readings.get(event.id)) is not None:
                if reading.status == PARKED and (parked is None or not reading.may_equal(parked)):
                    found.append(reading)
                parked = reading if reading.status == PARKED else None
        return found


@dataclass(slots=True)
class History:
    """A session's exchanges in order of arrival, and the runs that they are about."""

    exchanges: Sequence[PreviewCall]
    clock: str
    """The mode of the session's clock: `real`, `scaled` or `frozen`."""
    partial: bool = False
    """True when the journal has forgotten what came before."""
    runs: dict[str, Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for call in self.exchanges:
            run_id = _about(call)
            if run_id is not None:
                known = self.runs.setdefault(run_id, Known(run_id, call.company_id))
                known.events.append(call)
                if call.operation == "decide":
                    known.decisions.append(call)
                elif call.is_poll and call.method == "GET":
                    known.polls.append(call)
                if not known.accepted and call.ok and isinstance(call.received, dict) and "poll_url" in call.received:
                    known.accepted = call
            for about, reading in _readings(call):
                known = self.runs.setdefault(about, Known(about, call.company_id))
                if about != run_id:
                    known.events.append(call)
                known.readings.append(reading)

    def calls(self, *operations: str) -> list[PreviewCall]:
        """The exchanges of these operations."""
        return [each for each in self.exchanges if each.operation in operations]

    def starts(self, *operations: str) -> Iterable[list[PreviewCall]]:
        """The calls of these operations that belong together: those of one operation for one company."""
        found: dict[tuple[str, str | None], list[PreviewCall]] = {}
        for operation in operations:
            for each in self.calls(operation):
                found.setdefault((operation, each.company_id), []).append(each)
        return found.values()

    def after(self, call: PreviewCall) -> Sequence[PreviewCall]:
        """Everything that came after this exchange."""
        return self.exchanges[call.order + 1 :]

    def between(self, first: PreviewCall, last: PreviewCall) -> Sequence[PreviewCall]:
        """Everything that came after the one and before the other."""
        return self.exchanges[first.order + 1 : last.order]

    def has_looked(self, company_id: str | None, among: Iterable[PreviewCall]) -> bool:
        """Whether one of these asked what runs in the company: the active run, the history, or a poll."""
        return any(each.company_id == company_id and (each.is_look_up or each.is_poll) for each in among)


def _history(exchanges: Sequence[Mapping[str, Any]], *mode: Any) -> History:
    """Raises KeyError, TypeError or ValueError for what is no exchange."""
    calls = []
    for order, each in enumerate(exchanges):
        own = {name: each[name] for name in ("company_id", "upload_ref")}
        active = (each["in_flight"] or {}).get("run_id")
        members = call_members(each, order)
        calls.append(PreviewCall(**members, **own, active_run=active, payload=_payload(members["sent"])))
    return History(calls, *mode)


RULES = RuleSet(
    _history,
    tomllib.loads(files("conformance.preview.client_rules").joinpath("rules.toml").read_text("utf-8")),
)
"""The rules for clients of the Preview generation."""


def is_terminal(status: object) -> bool:
    """Whether a run of this status is over, as the contract says."""
    from mock_server.contract import document  # noqa: PLC0415 - the rules are known without it, as they are imported

    return status in document.load().run_statuses.terminal


def fate(call: PreviewCall) -> str:
    """What a client was told of a call that is not clear to it, in words."""
    if not call.whole:
        return "got no answer"
    return f"got {call.status}" if call.status != 201 else "got an answer that cannot be read"


def elapsed(first: PreviewCall, last: PreviewCall) -> int:
    """Milliseconds from the arrival of the one to the arrival of the other, on the clock that shows more of them.

    Who waits lets one of the two pass: its own, or the session's clock that the test holds.
    """
    return max(last.real - first.real, last.at - first.at)


def _about(call: PreviewCall) -> str | None:
    if call.run_id is not None or not call.is_look_up or "status=active" not in call.query:
        return call.run_id
    told = call.received if call.ok and isinstance(call.received, dict) else {}
    run_id = told.get("run_id", call.active_run) if "status" in told else None
    return run_id if isinstance(run_id, str) else None


def _readings(call: PreviewCall) -> Iterator[tuple[str, RunReading]]:
    if not call.ok or not (call.is_poll or call.is_look_up):
        return
    run_id = _about(call)
    if call.cut and run_id is not None and call.before is not None:  # too long for the journal, not for the client
        yield run_id, RunReading(call, call.before)
    if run_id is not None and isinstance(status := call.answer_member("status"), str):
        parked = call.answer_member(PARKED)
        questions = parked.get("questions") if isinstance(parked, dict) else None
        yield run_id, RunReading(call, status, tuple(questions) if isinstance(questions, list) else None)
    # The items of a history, whatever its envelope (OP-08).
    members = call.received.values() if isinstance(call.received, dict) else (call.received,)
    listed = next((each for each in members if isinstance(each, list)), ()) if call.is_look_up else ()
    for item in listed:
        if isinstance(item, dict) and isinstance(item.get("run_id"), str) and isinstance(item.get("status"), str):
            yield item["run_id"], RunReading(call, item["status"])
