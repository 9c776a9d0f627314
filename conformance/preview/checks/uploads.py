"""Uploads of files, and the references by which an import names them (UPL)."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

from conformance.engine.context import skip_if
from conformance.preview.account import BYTES, FILE, download, file_of, put_file, table, templates_of, upload
from conformance.preview.bodies import array, at, status_of
from conformance.preview.checks import Company, StateDriver, check
from conformance.preview.driver import near
from conformance.preview.made_rows import pattern_for
from conformance.target.target import Body

LONG_PAST = 7200
"""Seconds: well over the hour, about, that an upload URL lives."""
SOON, NEARLY = 300, 3300
ODD_NAME = "Kündigungen im März (1).csv"
AT_ONCE, FILES = 4, 3


@check("UPL-01")
def an_upload_is_signed(ctx: StateDriver) -> None:
    """Request an upload with name, content type and size."""
    answer = ctx.client.call("request_upload", company_id=ctx.any_company().id, body=FILE)
    if ctx.status("UPL-01", answer, 2, "a request for an upload is answered with 2xx"):
        ctx.shaped(answer, "UPL-01")
    answer = ctx.client.call("request_upload", company_id=ctx.any_company().id, body=FILE | {"name": ODD_NAME})
    ctx.status("UPL-01", answer, 2, "a file may have any name")


@check("UPL-03")
def an_upload_url_works_once(ctx: StateDriver) -> None:
    """Put a file to an upload URL, then put it there again, and another one."""
    url, _ = upload(ctx, ctx.any_company())
    first = ctx.client.put_upload(url, BYTES, "text/csv")
    if ctx.status("UPL-03", first, 2, "the first PUT to an upload URL is accepted"):
        puts = {"the second PUT": BYTES, "the third PUT": BYTES[::-1]}
        answers = {name: ctx.client.put_upload(url, content, "text/csv") for name, content in puts.items()}
        ctx.each_status("UPL-03", answers, 4, "a further PUT to an upload URL is refused")
        second = answers["the second PUT"]
        ctx.reads("OP-04", f"the first PUT is answered with {first.status}, a second one with {second.status}")
    if ctx.whole:
        url, _ = upload(ctx, ctx.any_company())
        puts_at_once = [partial(ctx.client.put_upload, url, BYTES, "text/csv")] * AT_ONCE
        taken = [answer for answer in ctx.client.concurrently(puts_at_once) if answer.ok]
        requirement = "of PUTs to an upload URL at the same moment one is accepted"
        ctx.require(
            "UPL-03", len(taken) <= 1, requirement, *taken[:2], expected="one 2xx", got=f"{len(taken)} times 2xx"
        )


@check("UPL-06")
def an_upload_can_be_imported(ctx: StateDriver) -> None:
    """Upload a CSV file and start an import of it."""
    company = ctx.company(fresh=True)
    # The rows of the target file's clean import; without those, the first template's header.
    template, way = templates_of(ctx)[0], ctx.target.states.get("completed")
    rows = array(way.body, "rows") if isinstance(way, Body) else []
    columns = None if rows else [str(at(column, "name")) for column in array(template, "columns")]
    answer = ctx.start(company, file_of(ctx, company, rows, columns, f"{at(template, 'name')}.csv"))
    ctx.status("UPL-06", answer, 2, "an import takes the upload_ref of an upload of its company")
    if answer.ok and isinstance(at(answer.json, "run_id"), str) and ctx.lent is not None:
        ctx.until(ctx.run_of(answer, company, None))  # so that the company can be used again


@check("UPL-03", "UPL-06", "CSV-05", needs=("completed",), whole=True)
def each_reference_is_of_its_own_file(ctx: StateDriver) -> None:
    """Put three files of one name and size, and others to their used URLs; import the first, and then both others."""
    company = ctx.company(fresh=True)
    pattern = pattern_for(ctx, company)
    name, rows = pattern.text_column, pattern.rows(FILES * 2)
    rows = [row | {name: f"row {number}"} for number, row in enumerate(rows)]
    pairs = [rows[place * 2 : place * 2 + 2] for place in range(FILES)]
    contents = [table(pair).rstrip() for pair in pairs]  # without a line break at its end it ends in a row all the same
    uploads = [upload(ctx, company, content) for content in contents]
    for (url, _), content in zip(uploads, contents, strict=True):
        put_file(ctx, url, content)
    again = {
        f"the second PUT of file {place}": ctx.client.put_upload(url, content.replace(b"row", b"wor"), "text/csv")
        for place, ((url, _), content) in enumerate(zip(uploads, contents, strict=True), 1)
    }
    ctx.each_status("UPL-03", again, 4, "a second PUT to an upload URL is refused")
    files = [{"name": FILE["name"], "upload_ref": ref} for _, ref in uploads]
    for some in (slice(1), slice(1, None)):
        chosen, answer = some, ctx.start(company, {"files": files[some]})
        if some.start and answer.status == 400:  # OP-22: of two files; of one of them that can be no reason
            chosen = slice(1, 2)
            answer = ctx.start(company, {"files": files[chosen]})
        if not ctx.status("UPL-06", answer, 2, "an import takes the upload_ref of each upload of its company"):
            return
        end = ctx.until(ctx.run_of(answer, company, files[chosen]))
        skip_if(at(end, "status") != "completed", f"the import of files of right rows is {status_of(end)}")
        late = ctx.client.put_upload(uploads[0][0], contents[0].replace(b"row", b"wor"), "text/csv")
        ctx.each_status("UPL-03", {"the PUT after the import": late}, 4, "a second PUT to an upload URL is refused")
        _judge_files(ctx, company, name, [row[name] for pair in pairs[chosen] for row in pair])


def _judge_files(ctx: StateDriver, company: Company, name: str, wanted: list[str]) -> None:
    """Whether every row of the files is there, as it was put first; OP-29 leaves open what is beside them."""
    sheets = [download(ctx, company.id, sheet, "all") for sheet in company.sheets]
    found = sorted(record[name] for lines in sheets for record in lines.records if record.get(name))
    shown, missing = [lines.answer for lines in sheets if lines.rows], [each for each in wanted if each not in found]
    replaced = any(each.startswith("wor ") for each in found)
    requirement = "a second PUT that is refused does not replace the file"
    ctx.require("UPL-03", not replaced, requirement, *shown, expected="the first content", got=", ".join(found))
    for clause in ("CSV-05", "UPL-06"):
        requirement = "the rows of each file are imported, as they were put first"
        ctx.require(clause, not missing, requirement, *shown, expected=", ".join(wanted), got=", ".join(found))


@check("RUN-09", "POLL-01", needs=("completed",), whole=True)
def a_file_that_cannot_be_read_leaves_nothing(ctx: StateDriver) -> None:
    """Import a file of right rows together with one that is no text; where that fails, download all."""
    company = ctx.company(fresh=True)
    rows = pattern_for(ctx, company).rows(2)
    garbage = b"\xff\xfe\x00\x81\r\n" * 40
    url, ref = upload(ctx, company, garbage, ODD_NAME)
    put_file(ctx, url, garbage)
    files = [*file_of(ctx, company, rows)["files"], {"name": ODD_NAME, "upload_ref": ref}]
    answer = ctx.start(company, {"files": files})
    skip_if(answer.status == 400, "an import of a file that is no text is refused")  # OP-22
    run = ctx.run_of(answer, company, {"files": files})
    status = at(ctx.until(run), "status")
    ctx.status("POLL-01", run.polled, 2, "the poll of a known run is answered with 2xx, whatever was imported")
    if status == "needs_attention":
        ctx.end(run)
    with ctx.speaking_of("RUN-09"):
        skip_if(status != "failed", f"an import of a file that is no text is {status or 'nothing'}")
        sheets = [download(ctx, company.id, sheet, "all") for sheet in company.sheets]
        shown = [lines.answer for lines in sheets if lines.rows]
        number = sum(len(lines.rows) for lines in sheets)
        requirement = "a run that failed by itself inserted no rows, of no file"
        ctx.require("RUN-09", not number, requirement, run.polled, *shown, expected="no rows", got=f"{number} rows")


@check("UPL-07")
def an_unknown_company_gets_no_upload(ctx: StateDriver) -> None:
    """Request an upload for companies that do not exist, one of them with nearly the id of one that does."""
    for unknown in (str(uuid4()), near(ctx.any_company().id)):
        answer = ctx.client.call("request_upload", company_id=unknown, body=FILE)
        ctx.status("UPL-07", answer, 404, "an unknown company is answered with 404")


@check("UPL-08")
def uploads_have_references_of_their_own(ctx: StateDriver) -> None:
    """Request uploads of the same file for one company, one after the other and at once."""
    company = ctx.any_company()
    found = [upload(ctx, company), upload(ctx, company)]
    ask = partial(ctx.client.call, "request_upload", company_id=company.id, body=FILE)
    at_once = ctx.client.concurrently([ask] * AT_ONCE) if ctx.whole else []
    given = [answer.json for answer in at_once if answer.ok]
    found += [(str(at(each, "upload_url")), str(at(each, "upload_ref"))) for each in given]
    refs, urls = [ref for _, ref in found], [url for url, _ in found]
    got = f"{len(set(refs))} of {len(refs)} are different"
    ctx.require("UPL-08", len(set(refs)) == len(refs), "no two uploads have the same upload_ref", got=got)
    got = f"{len(set(urls))} of {len(urls)} are different"
    ctx.require("UPL-08", len(set(urls)) == len(urls), "no two uploads have the same upload_url", got=got)


@check("UPL-04", "UPL-03")
def an_upload_url_expires(ctx: StateDriver) -> None:
    """Put a file to an upload URL two hours after it was given."""
    url, _ = upload(ctx, ctx.any_company())
    second, _ = upload(ctx, ctx.any_company())
    used, _ = upload(ctx, ctx.any_company())
    put_file(ctx, used, BYTES)
    skip_if(not ctx.advance(SOON), "the target file offers no way to let time pass")
    soon = ctx.client.put_upload(used, BYTES[::-1], "text/csv")
    ctx.each_status("UPL-03", {"the second PUT": soon}, 4, "a second PUT is refused some minutes later, too")
    ctx.advance(NEARLY)
    upload(ctx, ctx.any_company())  # which is no reason for the others to last
    ctx.advance(NEARLY)
    late = ctx.client.put_upload(url, BYTES, "text/csv")
    ctx.advance(LONG_PAST)
    again = ctx.client.put_upload(used, BYTES[::-1], "text/csv")
    ctx.each_status("UPL-03", {"the second PUT": again}, 4, "a second PUT is refused hours later, too")
    young = late.ok and not ctx.target.strict
    skip_if(young, "the target's clock may move runs alone, so the upload URL may not have aged (OP-39)")
    puts = {"the late PUT": late, "that of a second URL": ctx.client.put_upload(second, BYTES, "text/csv")}
    ctx.each_status("UPL-04", puts, 4, "an upload URL of more than an hour is refused")
