"""Honest servers that take requests otherwise: codes of success, order of checks, what is let through."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from honesty import Honest, Sent, answered, asked
from places import all_of, around, handled
from starlette.responses import Response

from mock_server.contract import document as contract
from mock_server.data import uploaded
from mock_server.http.messages import answer, error
from mock_server.kernel.errors import Refusal
from mock_server.preview import operations, uploads
from mock_server.preview.account import Account, account_of

KNOWN = {
    "provision_company": {"name", "source", "external_id", "template_ids", "connections"},
    "request_upload": {"name", "content_type", "size"},
    "start_import": {"files", "rows", "idempotency_key"},
    "decide": {"decision", "answers"},
    "start_export": {"mode", "selection", "idempotency_key"},
}


def _coded(operation: str, honest: int, status: int) -> Any:
    """Another code of success."""

    def change(sent: Sent) -> None:
        if sent.operation == operation and sent.status == honest:
            sent.status = status

    return answered(change)


def _put(status: int, used: int) -> Any:
    """Other codes of the signed URL: for a file that is taken, and for a URL that was used or is old."""

    def changed(honest: Any) -> Any:
        async def put(*given: Any) -> Any:
            try:
                taken = await honest(*given)
            except Refusal as refusal:
                return error(used if refusal.status == 403 else refusal.status, refusal.text)
            return Response(status_code=status) if taken.status_code < 300 else taken

        return put

    return around(uploads.put, changed)


def _needs_all(operation: str, body: Any) -> Any:
    if operation == "request_upload" and isinstance(body, dict) and {"content_type", "size"} - body.keys():
        raise Refusal(400, "content_type and size are required")
    return body


def _signed(sent: Sent) -> None:
    if sent.operation == "request_upload" and sent.ok:
        sent.body["upload_url"] += "?signature=a%2Fb%3D&expires=3600"


def _replayed(sent: Sent) -> None:
    if sent.operation == "start_import" and sent.status == 200:
        sent.status = 201
        sent.body["status"] = "queued"


def _in_order(_: Any) -> Any:
    """Payloads are the same only when their members come in the same order, too."""

    def identity(body: Any) -> tuple[Any, bytes]:
        return body.get("idempotency_key"), repr(
            [pair for pair in body.items() if pair[0] != "idempotency_key"]
        ).encode()

    return identity


def _other_statuses(change: Any) -> Any:
    """Another answer to `?status=` with a word that is not `active`."""

    def changed(sent: Sent) -> None:
        if sent.operation == "list_imports" and sent.query.get("status", ["active"]) != ["active"]:
            change(sent)

    return answered(changed)


def _no_such_filter(sent: Sent) -> None:
    sent.status, sent.body = 200, {"runs": [], "next_cursor": None}


def _not_found(sent: Sent) -> None:
    sent.status, sent.body = 404, {"error": "not found"}


def _to_likest_sheet(honest: Any) -> Any:
    """Rows go to the sheet that has most of their columns."""
    from mock_server.data.csv_file import likeness  # noqa: PLC0415 - beside its use

    def inline(rows: Any, sheets: Any, held: Any) -> Any:
        names = tuple(dict.fromkeys(name for row in rows for name in row))
        best = max(sheets, key=lambda sheet: likeness(names, sheet.template))
        return honest(rows, [best], held)

    return inline


def _malformed_ids(sent: Sent) -> None:
    parts = sent.path.split("/")
    ids = [parts[at + 1] for at in range(len(parts) - 1) if parts[at] in {"companies", "imports", "exports"}]
    if sent.status == 404 and not all(map(_is_uuid, ids)):
        sent.status = 400


def _is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def _body_first(operation: str, body: Any) -> Any:
    """What is wrong with a body is told before company and run are looked for."""
    if wrong := contract.load().request_differences(operation, body):
        raise Refusal(400, wrong[0].text)
    return body


def _state_first(busy: Any) -> Any:
    """What is wrong with the state is told before what is wrong with the body: `busy` says whether it is."""

    def changed(honest: Any) -> Any:
        async def handler(call: Any) -> Any:
            try:
                return await honest(call)
            except Refusal as refusal:
                if refusal.status == 400 and busy(call):
                    raise Refusal(409, "not now") from refusal
                raise

        return handler

    return changed


def _importing(call: Any) -> bool:
    return account_of(call.session).company(call.parameters["company_id"]).active(call.later()) is not None


def _not_parked(call: Any) -> bool:
    return bool(account_of(call.session).runs[call.parameters["run_id"]].life(call.later()).status != "needs_attention")


def _strict(operation: str, body: Any) -> Any:
    """Members that the documentation does not name are refused."""
    if isinstance(body, dict) and (strange := body.keys() - KNOWN[operation]):
        raise Refusal(400, f"unknown members: {', '.join(sorted(strange))}")
    return body


def _only_json(app: Any, _: Any) -> Any:
    """A body of another Content-Type is refused with 415."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        kind = dict(scope["headers"]).get(b"content-type", b"")
        if scope["method"] == "POST" and scope["path"].startswith("/api/") and not kind.startswith(b"application/json"):
            await error(415, "the body must be application/json")(scope, receive, send)
        else:
            await app(scope, receive, send)

    return served


def _wrong_methods(sent: Sent) -> None:
    if sent.status == 405:
        sent.status = 404


def _companies(app: Any, _: Any) -> Any:
    """There is a list of companies, too."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET" and scope["path"] == "/api/v1/companies":
            await answer({"companies": []})(scope, receive, send)
        else:
            await app(scope, receive, send)

    return served


def _every_template(operation: str, body: Any) -> Any:
    if operation == "provision_company" and isinstance(body, dict) and body.get("template_ids") == []:
        return {name: value for name, value in body.items() if name != "template_ids"}
    return body


def _conflict_first(honest: Any) -> Any:
    """An external_id that is used is told before a name that is taken."""

    def provision(self: Any, now: int, body: Any) -> Any:
        used = {company.external_id for company in self.companies.values()} - {None}
        try:
            return honest(self, now, body)
        except Refusal as refusal:
            if refusal.status == 400 and body.get("external_id") in used:
                raise Refusal(409, "external_id is used") from refusal
            raise

    return provision


def _lenient_answers(operation: str, body: Any) -> Any:
    """Answers with a reject are ignored, and of several to one question the last counts."""
    if operation == "decide" and isinstance(body, dict) and isinstance(body.get("answers"), list):
        if body.get("decision") == "reject":
            return {"decision": "reject"}
        if all(isinstance(each, dict) and isinstance(each.get("question_id"), str) for each in body["answers"]):
            return body | {"answers": list({each["question_id"]: each for each in body["answers"]}.values())}
    return body


def _some_answers(operation: str, body: Any) -> Any:
    if operation == "decide" and isinstance(body, dict) and body.get("answers") == []:
        raise Refusal(400, "answers is empty")
    return body


STARTS = ("IMP", "IDEM", "UPL", "ERR", "AUTH")

CALLS = (
    Honest("OP-03", "lists companies", _companies, ("AUTH", "PROV")),
    Honest(
        "OP-04",
        "answers an upload request with 200, and a PUT with 204",
        all_of(_coded("request_upload", 201, 200), _put(204, 410)),
        ("UPL", "IMP-01"),
    ),
    Honest(
        "OP-04",
        "answers an upload request with 202, and a second PUT with 409",
        all_of(_coded("request_upload", 201, 202), _put(201, 409)),
        ("UPL", "IMP-01"),
    ),
    Honest("OP-04", "needs type and size for an upload", asked(_needs_all), ("UPL", "AUTH", "ERR", "IMP")),
    Honest("OP-04", "signs upload URLs in their query", answered(_signed), ("UPL", "IMP-01", "SEC")),
    Honest("OP-06", "answers a replay as it answered the start", answered(_replayed), ("IDEM", "IMP")),
    Honest(
        "OP-07",
        "minds the order of members in a payload",
        around(operations._identity, _in_order),
        ("IDEM", "DST-09"),
    ),
    Honest("OP-10", "lists no runs of other statuses", _other_statuses(_no_such_filter), ("HIST", "ACT")),
    Honest("OP-10", "answers other statuses with 404", _other_statuses(_not_found), ("HIST", "ACT")),
    Honest("OP-19", "ignores answers with a reject", asked(_lenient_answers), ("DEC",)),
    Honest("OP-19", "refuses an empty list of answers", asked(_some_answers), ("DEC",)),
    Honest(
        "OP-22",
        "puts rows into the sheet that they are like",
        around(uploaded.book_of_rows, _to_likest_sheet),
        ("IMP", "POLL", "DEC", "CSV"),
    ),
    Honest("OP-23", "answers ids that are no UUID with 400", answered(_malformed_ids), ("ERR", "POLL", "AUTH")),
    Honest(
        "OP-24",
        "reads the body before it looks for company and run",
        asked(_body_first),
        (*STARTS, "DEC", "PROV", "DST"),
    ),
    Honest(
        "OP-24",
        "looks at the state before it reads the body",
        all_of(handled("start_import", _state_first(_importing)), handled("decide", _state_first(_not_parked))),
        (*STARTS, "DEC"),
    ),
    Honest("OP-26", "refuses unknown members", asked(_strict), (*STARTS, "DEC", "PROV", "DST")),
    Honest("OP-26", "takes bodies of application/json alone", _only_json, (*STARTS, "DEC", "PROV", "DST")),
    Honest("OP-26", "answers a wrong method with 404", answered(_wrong_methods), ("ERR", "AUTH")),
    Honest("OP-37", "takes no template_ids for all", asked(_every_template), ("PROV",)),
    Honest(
        "OP-37",
        "tells a used external_id before a taken name",
        around(Account.provision, _conflict_first),
        ("PROV", "ERR"),
    ),
)
