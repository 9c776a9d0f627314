"""Generated cells obey the rules of the columns that they are made for."""

from __future__ import annotations

import datetime
import importlib.util
from typing import TYPE_CHECKING

import faker.providers.date_time
import pytest

from mock_server.contract import document as contract
from mock_server.data.rules import fault
from mock_server.data.templates import Column
from mock_server.data.values import cell, maker
from mock_server.scenarios import loader as loading

if TYPE_CHECKING:
    from types import ModuleType

    from mock_server.data.templates import Template

TEMPLATES = loading.load_catalogue(contract.data("scenarios", "account.yaml")).templates
SEEDS = [0, 1, 7, 20_260_615, 2**63 - 1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_every_generated_cell_obeys_its_column(template: Template, seed: int) -> None:
    for column in template.columns:
        make = maker(column, seed, linked=lambda rows: [f"linked to {row}" for row in rows])
        texts = [*make(range(1_500)), *make(range(9_999_000, 9_999_500))]
        assert {fault(column, text) for text in texts} == {None}, column.name
        assert all(text == text.strip() and text for text in texts), column.name
        if column.unique:
            assert len(set(texts)) == len(texts), column.name


@pytest.mark.parametrize("column", [column for template in TEMPLATES for column in template.columns if column.unique])
def test_unique_columns_are_unique_over_many_rows(column: Column) -> None:
    make = maker(column, 3)
    assert len(set(make(range(50_000)))) == 50_000


def test_an_address_belongs_to_the_name_beside_it() -> None:
    name, email = maker(Column("Name", pool="name"), 5), maker(Column("Email", pool="email"), 5)
    for person, address in zip(name(range(200)), email(range(200)), strict=True):
        assert address.startswith(person.lower().replace(" ", "."))


def test_choices_are_the_patterns_words_all_of_them() -> None:
    make = maker(Column("Status", rule="strict", pattern="^(Open|Closed|Pending)$", pool="choice"), 2)
    assert set(make(range(9))) == {"Open", "Closed", "Pending"}


def test_a_link_without_a_sheet_to_link_to_is_blank() -> None:
    assert maker(Column("Contact Email", rule="link", pool="link"), 2)(range(5, 7)) == ["", ""]


def test_a_cell_is_the_same_made_alone_or_among_others() -> None:
    for template in TEMPLATES:
        for column in template.columns:
            make = maker(column, 8)
            assert make(range(95, 105)) == [cell(make, row) for row in range(95, 105)]
            assert make(range(0)) == []


def a_fresh_copy() -> ModuleType:
    """The module once more, with none of its pools filled."""
    spec = importlib.util.find_spec("mock_server.data.values")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Day(type):
    """A class that every date is taken for an instance of, as it is of the real one."""

    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, datetime.date)


def test_cells_do_not_depend_on_the_day_on_which_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [column for template in TEMPLATES for column in template.columns if column.pool != "link"]
    made = []
    for year in (2026, 2031):

        class Today(datetime.date, metaclass=Day):
            @classmethod
            def today(cls) -> datetime.date:  # type: ignore[override]  # a plain date, not Self
                return datetime.date(year, 3, 4)  # noqa: B023 - called within this turn of the loop

        class Now(datetime.datetime, metaclass=Day):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]  # as above
                return datetime.datetime(year, 3, 4, 5, 6, 7, tzinfo=tz)  # noqa: B023 - as above

        monkeypatch.setattr(faker.providers.date_time, "dtdate", Today)
        monkeypatch.setattr(faker.providers.date_time, "datetime", Now)
        pools = a_fresh_copy()
        made.append({column.name: pools.maker(column, 4)(range(300)) for column in columns})
    assert made[0] == made[1]
