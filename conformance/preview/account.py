"""What checks take from the account: companies, templates, uploads, destinations, keys, and downloads of sheets.

A reader gives None where an answer lacks something, so that a strange answer fails a clause and never the suite. A
download is read as RFC 4180 says; a text that cannot be read so has no rows.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from conformance.engine.context import block_if, first_of, must_come, must_succeed, skip_if
from conformance.http.client import OTHER, Answer, Key
from conformance.model.results import Blocked, Skipped
from conformance.preview.bodies import array, at, is_id, is_uuid, listing
from conformance.preview.causes import lack
from conformance.preview.driver import Company, Run, StateDriver, company_of
from conformance.target.target import Body

FILE: dict[str, Any] = {"name": "conformance.csv", "content_type": "text/csv", "size": 8}


def other_key(ctx: StateDriver) -> Key:
    """The key of another account; Skipped when the target file has none."""
    skip_if(not ctx.client.has(OTHER), "the target file has no other_api_key")
    return OTHER


def valid_import(ctx: StateDriver) -> dict[str, Any]:
    """A body that a start of an import accepts; Skipped when the target file has none."""
    bodies = (state for state, way in ctx.target.states.items() if isinstance(way, Body))
    return ctx.body(first_of(bodies, "the target file offers no body to start an import with"))


def two_companies(ctx: StateDriver) -> tuple[Company, Company]:
    """Two companies of the account; Skipped when the target file lends one alone."""
    if ctx.lent is None:
        second = ctx.share("second company", lambda: ctx.company(fresh=True))
        return ctx.company(), second
    skip_if(len(ctx.lent) < 2, "the target file names one existing company alone")
    return Company(ctx.lent[0]), Company(ctx.lent[1])


def templates_of(ctx: StateDriver) -> list[Any]:
    """The account's templates, which it lists once; Blocked when it lists none."""
    if "templates" not in ctx.known:
        answer = ctx.client.call("list_templates")
        found = array(answer.json, "templates")
        block_if(not found, "GET /templates lists no template", answer)
        named = all(is_uuid(at(each, "id")) for each in found)
        block_if(not named, "GET /templates lists a template without a UUID", answer)
        ctx.known["templates"] = found
    listed: list[Any] = ctx.known["templates"]
    return listed


def sources_of(ctx: StateDriver) -> list[str]:
    """The ids of the account's sources, which it lists once; Skipped when it has none."""
    if "sources" not in ctx.known:
        listed = array(ctx.client.call("list_sources").json, "sources")
        ctx.known["sources"] = [at(source, "id") for source in listed if is_uuid(at(source, "id"))]
    skip_if(not ctx.known["sources"], "the account lists no source with a UUID")
    ids: list[str] = ctx.known["sources"]
    return ids


def filled_sheets(run: Run) -> list[str]:
    """The ids of the sheets that the run's report says to have rows; of all sheets where it says none."""
    told = array(run.state, "report", "perSheet")
    filled = [at(each, "sheetId") for each in told if at(each, "rowCount")]
    return [each for each in filled if is_id(each)] or list(run.company.sheets)


BYTES = b"a,b\n1,2\n"


def upload(ctx: StateDriver, company: Company, content: bytes = BYTES, name: str = FILE["name"]) -> tuple[str, str]:
    """URL and reference of a new upload; Blocked when none is given."""
    body = {"name": name, "content_type": "text/csv", "size": len(content)}
    answer = ctx.client.call("request_upload", company_id=company.id, body=body)
    url, ref = at(answer.json, "upload_url"), at(answer.json, "upload_ref")
    if not answer.ok or not isinstance(url, str) or not isinstance(ref, str):
        raise Blocked(f"no upload could be requested{lack(answer, 'upload_ref' if url else 'upload_url')}", [answer])
    return url, ref


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> bytes:
    """The rows as CSV; without `columns` with all that they name."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def put_file(ctx: StateDriver, url: str, content: bytes) -> None:
    """Put a file to its upload URL; Blocked where that is refused."""
    must_succeed(ctx.client.put_upload(url, content, "text/csv"), "the file could not be uploaded")


def file_of(
    ctx: StateDriver,
    company: Company,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str] | None = None,
    name: str = FILE["name"],
) -> dict[str, Any]:
    """The body that imports these rows as a CSV file, uploaded for it; without `columns` all that they name."""
    content = table(rows, columns)
    url, ref = upload(ctx, company, content, name)
    put_file(ctx, url, content)
    return {"files": [{"name": name, "upload_ref": ref}]}


NOWHERE = "https://destination.invalid/api"


def with_destination(ctx: StateDriver, state: str, kind: str = "reachable") -> Company:
    """A company with a destination, after an import that leads to the state; what parks is rejected."""

    def made() -> Company:
        skip_if(ctx.lent is not None, "only a company that the suite provisions is known to have a destination")
        company, answer = with_connection(ctx, kind)
        if company is None or not company.sheets:
            raise Skipped(f"a company with a destination is answered with {answer.status}")
        run = ctx.begin_run(state, company)
        ctx.until(run, state)
        if state == "needs_attention":
            rejected = ctx.decide(run, "reject").ok and at(ctx.until(run), "status") == "failed"
            skip_if(not rejected, "no import could be rejected, which would leave flagged rows")
        return company

    return ctx.share(f"{kind} destination after {state}", made)


def with_connection(ctx: StateDriver, kind: str = "") -> tuple[Company | None, Answer]:
    """A new company with the target file's destination of this kind, else with one that nobody can reach.

    None where the target makes none.
    """
    made_up = {"base_url": NOWHERE, "auth": {"type": "bearer", "token": f"secret-{uuid4().hex}"}}
    answer = ctx.provision(connections={"destination": ctx.target.destinations.get(kind, made_up)})
    return company_of(answer), answer


def judge_no_run(ctx: StateDriver, clause: str, requirement: str, before: Answer, after: Answer) -> None:
    """Record whether the company's history is the same, before and after a start that was refused."""
    must_come(before, after)
    same = listing(after) == listing(before)
    ctx.require(clause, same, requirement, before, after, expected=before.text, got=after.text)


Lines = tuple[tuple[str, ...], ...]


class Download(NamedTuple):
    """One sheet as it was downloaded."""

    answer: Answer
    header: tuple[str, ...]
    rows: Lines

    @property
    def records(self) -> list[dict[str, str]]:
        """The rows as texts by column name; a column that is missing is empty."""
        return [dict(zip(self.header, row, strict=False)) for row in self.rows]

    @property
    def as_file(self) -> Lines:
        """What `files_in` a ZIP gives of the sheet."""
        return (self.header, *sorted(self.rows))


def parse(text: str) -> Lines | None:
    """The lines of a CSV text, header first; None when quotes do not match or lines differ in length."""
    try:
        lines = tuple(tuple(line) for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line)
    except csv.Error:
        return None
    return lines if len({len(line) for line in lines}) <= 1 else None


def fetch(ctx: StateDriver, company_id: str, sheet_id: str | None, filter_: str | None = None) -> Answer:
    """Ask for a download; without `filter_` that member is not sent."""
    sent = {name: value for name, value in {"sheet_id": sheet_id, "filter": filter_}.items() if value is not None}
    return ctx.client.call("export_csv", company_id=company_id, query=sent)


def download(ctx: StateDriver, company_id: str, sheet_id: str, filter_: str | None = None) -> Download:
    """The sheet's rows; Blocked when there is nothing that can be read as CSV."""
    return read(fetch(ctx, company_id, sheet_id, filter_))


def both(ctx: StateDriver, company_id: str, sheet_id: str) -> tuple[Download, Download]:
    """Every row of the sheet, and the valid ones."""
    return download(ctx, company_id, sheet_id, "all"), download(ctx, company_id, sheet_id, "valid")


def read(answer: Answer) -> Download:
    """The rows of an answer; Blocked when there is nothing that can be read as CSV."""
    lines = parse(text(answer)) if answer.ok else None
    if not lines:
        raise Blocked("the sheet could not be downloaded as CSV", [answer])
    return Download(answer, lines[0], lines[1:])


def text(answer: Answer) -> str:
    """The download as text, in the charset that it declares; what does not fit shows as replacement characters."""
    declared = answer.headers.get("content-type", "").lower().partition("charset=")[2]
    return decode(answer.content, declared.partition(";")[0].strip(" \"'") or "utf-8")


def decode(content: bytes, charset: str = "utf-8") -> str:
    """The bytes as text, without the mark that says in which order they are."""
    try:
        return content.decode(charset, "replace").removeprefix("\ufeff")
    except (LookupError, ValueError):  # no charset, or what is known by that name makes no text of bytes
        return content.decode("utf-8", "replace").removeprefix("\ufeff")


def files_in(content: bytes) -> list[Lines]:
    """The header and the sorted rows of each CSV file in the ZIP; none when it is no ZIP."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            found = [parse(decode(archive.read(name))) for name in names]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []
    return [(lines[0], *sorted(lines[1:])) for lines in found if lines]
