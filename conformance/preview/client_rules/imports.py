"""Starting runs: keys, repetitions, conflicts, lost answers (IMP-15, IMP-16, IDEM-09, IDEM-10, ERR-07, ERR-08)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.audit.rule import Found, Rule, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.audit.exchange import Seen
    from conformance.preview.client_rules.history import History

LOOP = 3
KEY = "idempotency_key"


def _repeats_without_key(history: History) -> Iterator[Found]:
    for calls in history.starts().values():
        for one, two in _repetitions(calls):
            if one.member(KEY) is None and not history.looked(one.company_id, history.between(one, two)):
                yield Found([one, two], f"an import without a key {_fate(one)}, and was sent again unseen")


def _repeats_export_without_key(history: History) -> Iterator[Found]:
    for calls in history.starts("start_export").values():
        for one, two in _repetitions(calls):
            if one.member(KEY) is None:
                yield Found([one, two], f"an export without a key {_fate(one)}, and was sent again")


def _without_key(history: History) -> Iterator[Found]:
    for calls in history.starts().values():
        bare = [each for each in calls if isinstance(each.asked, dict) and each.member(KEY) is None]
        if bare and not any(one in bare for one, _ in _repetitions(calls)):
            yield Found(bare, f"no idempotency_key: {counted(len(bare), 'import')}")


def _new_key(history: History) -> Iterator[Found]:
    for calls in (*history.starts().values(), *history.starts("start_export").values()):
        for one, two in _repetitions(calls, throttled=True):
            if one.member(KEY) is not None and two.member(KEY) != one.member(KEY):
                yield Found([one, two], f"a request {_fate(one)}, and was sent again with another key")


def _key_reused(history: History) -> Iterator[Found]:
    for calls in (*history.starts().values(), *history.starts("start_export").values()):
        first: dict[str, Seen] = {}
        for each in calls:
            key = each.member(KEY)
            if not isinstance(key, str) or each.payload is None:
                continue
            known = first.setdefault(key, each)
            if known.payload != each.payload:
                yield Found([known, each], f"the key {key!r} was sent with two different payloads")


def _loops(history: History) -> Iterator[Found]:
    for calls in history.starts().values():
        streak: list[Seen] = []
        for each in calls:
            if streak and history.looked(each.company_id, history.between(streak[-1], each)):
                streak = []
            streak = [*streak, each] if each.whole and each.status == 409 else []
            if len(streak) == LOOP:
                happened = f"the import got 409, {LOOP} times in a row, and nothing was looked up between"
                yield Found(streak, happened)
                break


def _files_and_rows(history: History) -> Iterator[Found]:
    for each in history.of("start_import"):
        if each.member("files") is not None and each.member("rows") is not None:
            yield Found([each], "the import carried both files and rows")


def _not_recovered(history: History) -> Iterator[Found]:
    for calls in history.starts().values():
        for each in calls:
            again = any(later.order > each.order and later.payload == each.payload for later in calls)
            if not each.unclear or again or _tried_before(calls, each):
                continue
            if not history.looked(each.company_id, history.after(each)):
                yield Found([each], f"an import {_fate(each)}, and nobody found out what became of it")


def _tried_before(calls: list[Seen], seen: Seen) -> bool:
    """Whether this was itself an attempt to find out what became of an earlier one."""
    return any(each.order < seen.order and each.unclear and each.payload == seen.payload for each in calls)


def _repetitions(calls: list[Seen], *, throttled: bool = False) -> Iterator[tuple[Seen, Seen]]:
    """Each call whose outcome the client does not know, and the next call of the same payload."""
    for place, one in enumerate(calls):
        if one.payload is None or not (one.unclear or (throttled and one.status == 429)):
            continue
        two = next((each for each in calls[place + 1 :] if each.payload == one.payload), None)
        if two is not None:
            yield one, two


def _fate(seen: Seen) -> str:
    """What became of a call, as its client saw it."""
    if not seen.whole:
        return "got no answer"
    return f"got {seen.status}" if seen.status != 201 else "got an answer that cannot be read"


RULES = (
    Rule(
        "import-without-key",
        "IDEM-09",
        "note",
        "Imports without an `idempotency_key`.",
        "an idempotency_key with every import",
        "Make a key before the first attempt and store it with the import: then a lost answer is harmless.",
        _without_key,
    ),
    Rule(
        "retries-import-without-key",
        "ERR-08",
        "error",
        "An import without a key whose answer was lost, a 5xx or unreadable, and the next import of the same payload, "
        "when nobody looked up the active run, the history or a run between them.",
        "a look at the active run before an import without a key is sent again",
        "Send a key, and repeat with the same one; without a key read ?status=active first.",
        _repeats_without_key,
    ),
    Rule(
        "retries-export-without-key",
        "ERR-07",
        "error",
        "An export without a key whose answer was lost, a 5xx or unreadable, and the next one that asks for the same.",
        "only what is idempotent is repeated: an export with a key",
        "Send an idempotency_key with the export, and repeat with the same one.",
        _repeats_export_without_key,
    ),
    Rule(
        "new-key-for-retry",
        "IDEM-09",
        "error",
        "An import or export with a key whose answer was lost, a 5xx, a 429 or unreadable, and the next one of the "
        "same payload, which has another key or none.",
        "the same key for every attempt at one import",
        "Make the key once for each import, outside the retry loop; a new one may start a second run.",
        _new_key,
    ),
    Rule(
        "key-for-another-payload",
        "IDEM-10",
        "error",
        "Two imports (or exports) of a company with one key and different payloads; member order does not count.",
        "a new key for a new import",
        "Derive the key from the import's own identity, such as its id in your database, not from company or day.",
        _key_reused,
    ),
    Rule(
        "loops-on-409",
        "IMP-15",
        "error",
        f"{LOOP} imports of a company in a row that got 409, when nobody read the active run, the history or a run "
        "between them.",
        "after a 409 a look at the active run, or a wait for its end",
        "On 409 read ?status=active, follow that run to its end, and only then start another.",
        _loops,
    ),
    Rule(
        "files-and-rows",
        "IMP-16",
        "error",
        "Imports whose body has both `files` and `rows`.",
        "either files or rows",
        "Send one of them; two sources are two imports.",
        _files_and_rows,
    ),
    Rule(
        "lost-create-not-recovered",
        "ERR-08",
        "error",
        "Imports whose answer was lost, a 5xx or unreadable, and that were neither repeated nor looked up afterwards.",
        "the same request with the same key, or a look at the active run",
        "Repeat the import with its key; the answer names the run, whether it existed already or not.",
        _not_recovered,
        closing=True,
    ),
)
