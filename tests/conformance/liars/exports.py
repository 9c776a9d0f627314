"""Servers that lie about exports to a destination (DST)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import orjson
from lies import App, Liar, Lie, answers, rule

from mock_server.kernel.errors import Refusal
from mock_server.preview import exports
from mock_server.preview import operations as api
from mock_server.preview.beats import Cancel, Complete, Fail
from mock_server.preview.exports import ExportRun, Selection
from mock_server.preview.lifecycle import Life, life

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

EVERY = ("DST-02", "DST-03", "DST-04", "DST-08")
"""What cannot be judged of an export that nobody can follow."""


def _started(change: Callable[[Any], None]) -> Lie:
    """A lie about the answer to the start of an export."""

    def bend(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
        if method == "POST" and path.endswith("/exports") and status < 300:
            change(body)
        return status, body

    return answers(bend)


def _reported(change: Callable[[Any], None]) -> Lie:
    """A lie about the body of a completed export."""
    honest = exports.ExportRun.pieces

    def pieces(self: Any, end: Complete) -> Iterator[bytes]:
        body = orjson.loads(b"".join(honest(self, end)))
        change(body)
        yield orjson.dumps(body)

    return rule(ExportRun.pieces, pieces)


def _results(change: Callable[[Any], Any]) -> Lie:
    """A lie about each result of a completed export."""

    def changed(body: Any) -> None:
        for each in body["report"]["results"]:
            change(each)

    return _reported(changed)


def _refused(change: Callable[[Any], Any]) -> Lie:
    """A lie about each result of a refused write."""
    return _results(lambda each: None if each["ok"] else change(each))


class _Asked:
    """A call with another body; `lenient`: one that the contract refuses is read as `{}`."""

    def __init__(self, call: Any, change: Callable[[Any], Any], lenient: bool) -> None:
        self._call, self._change, self._lenient = call, change, lenient

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    async def json(self, **given: Any) -> Any:
        try:
            body = await self._call.json(**given)
        except Refusal:
            if not self._lenient:
                raise
            body = {}
        return self._change(body)


def _asked(change: Callable[[Any], Any], *, lenient: bool = False) -> Lie:
    """A lie that takes another body for the one that was sent."""
    honest = api.start_export

    async def start_export(call: Any) -> Any:
        return await honest(cast("Any", _Asked(call, change, lenient)))

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        patch.setitem(api.HANDLERS, "start_export", start_export)
        return app

    return make


def _without(*names: str) -> Callable[[Any], Any]:
    return lambda body: {name: value for name, value in body.items() if name not in names}


def _without_filter(body: Any) -> Any:
    return body | {"selection": _without("row_filter")(body.get("selection") or {})}


def _key_of_mode(body: Any) -> Any:
    key = body.get("idempotency_key")
    return body if key is None else body | {"idempotency_key": f"{key} {body.get('mode')}"}


def _with_key(change: Callable[[str], str]) -> Lie:
    """A lie that takes a key for another one."""

    def changed(body: Any) -> Any:
        key = body.get("idempotency_key")
        return body if key is None else body | {"idempotency_key": change(key)}

    return _asked(changed)


def _fading() -> Lie:
    """A lie about an export that is over: from the third read on one write less succeeded."""
    reads: Counter[int] = Counter()
    honest = exports.ExportRun.pieces

    def pieces(self: Any, end: Complete) -> Iterator[bytes]:
        reads[id(self)] += 1
        body = orjson.loads(b"".join(honest(self, end)))
        if reads[id(self)] > 2:
            body["report"]["total"] -= 1
            body["report"]["succeeded"] -= 1
            body["report"]["results"].pop()
        yield orjson.dumps(body)

    return rule(ExportRun.pieces, pieces)


def _as_import(body: Any) -> None:
    body["poll_url"] = body["poll_url"].replace("/exports/", "/imports/")


def _absolute(body: Any) -> None:
    body["poll_url"] = f"https://app.example.com{body['poll_url']}"


def _only_ok(body: Any) -> None:
    body["report"]["results"] = [each for each in body["report"]["results"] if each["ok"]]


def _no_null(each: Any) -> None:
    if each["fields_confirmed"] is None:
        del each["fields_confirmed"]


def _in_words(each: Any) -> dict[str, str]:
    return {"fields_confirmed": {True: "yes", False: "no", None: "unknown"}[each["fields_confirmed"]]}


def _no_replay(method: str, path: str, status: int, body: Any) -> tuple[int, Any]:
    if method == "POST" and path.endswith("/exports") and status == 200:
        return 409, {"error": "this export was started before"}
    return status, body


def _counted(count: Callable[[Any, Any, Any, int], int]) -> Lie:
    """A lie about how many rows of a sheet are written: `count` is given selection, sheet, book and honest number."""
    honest = exports.Selection.count
    return rule(
        Selection.count,
        lambda self, sheet, book: count(self, sheet, book, honest(self, sheet, book)),
    )


def _every_row(selection: Any, sheet: Any, book: Any, honest: int) -> int:
    flagged: int = next((each.flagged for each in book.counts if each.sheet.id == sheet.id), 0)
    return honest + flagged if honest and not selection.first_only else honest


def _flagged_if_selected(selection: Any, sheet: Any, book: Any, honest: int) -> int:
    return honest if selection.template_ids is None else _every_row(selection, sheet, book, honest)


def _two_beside_flagged(selection: Any, sheet: Any, book: Any, honest: int) -> int:
    flagged: int = next((each.flagged for each in book.counts if each.sheet.id == sheet.id), 0)
    return honest * 2 if flagged and selection.first_only else honest


def _whole_sheet(selection: Any, sheet: Any, book: Any, honest: int) -> int:
    return next(each.clean for each in book.counts if each.sheet.id == sheet.id) if selection.first_only else honest


def _ended(change: Callable[[Any], Any]) -> Lie:
    """A lie about how an export ends: `change` is given the last beat of its script, and gives another."""

    def ends(self: Any, now: int) -> Life:
        script = (*self.script[:-1], change(self.script[-1]))
        return life(script, self.started, self.events, self.time(now), self.stale_after)

    return rule((ExportRun, ExportRun.life), ends)


def _fails_if_refused(beat: Any) -> Any:
    return Fail("Some writes failed") if isinstance(beat, Complete) and beat.refused else beat


def _parks(self: Any, state: Life) -> dict[str, Any]:
    body = HONEST_BODY(self, state)
    return body | {"status": "needs_attention"} if state.status == "running" else body


HONEST_BODY = exports.ExportRun.described


def _report(**changes: Callable[[Any], Any]) -> Lie:
    """A lie about members of the report; None leaves one out."""

    def changed(body: Any) -> None:
        report = body["report"]
        made = {name: change(report) for name, change in changes.items()}
        report.update(made)
        for name in [name for name, value in made.items() if value is None]:
            del report[name]

    return _reported(changed)


LIARS = (
    Liar("DST-01", "starts an export that runs already", _started(lambda body: body.update(status="running"))),
    Liar("DST-01", "starts an export under /imports/", _started(_as_import)),
    Liar("DST-01", "gives an absolute poll_url of an export", _started(_absolute)),
    Liar("DST-01", "does not say the id of an export", _started(lambda body: body.pop("run_id")), EVERY),
    Liar("DST-02", "makes a canary of an export without mode", _asked(lambda body: {"mode": "canary"} | body)),
    Liar("DST-02", "takes an unknown mode for full", _asked(lambda body: body, lenient=True)),
    Liar("DST-03", "writes every row of a canary", _counted(_whole_sheet)),
    Liar(
        "DST-03", "writes two rows of each template of a canary", _counted(lambda s, _, __, n: n * (1 + s.first_only))
    ),
    Liar("DST-03", "writes two rows of a template that has flagged ones in a canary", _counted(_two_beside_flagged)),
    Liar("DST-03", "calls a canary full", _report(mode=lambda _: "full")),
    Liar("DST-04", "totals the rows that succeeded", _report(total=lambda report: report["succeeded"])),
    Liar("DST-04", "totals one too many", _report(total=lambda report: report["total"] + 1), ("DST-08",)),
    Liar("DST-04", "reports no results", _report(results=lambda _: None), ("DST-05", "DST-07")),
    Liar("DST-04", "counts refused writes as succeeded", _report(succeeded=lambda r: r["total"], failed=lambda _: 0)),
    Liar("DST-05", "fails the run for a single write", _ended(_fails_if_refused)),
    Liar("DST-05", "does not say why a write failed", _refused(lambda each: each.pop("error"))),
    Liar("DST-05", "does not say how a write was answered", _refused(lambda each: each.pop("status"))),
    Liar("DST-05", "calls refused writes ok", _refused(lambda each: each.update(ok=True)), ("DST-04",)),
    Liar("DST-05", "leaves refused writes out of the results", _reported(_only_ok), ("DST-04",)),
    Liar("DST-06", "completes an export that was stopped", _ended(lambda b: Complete() if isinstance(b, Fail) else b)),
    Liar("DST-06", "cancels an export that was stopped", _ended(lambda b: Cancel() if isinstance(b, Fail) else b)),
    Liar("DST-07", "leaves fields_confirmed out where it would be null", _results(_no_null)),
    Liar("DST-07", "says in words whether fields were confirmed", _results(lambda each: each.update(_in_words(each)))),
    Liar(
        "DST-07", "says false of what it did not read back", _refused(lambda each: each.update(fields_confirmed=False))
    ),
    Liar("DST-08", "exports flagged rows", _counted(_every_row)),
    Liar("DST-08", "exports flagged rows of templates that are selected", _counted(_flagged_if_selected)),
    Liar("DST-08", "leaves the last row out", _counted(lambda s, _, __, n: n - (n > 1 and not s.first_only))),
    Liar("DST-08", "takes no notice of a row filter", _asked(_without_filter)),
    Liar("DST-08", "exports everything whatever is selected", _asked(_without("selection"))),
    Liar("DST-09", "takes no notice of an export's key", _asked(_without("idempotency_key"))),
    Liar("DST-09", "starts a second export for a key with another payload", _asked(_key_of_mode)),
    Liar("DST-09", "refuses an export that is repeated with its key", answers(_no_replay)),
    Liar("DST-09", "does not tell keys of exports by the case of their letters", _with_key(str.upper)),
    Liar("DST-09", "reads no more than twenty letters of an export's key", _with_key(lambda key: key[:20])),
    Liar("RUN-04", "forgets a write of an export that is over", _fading()),
    Liar("DST-03", "writes nothing in a canary", _counted(lambda s, _, __, n: 0 if s.first_only else n)),
    Liar("DST-10", "parks an export", rule(ExportRun.described, _parks), EVERY),
)
