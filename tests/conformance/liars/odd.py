"""Servers that lie about what is odd: odd and legal but changed or refused, odd and wrong but taken."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from bending import asked, gives, key_of, reads, with_key
from lies import App, Liar, Lie
from places import around
from runlies import run_bodies
from twisting import asks, cell_by_cell, companies, looks, queries, raw_bodies, starts

from mock_server.http import messages as http
from mock_server.kernel.errors import Refusal
from mock_server.preview import operations as api
from mock_server.preview.account import Account, account_of
from mock_server.session import exchange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest
    from starlette.responses import Response
    from twisting import Answers

    from mock_server.preview.runs import ImportRun
    from mock_server.session.exchange import Exchange as Call

_ANY_ROW: dict[str, Any] = {"rows": [{}]}
_NIL = "00000000-0000-0000-0000-000000000000"
_NOTHING = {"null", "NULL", "NA", "N/A", "n/a", "None", "nan", "NaN"}
_OTHER_KEY = ("IMP-02", "IMP-11", "IDEM-05", "IDEM-06")
"""What a start with a key that was never used may break, when it is taken for another."""


# -- provisioning


def _lower_id(body: Any) -> None:
    if body["company"]["external_id"]:
        body["company"]["external_id"] = body["company"]["external_id"].lower()


def _echoing(change: Callable[[str], str]) -> Lie:
    """An external id is read otherwise, and echoed as it came."""

    async def bend(call: Call, body: Any, answer: Answers) -> Response:
        given = body.get("external_id")
        if not isinstance(given, str) or change(given) == given:
            return await answer(body)
        response = await answer({**body, "external_id": change(given)})
        told = json.loads(bytes(response.body))
        told["company"]["external_id"] = given
        return http.answer(told, response.status_code)

    return asks("provision_company", lambda: bend)


def _without_last_break(text: str) -> str:
    return text.removesuffix("\n")


def _plain_letters(text: str) -> str:
    return "".join(unicodedata.normalize("NFKD", each)[0] if each.isalnum() else each for each in text)


def _trimmed(name: str) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        if isinstance(body.get(name), str):
            body[name] = body[name].strip()

    return change


def _alike_at_first(length: int) -> Lie:
    """External ids that begin alike are one and the same."""

    def bend(honest: Any) -> Any:
        def refuse(self: Account, name: str, source_id: str, external_id: str | None) -> None:
            honest(self, name, source_id, external_id)
            known = {(each.external_id or "")[:length] for each in self.companies.values()}
            if external_id is not None and len(external_id) > length and external_id[:length] in known:
                raise Refusal(409, "external_id is used by another company")

        return refuse

    return around(Account._refuse_taken, bend)


def _named_null(body: Any) -> None:
    if "name" in body and body["name"] is None:
        body["name"] = "null"


def _unbraced(body: Any) -> None:
    if isinstance(body.get("source"), str):
        body["source"] = body["source"].strip("{}").removeprefix("urn:uuid:")


def _no_nulls(body: Any) -> None:
    given = body.get("template_ids")
    if isinstance(given, list) and any(given):
        body["template_ids"] = [each for each in given if each is not None]


async def _first_for_nil(call: Call, body: Any, answer: Answers) -> Response:
    if body.get("source") == _NIL:
        body["source"] = call.session.world.catalogue.sources[0].id
    return await answer(body)


# -- keys, and what an import is started with


def _read_key(change: Callable[[str], str]) -> Lie:
    def bend(body: Any) -> None:
        if isinstance(body.get("idempotency_key"), str):
            body["idempotency_key"] = change(body["idempotency_key"])

    return reads("start_import", bend)


def _first_row_alone(honest: Any) -> Any:
    def identity(body: Any) -> Any:
        rows = body.get("rows")
        return honest({**body, "rows": rows[:1]} if isinstance(rows, list) else body)

    return identity


async def _null_refs(_: Call, body: dict[str, Any], answer: Callable[[Any], Awaitable[Response]]) -> Response:
    files = body.get("files")
    if isinstance(files, list) and files and all(isinstance(f, dict) and f.get("upload_ref", 0) is None for f in files):
        return await answer({name: value for name, value in body.items() if name != "files"} | _ANY_ROW)
    return await answer(body)


async def _null_rows(_: Call, body: dict[str, Any], answer: Callable[[Any], Awaitable[Response]]) -> Response:
    missing = "rows" in body and body["rows"] is None and "files" not in body
    return await answer(body | _ANY_ROW if missing else body)


def _ascii_names(body: Any) -> None:
    if isinstance(body.get("name"), str) and not body["name"].isascii():
        raise Refusal(400, "name must be a file name")


# -- decisions


def _decision(change: Callable[[str], str]) -> Lie:
    def bend(body: Any) -> None:
        if isinstance(body.get("decision"), str):
            body["decision"] = change(body["decision"])

    return reads("decide", bend)


def _answer_member(name: str, change: Callable[[str], str]) -> Lie:
    def bend(body: Any) -> None:
        given = body.get("answers")
        for each in given if isinstance(given, list) else ():
            if isinstance(each, dict) and isinstance(each.get(name), str):
                each[name] = change(each[name])

    return reads("decide", bend)


def _falsy(body: Any) -> None:
    given = body.get("answers")
    if given is not None and not isinstance(given, list) and not given:
        del body["answers"]


# -- reads


def _lower_filter(query: bytes) -> bytes:
    pairs = parse_qsl(query.decode(), keep_blank_values=True)
    return urlencode([(name, value.lower() if name == "filter" else value) for name, value in pairs]).encode()


async def _sheet_alike(call: Call, answer: Callable[[], Awaitable[Response]]) -> Response:
    company, query = companies(call).get(call.parameters["company_id"]), call.query
    for sheet in company.sheets if company is not None and "sheet_id" in query else ():
        if sheet.id[:23] == query["sheet_id"][:23]:
            call.scope = {**call.scope, "query_string": urlencode(query | {"sheet_id": sheet.id}).encode()}
    return await answer()


def _run_alike(honest: Any) -> Any:
    def find(call: Call) -> ImportRun:
        account, wanted = account_of(call.session), call.parameters["run_id"]
        company = account.companies.get(call.parameters["company_id"])
        for run in company.imports if company is not None else ():
            if run.id != wanted and run.id[:23] == wanted[:23]:
                call.parameters = {**call.parameters, "run_id": run.id}
                call.subject = account.subject(call.operation_id, call.parameters, None, call.now)
        found: ImportRun = honest(call)
        return found

    return find


def _shortened(_run: Any, _state: Any, body: dict[str, Any]) -> None:
    for question in body.get("needs_attention", {}).get("questions", ()):
        target = question["target"]
        target["sample_values"] = [text if len(text) <= 12 else text[:12] + "…" for text in target["sample_values"]]


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _as_number(text: str) -> str:
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text


# -- bytes, keys and paths


def _decoded(read: Callable[[bytes, Refusal], Any]) -> Lie:
    """A body that is no JSON is read all the same."""

    def bend(honest: Any) -> Any:
        def parsed(raw: bytes) -> Any:
            try:
                return honest(raw)
            except Refusal as refusal:
                try:
                    return read(raw, refusal)
                except ValueError:
                    raise refusal from None

        return parsed

    return around((exchange, http.parsed), bend)


def _lower_key(scope: Any) -> None:
    if key := key_of(scope):
        with_key(scope, key.lower())


def _key_of_nobody(scope: Any) -> None:
    if any(name == b"x-api-key" and not value.strip() for name, value in scope["headers"]):
        with_key(scope, "anonymous-caller")


def _in_latin_1(body: bytes) -> bytes:
    text = body.decode()
    return body if text.isascii() else text.encode("latin-1", "replace")


def _page_for_odd_paths(app: App, _: pytest.MonkeyPatch) -> App:
    async def lying(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/api/") and re.fullmatch(r"[\w/.~-]+", scope["path"], re.ASCII) is None:
            headers = [(b"content-type", b"text/html"), (b"content-length", b"20")]
            await send({"type": "http.response.start", "status": 404, "headers": headers})
            await send({"type": "http.response.body", "body": b"<h1>Not Found</h1>\r\n"})
            return
        await app(scope, receive, send)

    return lying


def _mode(body: Any) -> None:
    if isinstance(body.get("mode"), str):
        body["mode"] = body["mode"].strip().lower()


LIARS = (
    Liar("PROV-07", "echoes an external id in lower case", gives("provision_company", _lower_id)),
    Liar("PROV-14", "tells external ids apart by their first 64 characters", _alike_at_first(64),
         ("PROV-01", "PROV-13")),
    Liar("PROV-12", "takes an external id that ends in a line break", _echoing(_without_last_break)),
    Liar("PROV-12", "takes letters of any alphabet in an external id", _echoing(_plain_letters)),
    Liar("PROV-12", "takes an external id in blanks, and trims it",
         reads("provision_company", _trimmed("external_id"))),
    Liar("PROV-08", "takes a name of null for the word", reads("provision_company", _named_null)),
    Liar("PROV-10", "takes a source in braces", reads("provision_company", _unbraced)),
    Liar("PROV-11", "takes the nil UUID for its first source", asks("provision_company", lambda: _first_for_nil)),
    Liar("PROV-15", "passes over a null among the templates", reads("provision_company", _no_nulls)),
    Liar("IDEM-01", "does not regard the case of a key", _read_key(str.lower), _OTHER_KEY),
    Liar("IDEM-01", "does not regard blanks around a key", _read_key(str.strip), _OTHER_KEY),
    Liar("IDEM-01", "regards the first 36 characters of a key alone", _read_key(lambda key: key[:36]), _OTHER_KEY),
    Liar("IDEM-05", "tells payloads apart by their first row", around(api._identity, _first_row_alone)),
    Liar("IMP-07", "takes a file whose reference is null", starts(_null_refs)),
    Liar("IMP-06", "takes rows of null", starts(_null_rows)),
    Liar("UPL-01", "refuses a file name with an umlaut", reads("request_upload", _ascii_names)),
    Liar("DEC-16", "takes a decision in capitals", _decision(str.lower)),
    Liar("DEC-16", "takes a decision in blanks", _decision(str.strip)),
    Liar("DEC-14", "knows a question by its id in capitals", _answer_member("question_id", str.lower)),
    Liar("DEC-19", "knows an option by its id in capitals", _answer_member("option_id", str.lower)),
    Liar("DEC-19", "knows an option by its id in blanks", _answer_member("option_id", str.strip)),
    Liar("DEC-17", "takes an empty text or object for no answers", reads("decide", _falsy)),
    Liar("CSV-10", "takes a filter in capitals", queries("/export.csv", _lower_filter)),
    Liar("CSV-11", "knows a sheet by the beginning of its id", looks("export_csv", lambda: _sheet_alike)),
    Liar("POLL-17", "knows a run by the beginning of its id", around(api._import, _run_alike), ("DEC-26",)),
    Liar("QUE-07", "shortens long sample values", run_bodies(_shortened)),
    Liar("CSV-09", "writes line breaks in cells as blanks",
         cell_by_cell(lambda text: re.sub(r"\r\n|\r|\n", " ", text)), ("CSV-05",)),
    Liar("CSV-09", "puts an apostrophe before what a spreadsheet would work out", cell_by_cell(_guarded), ("CSV-05",)),
    Liar("CSV-09", "writes what looks like a number without its leading zeros", cell_by_cell(_as_number), ("CSV-05",)),
    Liar("CSV-09", "writes words for nothing as nothing",
         cell_by_cell(lambda text: "" if text in _NOTHING else text), ("CSV-05",)),
    Liar("ERR-11", "mends JSON that is no UTF-8",
         _decoded(lambda raw, _: http.parsed(raw.decode("utf-8", "replace").encode()))),
    Liar("ERR-11", "takes NaN for JSON", _decoded(lambda raw, _: json.loads(raw.decode()))),
    Liar("ERR-01", "shows a page where a path has an odd character", _page_for_odd_paths, ("FMT-01", "POLL-17")),
    Liar("AUTH-03", "does not regard the case of an API key", asked(_lower_key), ("AUTH-06",)),
    Liar("AUTH-02", "takes an empty key for somebody's", asked(_key_of_nobody), ("AUTH-03",)),
    Liar("FMT-01", "writes JSON in Latin-1", raw_bodies(_in_latin_1)),
    Liar("DST-02", "takes a mode in capitals and blanks", reads("start_export", _mode)),
)  # fmt: skip
