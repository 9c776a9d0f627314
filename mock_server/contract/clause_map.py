"""Which clause a wrong request body breaks: a table from operation, member and the schema's word to the clause.

The contract's schemas find what is wrong; what the documentation says of it stands in the clauses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mock_server.contract.messages import Difference

ANY = ""
_BODY: dict[str, tuple[tuple[str, str, str], ...]] = {
    "provision_company": (
        (r"name", ANY, "PROV-08"),
        (r"source", "required", "PROV-09"),
        (r"source", ANY, "PROV-10"),
        (r"external_id", "maxLength", "PROV-13"),
        (r"external_id", ANY, "PROV-12"),
        (r"template_ids.*", ANY, "PROV-15"),
    ),
    "start_import": ((r"files.*", ANY, "IMP-07"), (r"the body", "anyOf", "IMP-06")),
    "decide": (
        (r"decision", "required", "DEC-15"),
        (r"decision", ANY, "DEC-16"),
        (r"answers(\[\d+\])?", "falseSchema", "DEC-21"),
        (r"answers\[\d+\]", "anyOf", "DEC-18"),
        (r"answers\[\d+\]\.custom", "falseSchema", "DEC-18"),
        (r"answers.*", ANY, "DEC-17"),
    ),
    "start_export": ((r"mode", ANY, "DST-02"), (r"selection.*", ANY, "DST-08")),
}
"""By operation: the member's path, the schema's word that it breaks (`ANY`: whichever), the clause."""
OTHERWISE = "ERR-11"


def broken(operation_id: str, differences: Sequence[Difference]) -> str:
    """The clause that the first of the differences breaks."""
    for difference in differences:
        if (clause := of(operation_id, difference)) is not None:
            return clause
    return OTHERWISE


def of(operation_id: str, difference: Difference) -> str | None:
    """The clause that one difference breaks, or None when none is about it alone."""
    for path, rule, clause in _BODY.get(operation_id, ()):
        if re.fullmatch(path, difference.path) and rule in {ANY, difference.rule}:
            return clause
    return None
