"""The reports: all say the same figures, each in its own form."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from reported import exchange, finding, mixed, results

from conformance.model.clauses import server_clauses
from conformance.model.results import Outcome
from conformance.report import github, html, jsonreport, junit, markdown, sarif, summary, terminal
from conformance.verdict import aside, counts, headline
from mock_server.contract.document import data

SCHEMA: dict[str, Any] = json.loads(data("openapi", "results.schema.json").read_text("utf-8"))
XHTML = "{http://www.w3.org/1999/xhtml}"


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode())


# All agree


def by_html(page: str) -> dict[str, int]:
    cells = re.findall(r'<a class="cell ([a-z-]+)"', page)
    return {outcome.word: cells.count(outcome.word.replace(" ", "-")) for outcome in Outcome}


def by_markdown(text: str) -> dict[str, int]:
    head, _, *areas = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.split("\n\n")[2].splitlines()]
    return {word: sum(int(row[place] or 0) for row in areas) for place, word in enumerate(head) if place}


def by_terminal(text: str) -> dict[str, int]:
    matrix = text.partition("Clauses\n")[2].partition("\n\n")[0]
    marks = "".join(re.findall(r"^ {2}(?:[A-Z]+ *| {8})([.FE?s-]+)", matrix, re.MULTILINE))
    return {outcome.word: marks.count(terminal.MARKS[outcome]) for outcome in Outcome}


def test_all_reports_agree_on_the_counts() -> None:
    run = mixed()
    found = {outcome.word: counts(run.results)[outcome] for outcome in Outcome}
    assert sum(found.values()) == len(server_clauses())
    assert json.loads(jsonreport.render(run))["verdict"]["counts"] == found
    assert by_html(html.render(run)) == found
    assert by_markdown(markdown.render(run)) == found
    assert by_terminal(terminal.render(run)) == found
    suite = parsed(junit.render(run)).find("testsuite")
    assert suite is not None
    assert len(suite.findall("testcase")) == int(suite.attrib["tests"]) == len(run.results)
    excused = sum(result.outcome is Outcome.FAILED and result.clause in aside(run) for result in run.results)
    assert excused, "some should clause fails"
    assert len(suite.findall("*/failure")) == int(suite.attrib["failures"]) == found["failed"] - excused
    assert len(suite.findall("*/error")) == int(suite.attrib["errors"]) == found["error"]
    skipped = found["skipped"] + found["inconclusive"] + found["not applicable"] + excused
    assert len(suite.findall("*/skipped")) == int(suite.attrib["skipped"]) == skipped


def test_all_reports_say_the_verdict_in_the_same_words() -> None:
    run = mixed()
    said = headline(run)
    assert said in junit.render(run)
    assert said in html.render(run)
    assert f"**{said}**" in markdown.render(run)
    assert said in " ".join(terminal.render(run).split())
    assert said == json.loads(jsonreport.render(run))["verdict"]["headline"]


@pytest.mark.parametrize(
    ("members", "message", "color"),
    [
        ({}, "failed, N of N must clauses", "red"),
        ({"interrupted": True}, "interrupted", "lightgrey"),
        ({"unreachable": "refused"}, "unreachable", "lightgrey"),
    ],
)
def test_the_badge_says_the_verdict(members: dict[str, Any], message: str, color: str) -> None:
    found = json.loads(jsonreport.badge(results(**{"results": mixed().results} | members)))
    assert found["schemaVersion"] == 1
    assert re.sub(r"\d+", "N", found["message"]) == message
    assert found["color"] == color


def test_the_badge_is_green_or_orange_where_nothing_failed() -> None:
    passed = results(*(finding(clause, Outcome.PASSED) for clause in server_clauses()))
    musts = sum(clause.level == "must" for clause in server_clauses().values())
    assert json.loads(jsonreport.badge(passed)) == {
        "schemaVersion": 1,
        "label": jsonreport.LABEL,
        "message": f"{musts} of {musts} must clauses",
        "color": "brightgreen",
    }
    assert json.loads(jsonreport.badge(results()))["message"] == "incomplete, 0 of 0 must clauses"


# The terminal


def test_an_unreachable_target_is_an_error_in_junit() -> None:
    suite = parsed(junit.render(results(results=(), unreachable="refused"))).find("testsuite")
    assert suite is not None
    assert (suite.attrib["tests"], suite.attrib["errors"]) == ("1", "1")
    assert "refused" in str(suite.findall("testcase/error")[0].text)


def test_the_schema_describes_every_member_and_fits_every_report() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    bare = [where for where, schema in members_of(SCHEMA) if "description" not in schema and "$ref" not in schema]
    assert bare == []
    for run in (mixed(), results(results=()), results(unreachable="x", interrupted=True)):
        jsonschema.validate(json.loads(jsonreport.render(run)), SCHEMA)


def members_of(schema: dict[str, Any], where: str = "") -> list[tuple[str, dict[str, Any]]]:
    inner = schema.get("properties", {}) | schema.get("definitions", {})
    found = [(f"{where}/{name}", each) for name, each in inner.items()]
    return found + [deeper for name, each in inner.items() for deeper in members_of(each, f"{where}/{name}")]


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 2}', "null"])
def test_what_is_no_report_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(ValueError, match="no report of vern-conformance --json: "):
        jsonreport.from_json(text)


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    page = html.render(mixed())
    assert re.findall(r"<(?:script|link|img|iframe)|url\(|@import| on\w+=", page) == []
    assert {target[0] for target in re.findall(r'(?:href|src)="([^"]*)"', page)} == {"#"}
    assert "default-src 'none'" in page


def test_every_link_of_the_page_leads_somewhere() -> None:
    root = parsed(html.render(mixed()).partition("\n")[2])
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids)) == len(server_clauses()) + len(summary.faults(mixed()))
    assert {link.attrib["href"].removeprefix("#") for link in root.iter(f"{XHTML}a")} <= set(ids)


def test_the_markdown_stays_under_its_bound_and_says_what_it_leaves_out() -> None:
    long = finding("DEC-04", Outcome.FAILED, got="g" * 9_000, exchanges=(exchange(body="é" * 90_000),) * 9)
    text = markdown.render(results(*(finding(c, Outcome.FAILED, exchanges=long.exchanges) for c in server_clauses())))
    assert 100_000 < len(text.encode()) <= markdown.MOST_BYTES
    assert re.search(r"This report is cut short by \d+ parts", text.splitlines()[-1])
    assert "### Not judged" in markdown.render(mixed())


# What is short, and what machines show


def test_the_page_begins_with_the_overview() -> None:
    page = html.render(mixed())
    places = [
        page.index(f"<h2>{each}") for each in ("Mend first", "To be mended", "Overview", "Faults", "Every clause")
    ]
    assert places == sorted(places)


def test_sarif_has_a_rule_for_each_clause_and_a_result_for_each_failure() -> None:
    run = mixed()
    (only,) = json.loads(sarif.render(run))["runs"]
    assert [each["id"] for each in only["tool"]["driver"]["rules"]] == [each.clause for each in run.results]
    failing = {each.clause: each.level for each in run.results if each.outcome is Outcome.FAILED}
    levels = {each["ruleId"]: each["level"] for each in only["results"]}
    assert levels == {clause: "error" if level == "must" else "warning" for clause, level in failing.items()}
    assert {each["ruleId"] for each in only["results"] if "suppressions" in each} == set(aside(run))
    lines = data("openapi", "clauses.yaml").read_text("utf-8").splitlines()
    for each in only["results"]:
        where = each["locations"][0]["physicalLocation"]
        assert lines[where["region"]["startLine"] - 1] == f"  - id: {each['ruleId']}"
        assert each["message"]["text"]
    (invocation,) = only["invocations"]
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (1, True)


def test_annotations_are_a_line_for_each_fault_and_one_for_the_verdict() -> None:
    run = mixed()
    lines = github.render(run).splitlines()
    pattern = re.compile(r"::(error|notice) title=([^:,]+)::(.+)")
    found = [match.groups() for match in map(pattern.fullmatch, lines) if match]
    assert len(found) == len(lines) == len(summary.faults(run)) + 1
    assert {title.split()[0] for word, title, _ in found[:-1] if word == "notice"} == set(aside(run))
    assert headline(run).replace("%", "%25") in found[-1][2]
