"""Uploads: a signed URL for one file, and the reference by which an import names it (UPL)."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from conformance.model.results import Blocked, Skipped
from conformance.preview.checks.catalogue import FILE, any_company, each_status, entries, lent, member, templates_of
from conformance.preview.checks.register import check
from conformance.preview.driver import Company, Run, StateDriver
from conformance.target.file import Body

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BYTES = b"a,b\n1,2\n"
LONG_PAST = 7200
"""Seconds: well over the hour, about, that an upload URL lives."""


def uploaded(ctx: StateDriver, company: Company, content: bytes = BYTES, name: str = FILE["name"]) -> tuple[str, str]:
    """URL and reference of a new upload; Blocked when none is given."""
    body = {"name": name, "content_type": "text/csv", "size": len(content)}
    answer = ctx.client.call("request_upload", company_id=company.id, body=body)
    url, ref = member(answer.json, "upload_url"), member(answer.json, "upload_ref")
    if not answer.ok or not isinstance(url, str) or not isinstance(ref, str):
        raise Blocked("no upload could be requested", [answer])
    return url, ref


@check("UPL-01")
def an_upload_is_signed(ctx: StateDriver) -> None:
    """Request an upload with name, content type and size."""
    answer = ctx.client.call("request_upload", company_id=any_company(ctx).id, body=FILE)
    if not ctx.status("UPL-01", answer, 2, requirement="a request for an upload is answered with 2xx"):
        return
    url, ref = member(answer.json, "upload_url"), member(answer.json, "upload_ref")
    holds = _is_absolute(url) and isinstance(ref, str) and bool(ref)
    ctx.require(
        "UPL-01", holds, "the answer has an absolute `upload_url` and a text `upload_ref`", answer, got=answer.text
    )


def _is_absolute(url: Any) -> bool:
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


@check("UPL-03")
def an_upload_url_works_once(ctx: StateDriver) -> None:
    """Put a file to an upload URL, then put it there again."""
    url, _ = uploaded(ctx, any_company(ctx))
    first = ctx.client.put_upload(url, BYTES, "text/csv")
    if ctx.status("UPL-03", first, 2, requirement="the first PUT to an upload URL is accepted"):
        second = ctx.client.put_upload(url, BYTES, "text/csv")
        requirement = "a second PUT to an upload URL is refused"
        each_status(ctx, "UPL-03", {"the second PUT": second}, 4, requirement=requirement)
        ctx.reads("OP-04", f"the first PUT is answered with {first.status}, a second one with {second.status}")


@check("UPL-06")
def an_upload_can_be_imported(ctx: StateDriver) -> None:
    """Upload a CSV file and start an import of it."""
    company = ctx.company(fresh=True)
    name, content = _csv(ctx)
    url, ref = uploaded(ctx, company, content, name)
    put = ctx.client.put_upload(url, content, "text/csv")
    if not put.ok:
        raise Blocked("the file could not be uploaded", [put])
    answer = ctx.start(company, {"files": [{"name": name, "upload_ref": ref}]})
    ctx.status("UPL-06", answer, 2, requirement="an import takes the upload_ref of an upload of its company")
    run_id = member(answer.json, "run_id")
    if answer.ok and isinstance(run_id, str) and lent(ctx) is not None:
        ctx.until(Run(company, run_id, "", None, answer, answer))  # so that the company can be used again


def _csv(ctx: StateDriver) -> tuple[str, bytes]:
    """A file with the rows of the target file's clean import; without those, with the first template's header."""
    template = templates_of(ctx)[0]
    way = ctx.target.states.get("completed")
    rows = entries(way.body, "rows") if isinstance(way, Body) else []
    columns = None if rows else [str(member(column, "name")) for column in entries(template, "columns")]
    return f"{member(template, 'name')}.csv", written(rows, columns)


def written(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> bytes:
    """The rows as a CSV file; without `columns` all that the rows name."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@check("UPL-07")
def an_unknown_company_gets_no_upload(ctx: StateDriver) -> None:
    """Request an upload for a company that does not exist."""
    answer = ctx.client.call("request_upload", company_id=str(uuid4()), body=FILE)
    ctx.status("UPL-07", answer, 404, requirement="an unknown company is answered with 404")


@check("UPL-08")
def uploads_have_references_of_their_own(ctx: StateDriver) -> None:
    """Request two uploads of the same file for one company."""
    company = any_company(ctx)
    refs = [uploaded(ctx, company)[1], uploaded(ctx, company)[1]]
    ctx.require("UPL-08", refs[0] != refs[1], "no two uploads have the same upload_ref", got=refs)


@check("UPL-04")
def an_upload_url_expires(ctx: StateDriver) -> None:
    """Put a file to an upload URL two hours after it was given."""
    url, _ = uploaded(ctx, any_company(ctx))
    if not ctx.advance(LONG_PAST):
        raise Skipped("the target file offers no way to let time pass")
    late = ctx.client.put_upload(url, BYTES, "text/csv")
    if late.ok and not ctx.target.strict:
        raise Skipped("the target's clock may move runs alone, so the upload URL may not have aged (OP-39)")
    requirement = "an upload URL of more than an hour is refused"
    each_status(ctx, "UPL-04", {"the late PUT": late}, 4, requirement=requirement)
