"""Putting a file to its signed URL (UPL-02, UPL-05, AUTH-09)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.audit.rule import Found, counted
from conformance.preview.client_rules.client_call import UPLOAD
from conformance.preview.client_rules.history import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.preview.client_rules.history import History


@RULES.add(
    "UPL-02",
    looks_at="Files that were put with another `Content-Type` than the `content_type` of the upload's request.",
    expected="the PUT's Content-Type equal to the declared content_type",
    mend="Set Content-Type on the PUT explicitly; many HTTP clients guess one.",
)
def _upload_other_content_type(history: History) -> Iterator[Found]:
    declared = _declared(history)
    for put in history.calls(UPLOAD):
        wanted, given = declared.get(put.upload_ref or ""), put.headers.get("content-type")
        if put.method == "PUT" and wanted is not None and (given or "").lower() != wanted.lower():
            yield Found([put], f"the file was put with Content-Type {given or 'none'}; {wanted} was declared")


def _declared(history: History) -> dict[str, str]:
    """The content type that was declared for each upload, by its `upload_ref`."""
    return {
        asked.received["upload_ref"]: asked.member("content_type")
        for asked in history.calls("request_upload")
        if isinstance(asked.received, dict)
        and isinstance(asked.received.get("upload_ref"), str)
        and isinstance(asked.member("content_type"), str)
    }


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
