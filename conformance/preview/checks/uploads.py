"""Uploads (UPL): a signed URL for one file, and the reference by which an import names it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from conformance.engine.context import skip_if
from conformance.preview.account import BYTES, FILE, file_of, templates_of, upload
from conformance.preview.bodies import array, at
from conformance.preview.checks import Company, StateDriver, check
from conformance.target.target import Body

LONG_PAST = 7200
"""Seconds: well over the hour, about, that an upload URL lives."""


@check("UPL-01")
def an_upload_is_signed(ctx: StateDriver) -> None:
    """Request an upload with name, content type and size."""
    answer = ctx.client.call("request_upload", company_id=ctx.any_company().id, body=FILE)
    if ctx.status("UPL-01", answer, 2, "a request for an upload is answered with 2xx"):
        ctx.shaped(answer, "UPL-01")


@check("UPL-03")
def an_upload_url_works_once(ctx: StateDriver) -> None:
    """Put a file to an upload URL, then put it there again."""
    url, _ = upload(ctx, ctx.any_company())
    first = ctx.client.put_upload(url, BYTES, "text/csv")
    if ctx.status("UPL-03", first, 2, "the first PUT to an upload URL is accepted"):
        second = ctx.client.put_upload(url, BYTES, "text/csv")
        ctx.each_status("UPL-03", {"the second PUT": second}, 4, "a second PUT to an upload URL is refused")
        ctx.reads("OP-04", f"the first PUT is answered with {first.status}, a second one with {second.status}")


@check("UPL-06")
def an_upload_can_be_imported(ctx: StateDriver) -> None:
    """Upload a CSV file and start an import of it."""
    company = ctx.company(fresh=True)
    answer = ctx.start(company, _file(ctx, company))
    ctx.status("UPL-06", answer, 2, "an import takes the upload_ref of an upload of its company")
    if answer.ok and isinstance(at(answer.json, "run_id"), str) and ctx.lent is not None:
        ctx.until(ctx.run_of(answer, company, None))  # so that the company can be used again


def _file(ctx: StateDriver, company: Company) -> dict[str, Any]:
    """A file with the rows of the target file's clean import; without those, with the first template's header."""
    template, way = templates_of(ctx)[0], ctx.target.states.get("completed")
    rows = array(way.body, "rows") if isinstance(way, Body) else []
    columns = None if rows else [str(at(column, "name")) for column in array(template, "columns")]
    return file_of(ctx, company, rows, columns, f"{at(template, 'name')}.csv")


@check("UPL-07")
def an_unknown_company_gets_no_upload(ctx: StateDriver) -> None:
    """Request an upload for a company that does not exist."""
    answer = ctx.client.call("request_upload", company_id=str(uuid4()), body=FILE)
    ctx.status("UPL-07", answer, 404, "an unknown company is answered with 404")


@check("UPL-08")
def uploads_have_references_of_their_own(ctx: StateDriver) -> None:
    """Request two uploads of the same file for one company."""
    company = ctx.any_company()
    refs = [upload(ctx, company)[1], upload(ctx, company)[1]]
    ctx.require("UPL-08", refs[0] != refs[1], "no two uploads have the same upload_ref", got=refs)


@check("UPL-04")
def an_upload_url_expires(ctx: StateDriver) -> None:
    """Put a file to an upload URL two hours after it was given."""
    url, _ = upload(ctx, ctx.any_company())
    skip_if(not ctx.advance(LONG_PAST), "the target file offers no way to let time pass")
    late = ctx.client.put_upload(url, BYTES, "text/csv")
    young = late.ok and not ctx.target.strict
    skip_if(young, "the target's clock may move runs alone, so the upload URL may not have aged (OP-39)")
    ctx.each_status("UPL-04", {"the late PUT": late}, 4, "an upload URL of more than an hour is refused")
