"""The journal as JSON: an exchange as the admin API tells it and a bundle keeps it, and a whole session as HAR 1.2.

Everything here was made bare by the journal; nothing is added.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from mock_server.kernel.clock import iso
from mock_server.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mock_server.recording.journal import Entry, Part


def exchange(entry: Entry) -> dict[str, Any]:
    """One exchange; what is not known yet is null. `at` is the session's clock, `real` the server's milliseconds."""
    flight = entry.flight
    return {
        "id": entry.id,
        "number": entry.number,
        "at": None if entry.stray else iso(entry.at),
        "real": entry.real,
        "ended": entry.ended,
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "operation": entry.operation,
        **entry.all_ids(),
        "before": entry.before and entry.before.status,
        "after": entry.after and entry.after.status,
        "in_flight": None if flight is None else {"run_id": flight[0], "status": flight[1].status},
        "status": entry.status,
        "lost": entry.lost,
        "fault": entry.fault,
        "dialect": entry.dialect,
        "example": entry.example,
        "clause": entry.clause,
        "note": entry.note,
        "key_in_url": entry.key_in_url,
        "turn": entry.turn,
        "acted": None if entry.acted is None else iso(entry.acted),
        "request": part(entry.request),
        "answer": part(entry.answer),
    }


def part(part: Part) -> dict[str, Any]:
    """A request or an answer: its headers as pairs, and of its body what was kept, in base64 when it is no text."""
    try:
        text, encoding = part.body.decode(), "utf-8"
    except UnicodeDecodeError as error:
        # A cut may go through a character; what stands before it is text all the same.
        cut = part.cut and error.start >= len(part.body) - 3
        text, encoding = part.body[: error.start].decode(), "utf-8"
        if not cut:
            text, encoding = b64encode(part.body).decode(), "base64"
    return {
        "headers": [list(pair) for pair in part.headers],
        "body": text,
        "encoding": encoding,
        "size": part.size,
        "cut": part.cut,
    }


def har(entries: Iterable[Entry]) -> dict[str, Any]:
    """The exchanges as an HTTP Archive, to be written; its dates are the session's, its times real milliseconds."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "vern-mock", "version": VERSION},
            "entries": map(_archived, entries),
        }
    }


def _archived(entry: Entry) -> dict[str, Any]:
    took = 0 if entry.ended is None else entry.ended - entry.real
    return {
        "startedDateTime": iso(entry.at),
        "time": took,
        "request": _request(entry),
        "response": _response(entry),
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "_id": entry.id,
        "_operation": entry.operation,
        "_fault": entry.fault,
        "_lost": entry.lost,
    }


def _request(entry: Entry) -> dict[str, Any]:
    asked = entry.request
    sent, query = part(asked), entry.query
    origin = f"http://{asked.header('host') or 'localhost'}"
    names = (each.partition("=") for each in query.split("&") if each)
    request: dict[str, Any] = {
        "method": entry.method,
        "url": origin + entry.path + (f"?{query}" if query else ""),
        "queryString": [{"name": name, "value": value} for name, _, value in names],
        **_message(asked),
    }
    if asked.size:
        kind = asked.header("content-type") or ""
        request["postData"] = {"mimeType": kind, "text": sent["body"], "_encoding": sent["encoding"]}
        request["postData"] |= _comment(asked)
    return request


def _response(entry: Entry) -> dict[str, Any]:
    told = entry.answer
    answered, kind = part(told), told.header("content-type") or ""
    content: dict[str, Any] = {"size": told.size, "mimeType": kind, "text": answered["body"]}
    if answered["encoding"] == "base64":
        content["encoding"] = "base64"
    content |= _comment(told)
    return {
        "status": entry.status or 0,  # what HAR gives to an answer that never came
        "statusText": "",
        "content": content,
        "redirectURL": "",
        **_message(told),
    }


def _comment(part: Part) -> dict[str, str]:
    return {} if part.missing is None else {"comment": part.missing}


def _message(part: Part) -> dict[str, Any]:
    headers = [{"name": name, "value": value} for name, value in part.headers]
    return {"httpVersion": "HTTP/1.1", "cookies": [], "headers": headers, "headersSize": -1, "bodySize": part.size}


@dataclass(frozen=True, slots=True)
class RecordedPart:
    """A request or an answer as a journal's JSON has it."""

    headers: tuple[tuple[str, str], ...]
    body: bytes
    """What was kept of it."""
    size: int
    cut: bool

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> RecordedPart:
        """The part of this JSON."""
        text: str = value["body"]
        body = b64decode(text) if value["encoding"] == "base64" else text.encode()
        return cls(tuple((name, content) for name, content in value["headers"]), body, value["size"], value["cut"])

    def header(self, name: str) -> str | None:
        """The last header of that (lower-case) name."""
        return dict(self.headers).get(name)

    def json(self) -> Any:
        """The body as JSON; None when it is something else, or was cut."""
        try:
            return orjson.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class RecordedExchange:
    """An exchange as a journal's JSON has it: what a bundle, `GET /_mock/requests` and the report card read.

    Members that an older journal lacks are None. `members` is the JSON itself, for the ids that a generation adds.
    """

    members: Mapping[str, Any]
    method: str
    path: str
    operation: str | None
    run_id: str | None
    status: int | None
    lost: bool
    fault: str | None
    example: str | None
    before: str | None
    after: str | None
    flight: str | None
    """The id of the run in flight that a call met which names none."""
    turn: int | None
    """The place of its effect; None: it had none."""
    request: RecordedPart
    answer: RecordedPart

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> RecordedExchange:
        """The exchange of this JSON."""
        later = ("run_id", "example", "before", "after")
        names = ("method", "path", "operation", "status", "lost", "fault", "turn", *later)
        known: dict[str, Any] = {**dict.fromkeys(later), **value}
        return cls(
            members=value,
            **{name: known[name] for name in names},
            flight=(value.get("in_flight") or {}).get("run_id"),
            request=RecordedPart.parse(value["request"]),
            answer=RecordedPart.parse(value["answer"]),
        )

    @property
    def succeeded(self) -> bool:
        """Whether it was answered with a code of success."""
        return self.status is not None and 200 <= self.status < 300


def in_order(exchanges: Iterable[Mapping[str, Any]]) -> list[RecordedExchange]:
    """The exchanges in the order of their effects; those that had none come last."""
    return sorted(map(RecordedExchange.parse, exchanges), key=lambda each: (each.turn is None, each.turn or 0))
