"""A check of our own within Schemathesis: a refusal that `schemathesis.toml` excuses says a documented reason.

The configuration can excuse a status only; here stands, for each operation, which texts the excused 400s may have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import schemathesis

if TYPE_CHECKING:
    from schemathesis import Case, CheckContext, Response

REASONS: dict[str, tuple[tuple[str, str], ...]] = {
    "provision_company": (
        ("PROV-15", r"template_ids names a template that this account does not have: "),
        ("PROV-16", r"a company named .* exists already for the source "),
    ),
    "start_import": (
        ("OP-22", r"files\[\d+\]\.upload_ref .* (names no upload of this company|no file was put there)"),
    ),
    "list_imports": (("OP-08", r"cursor must be a next_cursor of this company's history; got "),),
    "decide": (
        ("DEC-14", r"answers\[\d+\]\.question_id .* is no current question; current ones: "),
        ("DEC-19", r"answers\[\d+\]\.option_id .* is no option of "),
        ("DEC-20", r"answers\[\d+\]\.custom is not allowed: "),
        ("OP-19", r"answers\[\d+\]\.question_id .* is answered twice"),
    ),
    "start_export": (
        ("OP-18", r"this company has no destination connection"),
        ("DST-08", r"selection\.template_ids names a template that this company does not have: "),
        ("DST-08", r"selection\.row_filter names a column that no sheet has: "),
    ),
}
"""For each operation the clauses by which a well-formed request can be refused, and the texts that say so."""


@schemathesis.check
def refused_for_a_documented_reason(_: CheckContext, response: Response, case: Case[Any]) -> None:
    """A 400 to a request of the right shape must say one of the operation's documented reasons."""
    if response.status_code != 400 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    error = str(response.json().get("error"))
    operation = case.operation.definition.raw["operationId"]
    if not any(re.match(text, error, re.DOTALL) for _, text in REASONS.get(operation, ())):
        raise AssertionError(f"{operation} refused a well-formed request for a reason that is not documented: {error}")
