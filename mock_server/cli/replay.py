"""`vern-mock replay`: send the calls of a bundle to a server of its own, and compare each answer with the old one.

Both answers are read from a server's journal, so that the same redaction was applied to them.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import click
import orjson

from mock_server.cli.arguments import FILE, end, tell
from mock_server.contract import document as contract
from mock_server.contract.escape import line, lines
from mock_server.contract.nearest import counted, shown
from mock_server.contract.redaction import HIDDEN
from mock_server.contract.yaml_file import BadFiles
from mock_server.player.process import NotStarted, running
from mock_server.player.transport import Transport
from mock_server.preview.generation import PREVIEW
from mock_server.preview.language import load_world
from mock_server.recording.exchange import RecordedExchange, in_order
from mock_server.session.bundle import BadBundle, opened, refuse_other_scenarios

_OPTIONS = {
    "scenario": "{}",
    "rate_limit": "{}/min",
    "stale_after": "{}ms",
    "max_body": "{}B",
    "max_upload": "{}B",
    "max_uploads": "{}",
    "max_upload_bytes": "{}B",
    "max_rows": "{}",
    "max_files": "{}",
    "dialect": "{}",
}
"""How the options of `serve` are written that make a difference to what a session answers."""
_OWN = ("host", "content-type", "accept", "prefer", "x-forwarded-proto", "x-forwarded-for")
"""Headers that are sent again as they were; the others belong to the connection, or are secret."""
_NOT_COMPARED = ("x-mock-request-id", "content-length", "date")
_SAFE = "".join(map(chr, range(33, 127)))
_SAFE_IN_PATH = _SAFE.translate({ord(each): None for each in "%?#"})


class Outcome(NamedTuple):
    """One exchange of the bundle, and how the new answer differs from the old one; None: it could not be sent again."""

    exchange: RecordedExchange
    differences: tuple[str, ...] | None


@click.command("replay")
@click.argument("bundle", type=FILE)
def command(bundle: Path) -> None:
    """Send the calls of BUNDLE to a new server, and compare its answers with the recorded ones.

    BUNDLE is the answer of `GET /_mock/bundle`. The exit code is 0 when all answers are the same, 1 when one differs,
    2 when the bundle cannot be replayed.

    \b
      curl -H "x-api-key: my-key" http://127.0.0.1:8376/_mock/bundle > bundle.json
      vern-mock replay bundle.json
    """
    try:
        outcomes = replay(opened(bundle.read_bytes(), contract.load().version))
    except BadBundle as bad:
        end(f"{bundle} cannot be replayed: {bad}")
    tell(lines(summary(outcomes)), nl=False)
    sys.exit(1 if any(outcome.differences for outcome in outcomes) else 0)


def replay(bundle: Mapping[str, Any]) -> list[Outcome]:
    """Re-enact the bundle; raises BadBundle, before anything is sent, when that cannot be done here."""
    with contextlib.ExitStack() as serving:
        with tempfile.TemporaryDirectory(prefix="vern-mock-replay-") as folder:
            own = [each for each in bundle["scenarios"] if each["text"] is not None]
            paths = tuple(Path(folder, f"{each['name']}.yaml") for each in own)
            for path, each in zip(paths, own, strict=True):
                path.write_text(each["text"], encoding="utf-8")
            try:
                refuse_other_scenarios(bundle, load_world(paths))
                server = serving.enter_context(running(*_arguments(bundle, paths)))
            except BadFiles as bad:
                raise BadBundle(f"a scenario in it cannot be used here:\n{bad}") from None
            except (NotStarted, ValueError) as reason:
                raise BadBundle(f"no server starts with its settings: {line(str(reason))}") from None
        # The server has read the files, and whoever ends this from here on leaves none behind.
        return list(_Replay(bundle, Transport(server.url, bundle["key"])).outcomes())


def _arguments(bundle: Mapping[str, Any], paths: tuple[Path, ...]) -> Iterator[str]:
    """The options of a server that answers as the one of the bundle did; its clock stands still but for the replay."""
    yield from ("--speed", "0", "--seed", str(bundle["seed"]))
    yield from (part for path in paths for part in ("--scenarios", str(path)))
    for name, value in bundle["settings"].items():
        if name not in _OPTIONS:
            raise BadBundle(f"its setting {name!r} is not known here; another version of vern-mock made it")
        yield f"--{name.replace('_', '-')}"
        yield "off" if value is None else _OPTIONS[name].format(value)


@dataclass(slots=True)
class _Replay:
    """The fresh server, what it has given so far, and where its clock stands."""

    bundle: Mapping[str, Any]
    transport: Transport
    signed: dict[str, str] = field(default_factory=dict)
    """The path of each new signed URL, by the id that is the same in both."""
    now: str = ""
    latest: int = 0
    """The number of the server's latest exchange."""

    def outcomes(self) -> Iterator[Outcome]:
        """What came of each exchange, in the order in which they had their effects."""
        steered = list(self.bundle["steered"])
        for each in in_order(self.bundle["exchanges"]):
            while steered and each.turn is not None and steered[0]["after"] < each.turn:
                self._steer(steered.pop(0))
            # A call that is not whole, or had no turn, broke off or was refused, and had no effect.
            whole = each.turn is not None and not each.request.cut
            yield Outcome(each, self._differences(each) if whole else None)
        self.transport.close()

    def _steer(self, change: Mapping[str, Any]) -> None:
        self._set_clock(change["at"])
        headers = {"x-api-key": self.bundle["key"], "content-type": "application/json"}
        path = f"/_mock/{change['path']}"
        done = self.transport.send(change["method"], path, change["body"].encode() or None, headers)
        if done.status >= 400:
            raise BadBundle(f"{change['method']} {path} was refused: {done.text}")

    def _differences(self, old: RecordedExchange) -> tuple[str, ...]:
        self._set_clock(old.members["acted"] or old.members["at"])
        try:
            self._send(old)
        except (OSError, HTTPException):  # a fault of the session's; the journal tells the rest
            pass
        except ValueError as error:  # what was hidden in a header, above all
            return (f"the call cannot be sent again: {error}",)
        answer = self.transport.call("GET", f"/_mock/requests/wait?since={self.latest}&count=1")
        (new, *_) = answer.body["requests"] or [None]
        if new is None:
            return ("the call did not arrive",)
        self.latest = new["number"]
        return tuple(differences(old, RecordedExchange.parse(new)))

    def _send(self, old: RecordedExchange) -> None:
        headers = {name: value for name, value in reversed(old.request.headers) if name in _OWN}
        query = old.members["query"]
        path = quote(old.path, safe=_SAFE_IN_PATH) + (f"?{quote(query, safe=_SAFE)}" if query else "")
        url = next((each for each in PREVIEW.signed if each.operation == old.operation), None)
        if url is not None:
            path = self.signed.get(old.members[url.id], path)
        else:
            headers["x-api-key"] = self.bundle["key"]
        answer = self.transport.send(old.method, path, old.request.body or None, headers).body
        for each in PREVIEW.signed:
            if isinstance(answer, dict) and {each.id, each.member} <= answer.keys():
                self.signed[answer[each.id]] = urlsplit(answer[each.member]).path

    def _set_clock(self, time: str) -> None:
        """Let the session's clock show that time; it never goes back."""
        if time <= self.now:
            return
        moved = self.transport.call("PUT", "/_mock/clock", {"now": time})
        if moved.status != 200:
            raise BadBundle(f"the clock cannot show {time}: {moved.text}")
        self.now = time


def differences(old: RecordedExchange, new: RecordedExchange) -> Iterator[str]:
    """How one exchange's answer differs from another's, in words; nothing when it does not."""
    if old.lost and old.fault is None:
        return  # the caller hung up; what it would have got is not known
    for name in ("status", "lost", "fault"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name}: {getattr(old, name)!r} then, {getattr(new, name)!r} now"
    if old.status != new.status or old.lost:
        return
    there, here = (
        {name: value for name, value in each.answer.headers if name not in _NOT_COMPARED} for each in (old, new)
    )
    for name in sorted(there.keys() | here.keys()):
        if there.get(name) != here.get(name):
            yield f"header {name}: {there.get(name)!r} then, {here.get(name)!r} now"
    if (old.answer.size, old.answer.body) != (new.answer.size, new.answer.body):
        bodies = old.answer.json(), new.answer.json()
        values = [] if None in bodies else list(_differing(*bodies, "the body"))
        sizes = f"{counted(old.answer.size, 'byte')} then, {counted(new.answer.size, 'byte')} now"
        yield from values or [f"the body: {sizes}, and not the same ones"]


def _differing(old: Any, new: Any, path: str) -> Iterator[str]:
    match old, new:
        case dict(), dict():
            for name in [*old, *(name for name in new if name not in old)]:
                here = name if path == "the body" else f"{path}.{name}"
                if name in old and name in new:
                    yield from _differing(old[name], new[name], here)
                else:
                    yield f"{here}: there then, missing now" if name in old else f"{here}: missing then, there now"
        case list(), list() if len(old) == len(new):
            for number, pair in enumerate(zip(old, new, strict=True)):
                yield from _differing(*pair, f"{path}[{number}]")
        case _ if old != new:
            yield f"{path}: {_quote(old)} then, {_quote(new)} now"


def _quote(value: Any) -> str:
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # nested too deeply
        return shown(value)
    return text if len(text) <= 80 else f"{text[:80]}{HIDDEN}"


def summary(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What came of a replay, for a person: each exchange that differs, and the sum."""
    for outcome in outcomes:
        each = outcome.exchange
        if outcome.differences:
            yield f"{each.members['id']}  {each.method} {each.path} -> {each.status}"
            yield from (f"  {difference}" for difference in outcome.differences)
    sent = [outcome for outcome in outcomes if outcome.differences is not None]
    other = sum(bool(outcome.differences) for outcome in sent)
    skipped = len(outcomes) - len(sent)
    left = f"; {skipped} could not be sent again, and had no effect" if skipped else ""
    same = "all answers are the same" if not other else f"{other} of them differ"
    yield f"{counted(len(sent), 'exchange')} replayed: {same}{left}"
