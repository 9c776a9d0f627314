"""The reports of any results: no text of a target breaks one, steers a terminal or adds an element."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_reports import XHTML, parsed

from conformance.model.results import Exchange, Finding, Outcome, Result, Results
from conformance.report import github, html, jsonreport, junit, markdown, sarif, summary, terminal
from conformance.verdict import judge
from mock_server.contract.escape import cut, escape, line

EVIL = "<script>alert(1)</script> | `x` \x1b[31m \x00 ]]> &amp; **b** \ud800 \u202e </pre></details>\n\n# h\r\n- l"

law = settings(deadline=None, max_examples=40)

texts = st.text(st.characters(), max_size=30) | st.sampled_from(
    [EVIL, "", "]]>", "\\", "|", "\n\n", "    code", "12. a"]
)
maps = st.dictionaries(st.sampled_from(["a", "x-é", "<b>|", "DEC-04"]), texts, max_size=2)
exchanges = st.builds(
    Exchange,
    number=st.integers(0, 999),
    operation=st.none() | texts,
    method=texts,
    url=texts,
    request_headers=maps,
    request_body=st.none() | texts,
    status=st.none() | st.integers(100, 599),
    headers=maps,
    body=texts,
    problem=st.none() | texts,
    milliseconds=st.integers(0, 10**6),
    curl=texts,
)
outcomes = st.sampled_from(Outcome)
findings = st.builds(
    Finding, texts, outcomes, texts, texts, texts, texts, texts, st.lists(exchanges, max_size=2).map(tuple), texts
)
all_results = st.builds(
    Results,
    target=texts,
    contract=texts,
    profile=texts,
    seed=st.integers(0, 2**32),
    started=texts,
    seconds=st.floats(0, 1e6),
    requests=st.integers(0, 10**6),
    results=st.lists(
        st.builds(
            Result,
            texts,
            st.sampled_from(["must", "should"]),
            texts,
            outcomes,
            st.lists(findings, max_size=3).map(tuple),
        ),
        max_size=4,
        unique_by=lambda result: result.clause,
    ).map(tuple),
    readings=maps,
    left_behind=st.lists(texts, max_size=2).map(tuple),
    interrupted=st.booleans(),
    unreachable=st.none() | texts,
    settings=st.fixed_dictionaries(
        {}, optional={"level": st.sampled_from(["must", "should"]), "expected_failures": maps}
    ),
)


@law
@given(all_results)
def test_a_junit_report_is_red_exactly_when_the_exit_code_is_not_0(run: Results) -> None:
    suite = parsed(junit.render(run)).find("testsuite")
    assert suite is not None
    cases, red = suite.findall("testcase"), [*suite.findall("*/failure"), *suite.findall("*/error")]
    assert bool(red) == (judge(run).code != 0)
    assert len(cases) - len(run.results) == sum(case.attrib["classname"] == "VERDICT" for case in cases)


@law
@given(all_results)
def test_any_results_make_a_page_with_no_element_but_ours(run: Results) -> None:
    root = parsed(html.render(run).partition("\n")[2])
    ours = (
        "html head meta title style body main header h1 h2 h3 h4 p ul li dl div dt dd b a small span pre details code "
    )
    ours += "summary article section table thead tbody tr th td"
    assert {element.tag.removeprefix(XHTML) for element in root.iter()} <= set(ours.split())


@law
@given(all_results)
def test_any_results_come_back_from_json(run: Results) -> None:
    text = jsonreport.render(run)
    back = jsonreport.from_json(text.encode())
    assert jsonreport.render(back) == text
    assert "\ufffd" in text or (back == run and judge(back) == judge(run))


@law
@given(all_results)
def test_any_results_make_lines_that_steer_no_terminal(run: Results) -> None:
    text = terminal.render(run)
    assert re.findall("[^\n\t\x20-\x7e\xa0-\U0010ffff]|[\ud800-\udfff\u202a-\u202e]", text) == []
    assert text.encode()
    assert terminal.render(run, colour=True)
    assert json.loads(jsonreport.badge(run))


PARSER = MarkdownIt("commonmark").enable("table")


@law
@given(all_results)
def test_any_results_make_markdown_that_holds_no_markup_but_ours(run: Results) -> None:
    text = markdown.render(run)
    assert len(text.encode()) <= markdown.MOST_BYTES
    page = PARSER.render(text)
    shown = len(summary.faults(run)) + sum(each.exchange is not None for each in summary.unverified(run))
    assert page.count("<details>") == page.count("</details>") == shown
    assert page.count("<pre>") == page.count("</pre>")
    used = set(re.findall(r"<(\w+)", re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)))
    ours = "h2 h3 p strong table thead tbody tr th td ul li details summary b pre"
    assert used <= set(ours.split())
    assert page.count("<h2>") == 1


@given(texts)
def test_legible_text_says_the_same_twice(text: str) -> None:
    assert escape(escape(text)) == escape(text)
    assert "\n" not in line(text)
    assert line(line(text)) == line(text)


def test_text_is_shown_with_codes_for_what_steers() -> None:
    assert escape("a\x1b[1m\x00\r\n\tb\ud800\u202e\x85é😀") == "a\\x1b[1m\\x00\n\tb\\ud800\\u202e\\x85é😀"
    assert cut("abcdef", 4) == "abcd… (2 more characters)"
    assert cut("abcd", 4) == "abcd"


@given(all_results)
def test_any_results_make_json_and_lines_that_hold_no_command_but_ours(run: Results) -> None:
    json.loads(sarif.render(run).encode())
    lines = github.render(run).splitlines()
    assert len(lines) == len(summary.faults(run)) + 1
    assert all(each.startswith(("::error title=", "::notice title=")) for each in lines)
