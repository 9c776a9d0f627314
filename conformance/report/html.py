"""The report as one HTML page that needs no script, no network and no wide screen; its form is `page.html.j2`.

It is XML as well, so that one parser can hold every page to it; colours never say what no word says.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import cycle
from typing import TYPE_CHECKING

from conformance.model.results import Outcome, Results
from conformance.report import details, summary
from conformance.report.dispute import dispute
from conformance.verdict import aside, judge
from mock_server.contract import escape

if TYPE_CHECKING:
    from jinja2 import Template

_CODE = re.compile("`([^`]+)`")


def render(results: Results) -> str:
    """The whole page."""
    page: str = _page().render(results=results, verdict=judge(results), excused=aside(results))
    return page


@lru_cache(maxsize=1)
def _page() -> Template:
    import markupsafe  # noqa: PLC0415 - only this report needs it
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - as above

    def code(text: str) -> markupsafe.Markup:
        """A sentence of ours, in which backticks set off what is code."""
        parts = zip(cycle((False, True)), _CODE.split(escape.line(text)), strict=False)
        marked = markupsafe.Markup("<code>{}</code>")
        return markupsafe.Markup().join(marked.format(part) if is_code else part for is_code, part in parts)

    jinja = Environment(
        loader=PackageLoader("conformance.report", "."),
        autoescape=True,
        finalize=lambda value: value if isinstance(value, markupsafe.Markup) else escape.line(str(value)),
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    jinja.filters |= {"code": code, "wire": lambda text: markupsafe.escape(escape.escape(text))}
    signs = {outcome: sign for outcome, (sign, _, _) in summary.SIGNS.items()}
    jinja.globals |= {"summary": summary, "details": details, "dispute": dispute, "signs": signs, "Outcome": Outcome}
    return jinja.get_template("page.html.j2")
