"""Every value in plain words; that no finding speaks Python `judging.on` holds for each server that the tests judge."""

from __future__ import annotations

import ast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import PYTHON
from source_tree import modules

from conformance.model.plain import plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text("ab"),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text("ab") | st.none(), inner),
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("as it is", "as it is"),
        (["Status: 2 of 1"], "Status: 2 of 1"),
        ([True], "true"),
        ([], "nothing"),
        (None, "nothing"),
        (("a", None, ""), 'a; null; ""'),
        ({"a": [True, None, ("x",)]}, '{"a": [true, null, ["x"]]}'),
        ({2, 1}, "1; 2"),
        (b"\xff", "\\xff"),
        (UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (int, "int"),
    ],
)
def test_a_value_is_told_as_people_write_it(value: object, words: str) -> None:
    assert plain(value) == words


@given(VALUES)
def test_no_value_is_told_in_python(value: object) -> None:
    assert not PYTHON.search(plain(value))


NO_FINDINGS = {"preview/cases/layer.py", "preview/checks/imports.py", "preview/checks/uploads.py"}
"""Where such a value makes a path, a file's name or a list of what was left behind."""


def test_no_text_has_a_value_of_an_answer_as_it_is() -> None:
    """What `at` finds may be nothing, or a list: a text says it by `status_of` or `plain`, or names another word."""
    raw = {
        module.place
        for module in modules("conformance")
        for node in module.nodes
        if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Call)
        if ast.unparse(node.value.func) == "at"
    }
    assert raw == NO_FINDINGS
