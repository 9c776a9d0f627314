"""Where the wrong rows of a generated sheet are: distinct, apart, and found from either side."""

from __future__ import annotations

from itertools import pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.data.generated import Layout

law = settings(deadline=None, max_examples=20)

sizes = st.lists(st.integers(0, 40), min_size=1, max_size=5).map(tuple)


@law
@given(sizes, st.integers(2, 8), st.integers(0, 50))
def test_wrong_rows_are_distinct_and_never_side_by_side(sizes: tuple[int, ...], spread: int, more: int) -> None:
    layout = Layout(sum(sizes) * spread + more, sizes)
    rows = [layout.row(slot) for slot in range(layout.slots)]
    assert all(second - first >= 2 for first, second in pairwise(rows))
    assert all(1 <= row < layout.rows for row in rows)


@law
@given(sizes, st.integers(0, 50))
def test_wrong_rows_are_distinct_as_long_as_there_are_rows_enough(sizes: tuple[int, ...], more: int) -> None:
    layout = Layout(sum(sizes) + more, sizes)
    rows = [layout.row(slot) for slot in range(layout.slots)]
    assert rows == sorted(set(rows))
    assert all(0 <= row < layout.rows for row in rows)


@law
@given(sizes)
def test_every_slot_belongs_to_one_member_of_one_group(sizes: tuple[int, ...]) -> None:
    layout = Layout(2 * sum(sizes), sizes)
    if not layout.slots:
        return
    ends = [sum(sizes[: each + 1]) for each in range(len(sizes))]
    members = [layout.member(slot, layout.stride, ends) for slot in range(layout.slots)]
    assert sorted(members) == [(group, number) for group, size in enumerate(sizes) for number in range(size)]
    assert [layout.slot(*member) for member in members] == list(range(layout.slots))


@law
@given(sizes, st.integers(2, 6), st.integers(1, 20))
def test_the_wrong_rows_of_any_stretch_are_found_and_the_row_above_each_is_right(
    sizes: tuple[int, ...], spread: int, more: int
) -> None:
    layout = Layout(sum(sizes) * spread + more, sizes)
    wrong = [layout.row(slot) for slot in range(layout.slots)]
    assert not {row - 1 for row in wrong} & {*wrong, -1}
    for start, length in product(range(layout.rows), (0, 1, 2, 7, layout.rows)):
        stretch = range(start, min(start + length, layout.rows))
        assert list(layout.wrong(stretch)) == [row for row in wrong if row in stretch]
