"""Generated cells: Faker fills pools of values once, a cell is arithmetic on seed, row number and pool.

A maker is a function from row numbers to texts; the same seed and row always give the same text, and every text
obeys the built-in columns' rules. Faker is imported when the first cell is made, not before: it costs start-up time.
"""

from __future__ import annotations

import unicodedata
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from mock_server.data.rules import alternatives

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mock_server.data.templates import Column

    Maker = Callable[[range], list[str]]

_SIZE = 331  # a prime, so that pools walked with different strides meet late
_STRIDE = 7919  # a prime too, far above any pool's size
_DATES = (date(2019, 1, 1), date(2025, 12, 31))  # fixed, so that the rows are the same on every day
_INDUSTRIES = ("Construction", "Education", "Energy", "Finance", "Health", "Logistics", "Retail", "Software", "Travel")


@lru_cache(maxsize=8)
def _pool(kind: str, seed: int) -> tuple[str, ...]:
    from faker import Faker  # noqa: PLC0415 - heavy, and most servers never generate a row

    fake = Faker("en_US")
    fake.seed_instance(f"{kind} {seed}")
    make: dict[str, Callable[[], str]] = {
        "first": fake.first_name,
        "last": fake.last_name,
        "phone": lambda: str(fake.numerify("+1-555-%##-####")),
        "date": lambda: str(fake.date_between_dates(*_DATES)),
        "title": fake.catch_phrase,
    }
    value = make.get(kind) or getattr(fake, kind)
    return tuple(value() for _ in range(_SIZE))


def cell(make: Maker, row: int) -> str:
    """The maker's cell of one row."""
    return make(range(row, row + 1))[0]


def maker(column: Column, seed: int, linked: Maker | None = None) -> Maker:
    """The maker of a column's cells; `linked` makes the values of the column that it links to."""
    match column.pool:
        case "link":
            return linked or (lambda rows: [""] * len(rows))
        case "choice":
            return _spread(alternatives(column.pattern or "") or ("",), seed)
        case "industry":
            return _spread(_INDUSTRIES, seed)
        case "name":
            first, last = _spread(_pool("first", seed), seed), _walk(_pool("last", seed), seed)
            return lambda rows: [f"{one} {two}" for one, two in zip(first(rows), last(rows), strict=True)]
        case "email":  # they belong to the row's name, differ for every row, and reach nobody
            first = _spread([_plain(name) for name in _pool("first", seed)], seed)
            last = _walk([_plain(name) for name in _pool("last", seed)], seed)
            return lambda rows: [
                f"{one}.{two}{row + 1}@example.com" for row, one, two in zip(rows, first(rows), last(rows), strict=True)
            ]
        case kind if kind.endswith("_unique"):
            value = _spread(_pool(kind.removesuffix("_unique"), seed), seed)
            return lambda rows: [f"{text} {row + 1}" for row, text in zip(rows, value(rows), strict=True)]
        case "amount":
            return lambda rows: [f"{(row * _STRIDE + seed) % 99_991 + 9}.{row * 37 % 100:02d}" for row in rows]
        case "website":
            word = _spread(_pool("word", seed), seed)
            return lambda rows: [
                f"https://www.{name}{row + 1}.example" for row, name in zip(rows, word(rows), strict=True)
            ]
        case kind:
            return _spread(_pool(kind, seed), seed)


def _spread(values: Sequence[str], seed: int) -> Maker:
    count = len(values)
    start = seed % count
    return lambda rows: [values[(row * _STRIDE + start) % count] for row in rows]


def _walk(values: Sequence[str], seed: int) -> Maker:
    """Another walk through a pool than `_spread`'s, so that two pools of names make many pairs."""
    return lambda rows: [values[(row * 31 + row // _SIZE + seed) % _SIZE] for row in rows]


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in letters.lower() if letter.isalnum())
