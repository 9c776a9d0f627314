"""What is generated for Preview: the operations, the clauses that their cases speak of, and right calls of each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from conformance.fuzzing.case import Case
from conformance.fuzzing.layer import Grammar, Layer
from conformance.preview.cases.document import FILE, FORMS, SHEETS, SOURCE, UPLOAD, document
from conformance.preview.cases.driver import CaseDriver, columns
from conformance.preview.cases.walks import CLAUSES, play_walks

if TYPE_CHECKING:
    from conformance.preview.driver import StateDriver

BY_OPERATION: dict[str, tuple[str, ...]] = {
    "list_sources": ("SRC-01",),
    "list_templates": ("TPL-01",),
    "provision_company": (
        *("PROV-01", "PROV-08", "PROV-09", "PROV-10", "PROV-11", "PROV-12", "PROV-13", "PROV-15"),
        "ERR-11",
    ),
    "request_upload": ("UPL-01", "UPL-07", "ERR-11"),
    "start_import": ("IMP-01", "IMP-02", "IMP-06", "IMP-07", "IMP-08", "IMP-13", "ERR-11", "AUTH-07"),
    "decide": (
        *("DEC-01", "DEC-11", "DEC-12", "DEC-13", "DEC-14", "DEC-15", "DEC-16", "DEC-17", "DEC-18", "DEC-19"),
        *("DEC-20", "DEC-22", "DEC-26", "DEC-31", "AUTH-07"),
    ),
    "list_imports": ("HIST-01", "ACT-03", "ACT-08"),
    "poll_import": ("POLL-01", "POLL-17"),
    "export_csv": ("CSV-01", "CSV-10", "CSV-11"),
    "start_export": ("DST-02", "AUTH-06", "ERR-11"),
    "poll_export": ("AUTH-06",),
}


def grammar(ctx: StateDriver) -> Grammar:
    """What the calls are drawn from, with the columns of the target's own rows."""
    return Grammar(
        document=partial(document, columns(ctx)),
        forms=len(FORMS),
        several=("provision_company", "start_import", "decide"),
        bodies={
            "provision_company": {"name": "Company", "source": SOURCE},
            "request_upload": {"name": "conformance.csv", "content_type": "text/csv", "size": 8},
            "start_import": {"files": [{"name": FILE, "upload_ref": UPLOAD}]},
            "decide": {"decision": "approve"},
            "start_export": {"mode": "canary"},
        },
        queries={"export_csv": {"sheet_id": SHEETS[0]}},
        also=(Case("decide", {"decision": "reject"}),),
    )


LAYER = Layer(
    everywhere=("ERR-06", "AUTH-02", "AUTH-03"),
    by_operation=BY_OPERATION,
    walked=CLAUSES,
    needs=("completed", "needs_attention"),
    subject=CaseDriver,
    grammar=grammar,
    walk=play_walks,
)
