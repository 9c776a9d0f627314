"""Starting runs (IMP-15, IMP-16, IDEM-09, IDEM-10, ERR-07, ERR-08), and putting files (UPL-02, UPL-05, AUTH-09)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from conformance.audit.card import Found, counted
from conformance.preview.client_rules.history import RULES, UPLOAD, History, PreviewCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    _Pair = tuple[PreviewCall, PreviewCall]

LOOP = 3
KEY = "idempotency_key"


@RULES.add(
    "IDEM-09",
    severity="note",
    looks_at="Imports without an `idempotency_key`.",
    expected="an idempotency_key with every import",
    mend="Make a key before the first attempt and store it with the import: then a lost answer is harmless.",
)
def _import_without_key(history: History) -> Iterator[Found]:
    repeated = {one.order for one, _ in _repetitions(history, "start_import")}
    for calls in history.starts("start_import"):
        bare = [each for each in calls if isinstance(each.sent, dict) and each.member(KEY) is None]
        if bare and not any(each.order in repeated for each in bare):
            yield Found(bare, f"no idempotency_key: {counted(len(bare), 'import')}")


@RULES.add(
    "ERR-08",
    looks_at="Imports without a key that got no clear answer, and were repeated without a look-up in between.",
    expected="a look at the active run before an import without a key is sent again",
    mend="Send a key, and repeat with the same one; without a key read ?status=active first.",
)
def _retries_import_without_key(history: History) -> Iterator[Found]:
    for one, two in _repetitions(history, "start_import"):
        if one.member(KEY) is None and not history.has_looked(one.company_id, history.between(one, two)):
            again = "and was sent again without a look at what became of it"
            yield Found([one, two], f"an import without a key {_fate(one)}, {again}")


@RULES.add(
    "ERR-07",
    looks_at="Exports without a key that got no clear answer, and were repeated.",
    expected="only what is idempotent is repeated: an export with a key",
    mend="Send an idempotency_key with the export, and repeat with the same one.",
)
def _retries_export_without_key(history: History) -> Iterator[Found]:
    for one, two in _repetitions(history, "start_export"):
        if one.member(KEY) is None:
            yield Found([one, two], f"an export without a key {_fate(one)}, and was sent again")


@RULES.add(
    "IDEM-09",
    looks_at="Starts with a key that got no clear answer or a 429, and were repeated with another key or none.",
    expected="the same key for every attempt at one import",
    mend="Make the key once for each import, outside the retry loop; a new one may start a second run.",
)
def _new_key_for_retry(history: History) -> Iterator[Found]:
    for one, two in _repetitions(history, "start_import", "start_export", throttled=True):
        if one.member(KEY) is not None and two.member(KEY) != one.member(KEY):
            yield Found([one, two], f"a request {_fate(one)}, and was sent again with another key")


@RULES.add(
    "IDEM-10",
    looks_at="Two imports (or exports) of a company with one key and different payloads; member order does not count.",
    expected="a new key for a new import",
    mend="Derive the key from the import's own identity, such as its id in your database, not from company or day.",
)
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


@RULES.add(
    "IMP-15",
    looks_at=f"{LOOP} imports of a company in a row that got 409, without a look-up in between.",
    expected="after a 409 a look at the active run, or a wait for its end",
    mend="On 409 read ?status=active, follow that run to its end, and only then start another.",
)
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


@RULES.add(
    "IMP-16",
    looks_at="Imports whose body has both `files` and `rows`.",
    expected="either files or rows",
    mend="Send one of them; two sources are two imports.",
)
def _files_and_rows(history: History) -> Iterator[Found]:
    for each in history.calls("start_import"):
        if each.member("files") is not None and each.member("rows") is not None:
            yield Found([each], "the import carried both files and rows")


@RULES.add(
    "ERR-08",
    looks_at="Imports that got no clear answer, and were neither repeated nor looked up afterwards.",
    expected="the same request with the same key, or a look at the active run",
    mend="Repeat the import with its key; the answer names the run, whether it existed already or not.",
    closing=True,
)
def _lost_create_not_recovered(history: History) -> Iterator[Found]:
    for calls in history.starts("start_import"):
        for each in calls:
            alike = [other for other in calls if other is not each and other.payload == each.payload]
            # Sent again, or itself an attempt to find out what became of an earlier one.
            is_one_of_several = any(other.order > each.order or other.unclear for other in alike)
            if each.unclear and not is_one_of_several and not history.has_looked(each.company_id, history.after(each)):
                yield Found([each], f"an import {_fate(each)}, and nobody found out what became of it")


def _repetitions(history: History, *operations: str, throttled: bool = False) -> Iterator[_Pair]:
    """Each start whose outcome the client does not know, and the next one of the same payload."""
    for calls in history.starts(*operations):
        for place, one in enumerate(calls):
            if one.payload is not None and (one.unclear or (throttled and one.status == 429)):
                later = calls[place + 1 :]
                yield from islice(((one, two) for two in later if two.payload == one.payload), 1)


def _fate(call: PreviewCall) -> str:
    if not call.whole:
        return "got no answer"
    return f"got {call.status}" if call.status != 201 else "got an answer that cannot be read"


@RULES.add(
    "UPL-02",
    looks_at="Files that were put with another `Content-Type` than the `content_type` of the upload's request.",
    expected="the PUT's Content-Type equal to the declared content_type",
    mend="Set Content-Type on the PUT explicitly; many HTTP clients guess one.",
)
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


@RULES.add(
    "AUTH-09",
    looks_at="Calls to a signed URL that carry the header `x-api-key`.",
    expected="no API key at the signed URL, which is its own credential",
    mend="Put the file with a plain HTTP client, not with the one that adds the key to every call.",
)
def _key_at_upload(history: History) -> Iterator[Found]:
    if found := [each for each in history.calls(UPLOAD) if "x-api-key" in each.headers]:
        yield Found(found, f"the API key went to a signed URL, {counted(len(found), 'time')}")


@RULES.add(
    "UPL-05",
    looks_at="A second PUT to a signed URL after one that was answered with 2xx.",
    expected="a new upload_url for each file",
    mend="Ask for an upload for each file; what was put once cannot be replaced.",
)
def _upload_url_reused(history: History) -> Iterator[Found]:
    used: set[str] = set()
    for put in history.calls(UPLOAD):
        ref = put.upload_ref
        if put.method != "PUT" or ref is None:
            continue
        if ref in used:
            yield Found([put], "a file was put to a signed URL that had taken one before")
        elif put.ok:
            used.add(ref)
