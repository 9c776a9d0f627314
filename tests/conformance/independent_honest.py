"""The independent implementation in other readings: allowed by open points, or by what the contract leaves unsaid."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from typing import Any
from uuid import UUID, uuid4

from independent import checking, companies, imports, model, outgoing
from independent.model import Company, Refused, stamp
from independent.web import Handler
from independent_bending import EXPORTS, STARTS, UPLOADS, Bent, asks, company_of, lies, put

HONEST: list[Bent] = []
reading = lies(HONEST)


@reading("speed", "slow", "answers each call after 40 ms, and takes half a second for every step of a run")
def slow_steps() -> None:
    imports.QUEUED, imports.RUNNING = 0.4, 0.6

    def late(honest: Any, handler: Any, raw: bytes) -> Any:
        time.sleep(0.04)
        return honest(handler, raw)

    put(Handler._answer, late)


@reading("speed", "slow", "stays queued for a second, and does all its work at once")
def long_queue() -> None:
    imports.QUEUED, imports.RUNNING = 1.0, 0.0


@reading(
    "texts", "errors", "writes its errors in another language, at length, with quotes and line breaks", Handler._answer
)
def other_texts(honest: Any, handler: Any, raw: bytes) -> Any:
    try:
        return honest(handler, raw)
    except Refused as refused:
        if refused.status != 429:
            refused.text = f'Das geht so nicht („{refused.status}“):\n\t"Grund" ' + "… siehe Handbuch. " * 20
        raise


@reading("members", "extra", "adds members that nobody asked for to whatever succeeds", Handler._answer)
def extra_members(honest: Any, handler: Any, raw: bytes) -> Any:
    status, answer = honest(handler, raw)
    if isinstance(answer, dict) and answer != {"run": None}:
        more: dict[str, Any] = {
            "object": "thing",
            "_links": {"self": handler.path},
            "region": "iad",
            "tags": [],
            "deleted_at": None,
        }
        answer = {**answer, **more}
    return status, answer


@reading("ID-01", "ids", "writes its UUIDs in capitals")
def ids_in_capitals() -> None:
    put(model.new_id, lambda honest: str(honest()).upper())
    put(model.uuid, lambda honest, text, what: str(honest(text, what)).upper())


@reading("ID-01", "ids", "gives UUIDs that are ordered by time and begin alike")
def ids_of_time() -> None:
    def of_time(honest: Any) -> str:
        number = (time.time_ns() // 1_000_000) << 80 | 7 << 76 | (uuid4().int & (1 << 76) - 1)
        return str(UUID(int=number & ~(3 << 62) | 2 << 62))

    put(model.new_id, of_time)


@reading("OP-04", "statuses", "answers 201 to uploads and exports, and 404 to ids of another form")
def other_statuses() -> None:
    def answered(honest: Any, handler: Any, raw: bytes) -> Any:
        try:
            status, answer = honest(handler, raw)
        except Refused as refused:
            if refused.text in ("company: not a UUID", "run: not a UUID", "sheet_id: not a UUID"):
                refused.status = 404  # OP-23
            raise
        created = asks(handler, "POST", UPLOADS) or asks(handler, "POST", EXPORTS)
        return 201 if created else status, answer

    put(Handler._answer, answered)


@reading("OP-14", "statuses", "ends a rejected run at once, and says `failed` in its answer", imports.decide)
def rejected_at_once(honest: Any, world: Any, company: Any, run_id: str, body: Any) -> Any:
    answer = honest(world, company, run_id, body)
    if body["decision"] == "reject":
        run = imports.find(world, company, run_id)
        run.status, run.error = "failed", "Turned down by the reviewer"
        answer["status"] = "failed"
    return answer


@reading("OP-05", "shapes", "shows ids, times and paths with runs, perSheet while parked, and null for external_id")
def fuller_shapes() -> None:
    def shown(honest: Any, run: Any) -> Any:
        return {**honest(run), "run_id": run.id, "created_at": stamp(run.created)}

    def work(honest: Any, company: Any, run: Any) -> None:
        honest(company, run)
        if run.status == "needs_attention":
            counts = {sheet: sum(line.sheet == sheet for line in run.lines) for sheet in company.sheets}
            run.report["perSheet"] = [
                {"templateName": company.sheets[sheet].name, "sheetId": sheet, "rowCount": count}
                for sheet, count in counts.items()
            ]

    def provision(honest: Any, world: Any, owner: Any, body: Any) -> Any:
        answer = honest(world, owner, body)
        answer["company"].setdefault("external_id", None)
        answer.setdefault("connections", [])
        return answer

    put(imports.shown, shown)
    put(imports._work, work)
    put(companies.provision, provision)


@reading("OP-08", "shapes", "gives its whole history as a bare array, without ids", imports.look_up)
def bare_history(honest: Any, world: Any, company: Any, query: Any) -> Any:
    if query.get("status") == "active":
        return honest(world, company, query)
    runs = imports.settled(world, company)[::-1]
    return [{"status": run.status, "created_at": stamp(run.created)} for run in runs]


@reading("OP-29", "rows", "puts the rows of a new import in the place of the older ones")
def rows_replaced() -> None:
    filled: list[str] = []

    def check(honest: Any, company: Any, run: Any) -> None:
        filled[:] = {line.sheet for line in run.lines}
        honest(company, run)
        filled.clear()

    def rows(honest: Any, company: Any, sheet: str) -> Any:
        held = [run for run in company.runs if run.holds and any(line.sheet == sheet for line in run.lines)]
        return [line for line in held[-1].lines if line.sheet == sheet] if held and sheet not in filled else []

    put(checking.check, check)
    put(Company.rows, rows)


@reading("OP-06", "replays", "answers a replay with 200 and the status of now", Handler._answer)
def replay_of_now(honest: Any, handler: Any, raw: bytes) -> Any:
    with handler.world.lock:
        company = company_of(handler)
        before = {run.id for run in company.runs} if company else set()
        status, answer = honest(handler, raw)
        if asks(handler, "POST", STARTS) and answer["run_id"] in before:
            run = imports.find(handler.world, company, answer["run_id"])
            return 200, {**answer, "status": run.status}
        return status, answer


@reading("wire", "connections", "closes the connection after each answer", Handler.send)
def no_keep_alive(honest: Any, handler: Any, status: int, content: bytes, **headers: str) -> None:
    honest(handler, status, content, **headers, Connection="close")
    handler.close_connection = True


@reading("wire", "headers", "writes the names of headers small, adds others, and sends JSON in lines with escapes")
def other_headers() -> None:
    def send(honest: Any, handler: Any, status: int, content: bytes, **headers: str) -> None:
        if headers.get("Content_Type", "").startswith("application/json"):
            content = json.dumps(json.loads(content), indent=2, sort_keys=True).encode() + b"\n"
            headers["Content_Type"] = "application/json"
        small = {name.lower(): value for name, value in headers.items()}
        honest(
            handler, status, content, **small, vary="accept-encoding", cache_control="no-store", x_trace=str(uuid4())
        )

    put(Handler.send, send)


@reading("wire", "bodies", "sends each body in chunks, and in gzip where that is asked for", Handler.send)
def chunked_gzip(honest: Any, handler: Any, status: int, content: bytes, **headers: str) -> None:
    if status == 204:  # which has no body (RFC 9112, 6.1)
        honest(handler, status, content, **headers)
        return
    handler.send_response(status)
    if "gzip" in handler.headers.get("Accept-Encoding", ""):
        content = gzip.compress(content)
        handler.send_header("Content-Encoding", "gzip")
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for at in range(0, len(content), 50):
        part = content[at : at + 50]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
    handler.wfile.write(b"0\r\n\r\n")


@reading("CSV-09", "rows", "quotes in a CSV only what has to be quoted", outgoing._csv)
def few_quotes(honest: Any, company: Any, sheet: str, choice: str) -> Any:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(csv.reader(io.StringIO(honest(company, sheet, choice).decode(), newline="")))
    return text.getvalue().encode()
