"""The names of the dialects: how they are put together and drawn, what the command lists, what the docs tell."""

from __future__ import annotations

import json
import re

import pytest
from commanding import Ran, ran
from hypothesis import given
from hypothesis import strategies as st
from test_docs import POINTS, ROOT, between

from mock_server.cli.main import main
from mock_server.dialects.dialect import TITLES, Dialect, UnknownDialect
from mock_server.preview.readings import DIALECTS

READINGS, dialect = DIALECTS.readings, DIALECTS.find
PAGE = ROOT / "docs/dialects.md"


@given(st.integers(0, 999_999_999))
def test_random_is_the_same_for_the_same_number_and_one_way_each(number: int) -> None:
    drawn = dialect(f"random:{number}")
    assert drawn == dialect(f" RANDOM:{number} ", "other", "words")
    assert len({reading.topic for reading in drawn.readings}) == len(drawn.readings)


def test_random_differs_from_session_to_session_and_can_be_repeated() -> None:
    names = {dialect("random", 0, f"key-{number}").name for number in range(50)}
    assert len(names) == 50
    for name in names:
        assert dialect(name).name == name
    met = {reading for name in names for reading in dialect(name).readings}
    assert met == set(READINGS)


def test_names_are_put_together_and_the_last_way_counts() -> None:
    own = dialect("minimal + silent+talkative")
    assert own.name == "minimal+silent+talkative"
    assert [each.name for each in own.readings] == [
        "bare-company",
        "no-run-id",
        "no-parked-sums",
        "bare-history",
        "nulls-in-catalogue",
        "talkative",
    ]
    assert dialect("documented") == Dialect("documented")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("minmal", "did you mean 'minimal'?"),
        ("minimal+no-runid", "did you mean 'no-run-id'?"),
        ("", "There are: documented, minimal, extended, random, "),
        ("minimal+", "There are: "),
        ("random:", "random:7"),
        ("random:-1", "random:7"),
        ("random:²", "random:7"),
        ("random:1234567890", "at most 9 digits"),
        ("minimal:7", "did you mean 'minimal'?"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_one(name: str, near: str) -> None:
    with pytest.raises(UnknownDialect) as wrong:
        dialect(name)
    assert near in str(wrong.value)


# the command line


def listed(*arguments: str) -> Ran:
    return ran(main, "dialects", *arguments)


def test_the_command_lists_dialects_and_readings() -> None:
    lines = [line.split("\t") for line in listed().stdout.splitlines()]
    assert [line[1] for line in lines if line[0] == "dialect"] == list(TITLES)
    assert [line[1:] for line in lines if line[0] == "reading"] == [[e.name, e.point, e.does] for e in READINGS]
    told = json.loads(listed("--json").stdout)
    assert told["dialects"] == DIALECTS.as_json()


def test_the_command_describes_one() -> None:
    assert json.loads(listed("random:7", "--json").stdout)["readings"] == dialect("random:7").as_json()
    page = listed("minimal").stdout
    assert page.startswith("minimal\n\nREADING")
    assert "no-run-id" in page
    assert "ids-again" not in page
    assert "no reading differs" in listed("documented").stdout


def test_the_command_refuses_an_unknown_name() -> None:
    got = listed("minmal")
    assert (got.returncode, got.stdout) == (2, "")
    assert "did you mean 'minimal'?" in got.stderr


# docs/dialects.md


def test_the_table_of_readings_is_what_there_is() -> None:
    minimal, extended = dialect("minimal"), dialect("extended")
    marks = {each: ("x" * minimal.has(each.name), "x" * extended.has(each.name)) for each in READINGS}
    rows = "".join(f"| `{each.name}` | {each.point} | {' | '.join(marks[each])} | {each.does} |\n" for each in READINGS)
    head = "| reading | point | minimal | extended | a server that has it |\n|---|---|---|---|---|\n"
    assert between(PAGE, "readings") == head + rows


def test_every_open_point_is_read_in_two_ways_or_it_is_said_why_not() -> None:
    points = set(re.findall(r"^\| (OP-\d\d) \|", POINTS.read_text(), re.MULTILINE))
    unchanged = re.findall(r"^\| (OP-\d\d) \|", between(PAGE, "unchanged"), re.MULTILINE)
    assert set(unchanged) == points - {each.point for each in READINGS}
    assert unchanged == sorted(unchanged)


def test_every_dialect_is_told() -> None:
    told = PAGE.read_text().partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE) == list(TITLES)
