"""The `Prefer` header: commas and semicolons part preferences and parameters, but not within quotes (RFC 7240)."""

from __future__ import annotations

import pytest

from mock_server.http.prefer import preferences


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("scenario=park", "park"),
        ('respond-async, Scenario = "park" ; strict', "park"),
        ("scenario=park, scenario=reject", "park"),
        ('x="a,scenario=reject", scenario=park', "park"),
        ('x="a\\",scenario=reject", scenario=park', "park"),
        ('x=1;y=";,scenario=reject", scenario=park', "park"),
        ('scenario="a;b,c"', "a;b,c"),
        ("scenario", ""),
        ('x="scenario=park', None),
        (",;=,", None),
        ("", None),
        ("wait=5", None),
    ],
)
def test_the_first_preference_of_the_name_counts(header: str, value: str | None) -> None:
    assert preferences({"type": "http", "headers": [(b"prefer", header.encode())]}).get("scenario") == value


def test_other_headers_do_not_count_and_several_prefer_headers_do() -> None:
    headers = [(b"x-prefer", b"scenario=a"), (b"prefer", b"wait=5"), (b"prefer", b"scenario=park")]
    assert preferences({"type": "http", "headers": headers}).get("scenario") == "park"
