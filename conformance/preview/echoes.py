"""What an answer has to repeat of its request: names and ids as they were sent, addresses made of the ids in the path.

Only what is there is compared: what is missing is a difference of shape. Ids are alike in any case of their letters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conformance.preview.bodies import array, at, is_uuid

if TYPE_CHECKING:
    from conformance.http.messages import Answer


def echoes(operation: str, answer: Answer) -> Iterator[tuple[str, str]]:
    """Clause and text of everything that comes back otherwise than it was sent, in an answer of 2xx."""
    match operation:
        case "provision_company" if isinstance(answer.sent, dict):
            yield from _company(answer.sent, answer.json)
        case "start_import" | "start_export":
            yield from _address("IMP-04" if operation == "start_import" else "DST-01", operation, answer)
        case "decide":
            clause = "DEC-02" if at(answer.sent, "decision") == "approve" else "DEC-31"
            yield from _own_run(clause, answer)
            yield from _address(clause, operation, answer)
        case "poll_import":
            yield from _own_run("POLL-01", answer)


def _company(sent: dict[str, Any], body: Any) -> Iterator[tuple[str, str]]:
    name, came = sent.get("name"), at(body, "company", "name")
    if isinstance(name, str) and isinstance(came, str) and name.isprintable() and came.strip() != name.strip():
        clause = "PROV-02" if name.isascii() else "FMT-01"
        yield clause, f"/company/name: expected the name that was sent, {name[:300]!r}; got {came[:300]!r}"
    external, came = sent.get("external_id"), at(body, "company", "external_id")
    if isinstance(external, str) and came is not None and came != external:
        yield "PROV-07", f"/company/external_id: expected it as it was sent, {external!r}; got {came!r}"
    chosen = [str(each).lower() for each in array(sent, "template_ids")]
    sheets = [str(at(each, "template_id")).lower() for each in array(body, "sheets")]
    if chosen and len(set(chosen)) == len(chosen) and sorted(sheets) != sorted(chosen):
        yield "PROV-04", f"/sheets: expected one for each of {', '.join(chosen)}; got {', '.join(sheets) or 'none'}"


def _own_run(clause: str, answer: Answer) -> Iterator[tuple[str, str]]:
    asked, told = answer.ids.get("run_id"), at(answer.json, "run_id")
    if is_uuid(asked) and is_uuid(told) and told.lower() != str(asked).lower():
        yield clause, f"/run_id: expected the run that was asked for, {asked}; got {told}"


def _address(clause: str, operation: str, answer: Answer) -> Iterator[tuple[str, str]]:
    company, url = answer.ids.get("company_id"), at(answer.json, "poll_url")
    run = answer.ids.get("run_id") if operation == "decide" else at(answer.json, "run_id")
    if is_uuid(company) and is_uuid(run) and isinstance(url, str):
        end = f"/companies/{company}/{'exports' if operation == 'start_export' else 'imports'}/{run}"
        if not url.lower().endswith(end.lower()):
            yield clause, f"/poll_url: expected a path that ends with {end}; got {url[:300]}"
