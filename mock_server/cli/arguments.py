"""What the commands share: values in a person's notation, options with their variables, and the way to end.

What cannot be read is a usage error that says what was expected and what came.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from mock_server.contract.escape import escape
from mock_server.kernel.clock import HOUR, SECOND, duration
from mock_server.kernel.settings import KEY

FILES = click.Path(exists=True, readable=True, path_type=Path)
"""Files or folders that are there."""
FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
NARROWEST = 30  # columns that a sentence needs beside others
FASTEST = 10**6
LONGEST = 1_000 * HOUR
_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZE = re.compile(r"([0-9]{1,12}) ?([KMG]?B|)")
_RATE = re.compile(r"([1-9][0-9]{0,8})/min")


def size(text: str) -> int:
    """Bytes of a size such as `10MB`; ValueError with what was expected for any other text."""
    found = _SIZE.fullmatch(text.strip().upper())
    if found is None or int(found[1]) == 0:
        raise ValueError(f"expected a size such as 10MB or 10000000, at least 1; got {text!r}")
    return int(found[1]) * _SIZES[found[2]]


def span(text: str) -> int:
    """Milliseconds of a duration that a server can sensibly wait; ValueError for any other text."""
    value = duration(text)
    if not SECOND <= value <= LONGEST:
        raise ValueError(f"expected a duration from 1s to {LONGEST // HOUR}h; got {text!r}")
    return value


def rate(text: str) -> int | None:
    """Calls a minute of a limit such as `100/min`, None for `off`; ValueError for any other text."""
    if text == "off":
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a limit such as 100/min, or off; got {text!r}")
    return int(found[1])


def speed(text: str) -> float:
    """Session seconds in a real second, 0 for a frozen clock; ValueError for any other text."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= FASTEST:
        raise ValueError(f"expected a number from 0 (frozen) to {FASTEST}, such as 1 or 60; got {text!r}")
    return value


def key(text: str) -> str:
    """An API key; ValueError, which does not show it, for a text that no caller could use as one."""
    if not KEY.fullmatch(text):
        raise ValueError(
            f"expected 4 to 128 characters of A-Z, a-z, 0-9, _, . and -; got {len(text)} characters, not shown here"
        )
    if text.startswith(("invalid", "revoked")):
        raise ValueError("keys that begin with invalid or revoked always get 401")
    return text


def like(form: str, expected: str) -> Callable[[str], str]:
    """What reads a text of this form; ValueError with what was expected for any other text."""

    def read(text: str) -> str:
        if not re.fullmatch(form, text):
            raise ValueError(f"expected {expected}; got {text!r}")
        return text

    return read


_NAME = r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])"
_ORIGIN = rf"[A-Za-z][A-Za-z0-9+.-]*://{_NAME}(?::[0-9]{{1,5}})?"
host_name = like(rf"\*|{_NAME}|[0-9A-Fa-f:.]+", "a host without scheme and port, such as mock.example, or *")
base_url = like(rf"(?=https?:){_ORIGIN}(?:/[A-Za-z0-9_.~-]+)*/?", "a URL such as https://mocks.example/vern")
web_origin = like(rf"\*|null|{_ORIGIN}", "an origin such as http://localhost:3000, without a path, or *")


def dialect(text: str) -> str:
    """The name of a dialect; ValueError with the nearest one for any other text."""
    if text != "documented":  # which every start without the option has; the others are worth an import
        from mock_server.dialects.dialect import UnknownDialect  # noqa: PLC0415 - see above
        from mock_server.preview.readings import DIALECTS  # noqa: PLC0415 - see above

        try:
            DIALECTS.find(text)
        except UnknownDialect as unknown:
            raise ValueError(str(unknown)) from None
    return text


def option(*names: str, reads: Callable[[str], Any] | None = None, **attributes: Any) -> Callable[[Any], Any]:
    """A click option that can also be given as `VERN_MOCK_<NAME>`; the command line wins.

    `reads` turns the text into a value and raises ValueError for one that it does not understand.
    """
    long = next(name for name in names if name.startswith("--"))
    variable = "VERN_MOCK_" + long.removeprefix("--").replace("-", "_").upper()
    if reads is not None:
        attributes.setdefault("metavar", {"size": "SIZE", "span": "DURATION", "dialect": "NAME"}.get(reads.__name__))

        def read(_context: click.Context, _parameter: click.Parameter, given: Any) -> Any:
            try:
                if isinstance(given, tuple):  # an option that may be repeated
                    return tuple(reads(text) for text in given)
                return None if given is None else reads(given)
            except ValueError as error:
                raise click.BadParameter(str(error)) from None

        attributes["callback"] = read
    return click.option(*names, envvar=variable, show_envvar=True, show_default=True, **attributes)


scenario_files = option(
    "--scenarios",
    type=FILES,
    multiple=True,
    help="Add the scenarios of this file or folder; repeat the option for several.",
)


def tell(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text; nothing in it steers the terminal, wherever it came from."""
    click.echo(escape(text), err=err, nl=nl)


def end(message: str, code: int = 2) -> NoReturn:
    """End the command with the message and the exit code."""
    tell(f"vern-mock: {message}", err=True)
    sys.exit(code)


def align(rows: list[tuple[str, ...]], width: int) -> str:
    """The rows as columns of equal width; the last one is wrapped."""
    sizes = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    margin = sum(sizes) + 2 * len(sizes)
    lines = []
    for *cells, sentence in rows:
        first, *rest = textwrap.wrap(sentence, max(NARROWEST, width - margin)) or [""]
        lines.append("".join(f"{cell:{size}}  " for cell, size in zip(cells, sizes, strict=True)) + first)
        lines += [" " * margin + part for part in rest]
    return "\n".join(lines)
