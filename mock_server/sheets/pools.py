"""Generated cells: Faker fills pools of values once, a cell is arithmetic on seed, row number and pool.

A maker is a function from row number to text; the same seed and row number always give the same text, and every text
obeys the built-in columns' rules. Faker is imported when the first cell is made, not before: it costs start-up time.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from mock_server.catalogue import alternatives

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mock_server.catalogue import Column

    Maker = Callable[[int], str]

_SIZE = 331  # a prime, so that pools walked with different strides meet late
_STRIDE = 7919  # a prime too, far above any pool's size
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
        "company": fake.company,
        "date": lambda: str(fake.date_between("-6y", "-1y")),
        "word": fake.word,
        "title": fake.catch_phrase,
        "sentence": fake.sentence,
    }
    return tuple(make[kind]() for _ in range(_SIZE))


def maker(column: Column, seed: int, linked: Maker | None = None) -> Maker:
    """The maker of a column's cells; `linked` makes the values of the column that it links to."""
    match column.pool:
        case "link":
            return linked or (lambda _: "")
        case "choice":
            return _spread(alternatives(column.pattern or "") or ("",), seed)
        case "industry":
            return _spread(_INDUSTRIES, seed)
        case "name":
            first, last = _names(seed)
            return lambda row: f"{first(row)} {last(row)}"
        case "email":
            return _email(seed)
        case "company_unique":
            company = _spread(_pool("company", seed), seed)
            return lambda row: f"{company(row)} {row + 1}"
        case "amount":
            return lambda row: f"{(row * _STRIDE + seed) % 99_991 + 9}.{row * 37 % 100:02d}"
        case "website":
            word = _spread(_pool("word", seed), seed)
            return lambda row: f"https://www.{word(row)}{row + 1}.example"
        case kind:
            return _spread(_pool(kind, seed), seed)


def _spread(values: Sequence[str], seed: int) -> Maker:
    count, start = len(values), seed % len(values)

    def make(row: int) -> str:
        return values[(row * _STRIDE + start) % count]

    return make


def _names(seed: int) -> tuple[Maker, Maker]:
    first, last = _pool("first", seed), _pool("last", seed)
    return (
        _spread(first, seed),
        lambda row: last[(row * 31 + row // _SIZE + seed) % _SIZE],
    )


def _email(seed: int) -> Maker:
    """Addresses that belong to the row's name, differ for every row, and reach nobody."""
    first, last = _names(seed)
    plain = {name: _plain(name) for name in (*_pool("first", seed), *_pool("last", seed))}

    def make(row: int) -> str:
        return f"{plain[first(row)]}.{plain[last(row)]}{row + 1}@example.com"

    return make


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in letters.lower() if letter.isalnum())
