"""Servers that lie about uploads: URLs, references, and what becomes of them (UPL)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bending import gives, reads, refuses_with
from lies import App, Liar, Lie, rule
from places import all_of, put

from mock_server.kernel.errors import Refusal
from mock_server.preview import account, uploads
from mock_server.preview import operations as api
from mock_server.preview import preconditions as refusals
from mock_server.preview.account import Account

if TYPE_CHECKING:
    import pytest

    from mock_server.preview.companies import Upload

_refuse, _request = refusals.refuse_closed, Account.request_upload


def _closes(refuse: Any) -> Lie:
    """A lie about when a signed URL is closed."""
    return all_of(
        rule((uploads, refusals.refuse_closed), refuse),
        rule((account, refusals.refuse_closed), refuse),
    )


def _never_used(upload: Upload, now: int) -> None:
    if upload.file is not None:
        upload.file.close()
        upload.file = None
    _refuse(upload, now)


def _used_once_an_hour(upload: Upload, now: int) -> None:
    if now > upload.expires:
        _never_used(replace(upload, expires=now + 1), now)
    else:
        _refuse(upload, now)


def _never_old(upload: Upload, _: int) -> None:
    _refuse(upload, 0)


def _old_tomorrow(upload: Upload, now: int) -> None:
    _refuse(replace(upload, expires=upload.expires + 23 * 3_600_000), now)


def _always_closed(_: Upload, __: int) -> None:
    raise Refusal(403, "the signature does not match")


def _relative(body: Any) -> None:
    body["upload_url"] = "/" + body["upload_url"].split("/", 3)[3]


def _same(ref: Any) -> Lie:
    """A lie that makes the reference of an upload of its session, company and body."""

    def request(self: Account, now: int, company_id: str, body: Any) -> Upload:
        upload, company = _request(self, now, company_id, body), self.companies[company_id]
        del company.uploads[upload.ref]
        upload.ref = ref(company, body)
        company.uploads[upload.ref] = upload
        return upload

    return rule(Account.request_upload, request)


def _numbered(company: Any, _: Any) -> str:
    return f"upload-{len(company.uploads) + 1}"


def _no_files(company: Any, body: Any) -> Any:
    if body.get("files"):
        raise Refusal(400, "upload_ref: expected a UUID")
    return _files(company, body)


def _files_of_one(company: Any, body: Any) -> Any:
    for each in body.get("files") or ():
        if each.get("upload_ref") not in list(company.uploads)[:1]:
            raise Refusal(400, "no such upload of this company")
    return _files(company, body)


def _files_of_all(company: Any, body: Any) -> Any:
    if body.get("files"):
        raise Refusal(404, "no such upload in this account")
    return _files(company, body)


_files = api._files


def _any_company(app: App, patch: pytest.MonkeyPatch) -> App:
    """An upload is signed for a company that nobody has looked up."""

    def found(call: Any) -> Any:
        try:
            return honest(call)
        except Refusal:
            if call.operation_id != "request_upload":
                raise
            source = call.session.world.catalogue.sources[-1].id
            return call.session.provision({"name": call.parameters["company_id"], "source": source}, call.now)

    honest = api._company
    put(patch, api._company, found)
    return app


def _size_is_text(body: Any) -> None:
    if isinstance(body.get("size"), int):
        raise Refusal(400, "size must be a string")


LIARS = (
    Liar("UPL-01", "signs a relative URL", gives("request_upload", _relative), ("UPL-03", "UPL-06")),
    Liar("UPL-01", "gives no reference", gives("request_upload", lambda body: body.pop("upload_ref") and None)),
    Liar("UPL-01", "numbers its references", gives("request_upload", lambda body: body.update(upload_ref=7))),
    Liar("UPL-01", "wraps the upload", gives("request_upload", lambda body: {"upload": body})),
    Liar("UPL-01", "refuses a size that is a number", reads("request_upload", _size_is_text)),
    Liar("UPL-03", "takes a second file at one URL", _closes(_never_used)),
    Liar("UPL-03", "takes a second file at a URL that has expired", _closes(_used_once_an_hour), ("UPL-04",)),
    Liar("UPL-03", "refuses the first PUT", _closes(_always_closed), ("UPL-06",)),
    Liar("UPL-04", "lets a URL live for ever", _closes(_never_old)),
    Liar("UPL-04", "lets a URL live for a day", _closes(_old_tomorrow)),
    Liar("UPL-06", "refuses its own references", rule(api._files, _no_files)),
    Liar("UPL-06", "finds the first upload of a company alone", rule(api._files, _files_of_one)),
    Liar("UPL-06", "cannot find its own uploads", rule(api._files, _files_of_all)),
    Liar("UPL-07", "signs an upload for a company that is not there", _any_company),
    Liar("UPL-07", "calls an unknown company a bad request",
         refuses_with(404, 400, "no company", method="POST", ending="/uploads")),
    Liar("UPL-08", "makes the reference of the file's name", _same(lambda _, body: body["name"])),
    Liar("UPL-08", "numbers the uploads of each company", _same(_numbered)),
)  # fmt: skip
