"""Starting runs (IMP-15, IMP-16, IDEM-09, IDEM-10, ERR-07, ERR-08), and putting files (UPL-02, UPL-05, AUTH-09)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from conformance.audit.card import Found, counted
from conformance.preview.client_rules.history import RULES, UPLOAD, History, PreviewCall, fate

LOOP = 3
KEY = "idempotency_key"


@RULES.add()
def _import_without_key(history: History) -> Iterator[Found]:
    repeated = {one.order for one, _ in _repetitions(history, "start_import")}
    for calls in history.starts("start_import"):
        bare = [each for each in calls if isinstance(each.sent, dict) and each.member(KEY) is None]
        if bare and not any(each.order in repeated for each in bare):
            yield Found(bare, f"no idempotency_key: {counted(len(bare), 'import')}")


@RULES.add()
def _retries_import_without_key(history: History) -> Iterator[Found]:
    for one, two in _repetitions(history, "start_import"):
        if one.member(KEY) is None and not history.has_looked(one.company_id, history.between(one, two)):
            again = "and was sent again without a look at what became of it"
            yield Found([one, two], f"an import without a key {fate(one)}, {again}")


@RULES.add()
def _retries_export_without_key(history: History) -> Iterator[Found]:
    for one, two in _repetitions(history, "start_export"):
        if one.member(KEY) is None:
            yield Found([one, two], f"an export without a key {fate(one)}, and was sent again")


@RULES.add()
def _new_key_for_retry(history: History) -> Iterator[Found]:
    for one, two in _repetitions(history, "start_import", "start_export", throttled=True):
        if one.member(KEY) is not None and two.member(KEY) != one.member(KEY):
            yield Found([one, two], f"a request {fate(one)}, and was sent again with another key")


@RULES.add()
def _key_for_another_payload(history: History) -> Iterator[Found]:
    for calls in history.starts("start_import", "start_export"):
        first: dict[str, PreviewCall] = {}
        for each in calls:
            key = each.member(KEY)
            if not isinstance(key, str) or each.payload is None:
                continue
            known = first.setdefault(key, each)
            if known.payload != each.payload:
                yield Found([known, each], f"the key {key!r} was sent with two different payloads")


@RULES.add(loop=LOOP)
def _loops_on_409(history: History) -> Iterator[Found]:
    for calls in history.starts("start_import"):
        streak: list[PreviewCall] = []
        for each in calls:
            if streak and history.has_looked(each.company_id, history.between(streak[-1], each)):
                streak = []
            streak = [*streak, each] if each.whole and each.status == 409 else []
            if len(streak) == LOOP:
                happened = f"the import got 409, {LOOP} times in a row, and the client looked up nothing in between"
                yield Found(streak, happened)
                break


@RULES.add()
def _files_and_rows(history: History) -> Iterator[Found]:
    for each in history.calls("start_import"):
        if each.member("files") is not None and each.member("rows") is not None:
            yield Found([each], "the import carried both files and rows")


@RULES.add()
def _lost_create_not_recovered(history: History) -> Iterator[Found]:
    for calls in history.starts("start_import"):
        for each in (each for each in calls if each.unclear):
            alike = [other for other in calls if other is not each and other.payload == each.payload]
            # Sent again, or itself an attempt to find out what became of an earlier one.
            is_one_of_several = any(other.order > each.order or other.unclear for other in alike)
            if not is_one_of_several and not history.has_looked(each.company_id, history.after(each)):
                yield Found([each], f"an import {fate(each)}, and nobody found out what became of it")


def _repetitions(
    history: History, *operations: str, throttled: bool = False
) -> Iterator[tuple[PreviewCall, PreviewCall]]:
    """Each start whose outcome the client does not know, and the next one of the same payload."""
    for calls in history.starts(*operations):
        for place, one in enumerate(calls):
            if one.payload is not None and (one.unclear or (throttled and one.status == 429)):
                later = calls[place + 1 :]
                yield from islice(((one, two) for two in later if two.payload == one.payload), 1)


@RULES.add()
def _upload_other_content_type(history: History) -> Iterator[Found]:
    declared = {
        asked.received["upload_ref"]: asked.member("content_type")
        for asked in history.calls("request_upload")
        if isinstance(asked.answer_member("upload_ref"), str)
    }
    for put in history.calls(UPLOAD):
        wanted, given = declared.get(put.upload_ref or ""), put.headers.get("content-type")
        if put.method == "PUT" and isinstance(wanted, str) and (given or "").lower() != wanted.lower():
            yield Found([put], f"the file was put with Content-Type {given or 'none'}; {wanted} was declared")


@RULES.add()
def _key_at_upload(history: History) -> Iterator[Found]:
    if found := [each for each in history.calls(UPLOAD) if "x-api-key" in each.headers]:
        yield Found(found, f"the API key went to a signed URL, {counted(len(found), 'time')}")


@RULES.add()
def _upload_url_reused(history: History) -> Iterator[Found]:
    used: set[str] = set()
    for put in history.calls(UPLOAD):
        if put.method == "PUT" and put.upload_ref in used:
            yield Found([put], "a file was put to a signed URL that had taken one before")
        elif put.method == "PUT" and put.upload_ref is not None and put.ok:
            used.add(put.upload_ref)
