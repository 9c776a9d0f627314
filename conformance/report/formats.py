"""The formats in which a run's results are written: a format is added here, as a function of a module of its own."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.model.results import Results

FORMATS = {
    "junit": ("junit.render", "Write a JUnit report with a test case for each clause."),
    "json": ("jsonreport.render", "Write everything as JSON, by a published schema."),
    "html": ("html.render", "Write one HTML page that needs no other file."),
    "markdown": ("markdown.render", "Write a Markdown summary for the page of a CI job."),
    "sarif": ("sarif.render", "Write SARIF 2.1.0, for code scanning: a result for each failed clause."),
    "github": ("github.render", "Write annotations of GitHub Actions, one for each failed clause."),
    "badge": ("jsonreport.badge", "Write the JSON that a shields.io endpoint badge reads."),
}
"""The function that renders each format, and what its option does."""


def render(name: str, results: Results) -> str:
    """The results in that format; its module is imported only now, for some import a lot."""
    module, _, function = FORMATS[name][0].partition(".")
    text: str = getattr(import_module(f"conformance.report.{module}"), function)(results)
    return text
