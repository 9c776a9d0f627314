"""From the bytes of a CSV file to its records: encoding, delimiter, quotes and blanks as everyday files have them.

What RFC 4180 leaves no room for, and still has one meaning alone, is read (docs/decisions/0014); what has none is a
`csv.Error` that names the line.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_DELIMITERS = (";", "\t", "|", ",")
"""Of two that fit alike the first counts: the comma stands most often in texts, too."""
_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before that of UTF-16, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UNSEEN = (
    *((0, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x1680, 0x1680)),
    *((0x180E, 0x180E), (0x2000, 0x200F), (0x2028, 0x202F), (0x205F, 0x206F), (0x2800, 0x2800), (0x3000, 0x3000)),
    *((0x3164, 0x3164), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0)),
)
BLANK = "".join(chr(code) for first, last in _UNSEEN for code in range(first, last + 1))
"""What nobody sees: white space, control characters, and the invisible letters that copying leaves behind."""
_FILLING = "\x00\x1a"  # what old programs write behind the end of a text
_TWICE_A_BOM = "\ufeff".encode().decode("latin-1")  # one that was taken for letters, and written anew
_SEP = re.compile(rf"[{re.escape(BLANK)}\"']*sep=(\\t|[^\"'\r\n])?[\s\"';,|]*", re.IGNORECASE)
_CLOSES = re.compile(r'[^"]*+(?:""[^"]*+)*+"')
_NO_UTF_8 = re.compile(
    rb"(?:[\x80-\xc1\xf5-\xff]|[\xc2-\xdf](?![\x80-\xbf])|[\xe0-\xef](?![\x80-\xbf]{2})|[\xf0-\xf4](?![\x80-\xbf]{3}))+"
)
"""Bytes of which none begins a character: many at a time, for a file in Cyrillic has nothing else.

Not possessive: Python before 3.11.5 goes wrong where such a group has alternatives.
"""
_LONGEST = 1 << 20  # characters of a line or a cell
_WIDEST = 16_384  # columns; no spreadsheet has more
_SEEN = 400  # bytes, for the encoding
_SAMPLE = 50  # lines, for the delimiter; of long ones fewer
_SAMPLE_SIZE = 100_000


def _mend(error: UnicodeError) -> tuple[str, int]:
    """A byte that is no UTF-8 is Windows-1252 where it stands; half a character at the end of another text is none."""
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - only decoding is given this handler
    if error.encoding == "utf-8":
        found = _NO_UTF_8.match(error.object, error.start, len(error.object) - 3)  # what is last may yet become UTF-8
        end = found.end() if found else error.end
        return error.object[error.start : end].decode("cp1252", "replace"), end
    return "" if error.end == len(error.object) else "\ufffd", error.end


codecs.register_error("vern-mock.mend", _mend)


@contextmanager
def text_of(file: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """The file's text, from its beginning; the file stays open."""
    file.seek(0)
    encoding = _encoding(file.read(_SEEN))
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, errors="vern-mock.mend", newline="")
    try:
        yield text
    finally:
        text.detach()


def _encoding(start: bytes) -> str:
    """UTF-16 or UTF-32 where the file begins with its BOM, or has its NULs beside the usual letters; else UTF-8."""
    for mark, name in _BOMS.items():
        if start.startswith(mark):
            return name
    start = start.rstrip(b"\0")
    nuls = [start[at::4].count(0) * 4 / (len(start) or 1) for at in range(4)]
    even, odd = nuls[0] + nuls[2], nuls[1] + nuls[3]
    if min(nuls[2:]) > 0.7 > 2 * nuls[0]:
        return "utf-32-le"
    if min(nuls[:2]) > 0.7 > 2 * nuls[3]:
        return "utf-32-be"
    if max(even, odd) > 0.3 and max(even, odd) > 4 * min(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8-sig"


def records(text: io.TextIOWrapper, likeness: Callable[[Sequence[str]], int]) -> Records | None:
    """The text's records, the header first; None for a text that has none. `likeness` says how good a header is.

    A `sep=` line names the delimiter, else the one counts by which the header is known best, and the rows are as wide
    as it is.
    """
    lines, named = enumerate(_lines(text), 1), None
    for number, line in lines:
        if line.count('"') % 2 == 0 and not line.strip(f'{BLANK}";,|{named or ""}'):
            continue
        if named is None and (found := _SEP.fullmatch(line)):
            named = "\t" if found[1] == r"\t" else found[1] or ""
            continue
        sample, size = [line], len(line)
        for _, more in islice(lines, _SAMPLE if size < _SAMPLE_SIZE else 0):
            sample.append(more)
            size += len(more)
            if size > _SAMPLE_SIZE:
                break
        rest = (more for _, more in lines)
        return Records(chain(sample, rest), named or _delimiter(sample, likeness), number - 1)
    return None


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """The lines of the text with their ends."""
    for number, line in enumerate(iter(lambda: text.readline(_LONGEST), ""), 1):
        whole = line if number > 1 else line.lstrip("\ufeff").removeprefix(_TWICE_A_BOM)
        if line[-1] not in "\r\n":  # the last one, or one that is too long
            whole = whole.rstrip(_FILLING)
            if len(whole) == _LONGEST:
                raise csv.Error(f"line {number} is longer than {_LONGEST} characters")
        if whole:
            yield whole


def _delimiter(sample: Sequence[str], likeness: Callable[[Sequence[str]], int]) -> str:
    def fitness(delimiter: str) -> tuple[int, float, int, bool]:
        found: list[list[str]] = []
        with suppress(csv.Error):
            found.extend(Records(sample, delimiter).rows(_WIDEST))
        found = found or [sample[0].split(delimiter)]  # whose quotes are wrong
        widths = [next((at for at in range(len(each), 0, -1) if each[at - 1].strip(delimiter)), 1) for each in found]
        fit = widths[1:].count(widths[0]) / len(widths)
        return likeness(found[0]), fit, widths[0], (widths[0] == 1) == (delimiter == ",")

    return max(_DELIMITERS, key=fitness)


@lru_cache(maxsize=16)
def _cell(delimiter: str) -> re.Pattern[str]:
    """A cell: in quotes, with what blanks are around it; or bare; or one that is open at the end of the line."""
    blank = "".join(each for each in BLANK if each not in ("\r", "\n", delimiter))
    blank = f"[{re.escape(blank)}]*+"
    inner = r'[^"]*+(?:""[^"]*+)*+'
    end = re.escape(delimiter)
    return re.compile(
        rf'({blank})"({inner})"({blank})(?={end}|\Z)|(?!{blank}")([^{end}]*+)|{blank}"(?P<open>{inner})\Z'
    )


class Records:
    """The records of a text by one delimiter, each a list of cells; blank lines are none."""

    def __init__(self, lines: Iterable[str], delimiter: str, before: int = 0) -> None:
        self._delimiter = delimiter
        self._number = before
        self._lines = self._counted(lines)

    def _counted(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self._number += 1
            yield line

    def header(self) -> list[str]:
        """The first record."""
        names = next(self.rows(_WIDEST), [])
        if len(names) > _WIDEST:
            raise csv.Error(f"it has more than {_WIDEST} columns")
        return names

    def rows(self, width: int, loose: Sequence[int] = ()) -> Iterator[list[str]]:
        """The records that are left, with at least their first `width` cells.

        Blanks around the cells of `loose` columns are none of theirs; nor are those in a row that has them around
        quotes.
        """
        between = f'"{self._delimiter}"'
        for line in self._lines:
            text = line.rstrip("\r\n")
            if '"' not in text:
                cells = text.split(self._delimiter, width) if text.strip(BLANK + self._delimiter) else []
                for at in loose:
                    if at < len(cells):
                        cells[at] = cells[at].strip()
            elif text[0] == '"' == text[-1] != text and text.count('"', 1, -1) == 2 * text.count(between, 1, -1):
                # Every cell is in quotes, and none has one within.
                cells = text[1:-1].split(between, width) if text.replace(between, "").strip(BLANK + '"') else []
            else:
                cells = self._quoted(line, width, loose)
            if cells:
                yield cells

    def _quoted(self, line: str, width: int, loose: Sequence[int]) -> list[str]:
        """The cells of the record that begins with this line, where some are in quotes; [] when all are blank."""
        cells: list[str] = []
        bare: list[int] = []
        pattern, at, opened, filled, around = _cell(self._delimiter), 0, self._number, False, False
        text = line.rstrip("\r\n")
        while at <= len(text):
            found = pattern.match(text, at)
            if found is None:
                raise csv.Error(self._stray(opened))
            if found["open"] is not None:
                line = text[at:] + line[len(line.rstrip("\r\n")) :] + self._closing(opened)
                text, at = line.rstrip("\r\n"), 0
                continue
            before, quoted, after, plain, _ = found.groups()
            at, opened = found.end() + 1, self._number
            content = plain if quoted is None else quoted.replace('""', '"')
            filled = filled or bool(content.strip(BLANK))
            around = around or bool(before or after)
            if len(cells) < width:
                if quoted is None:
                    bare.append(len(cells))
                cells.append(content)
        for each in bare if around else [each for each in loose if each in bare]:
            cells[each] = cells[each].strip()
        return cells if filled else []

    def _closing(self, opened: int) -> str:
        """The lines up to the one that closes a cell which a quote opened."""
        parts, size = [], 0
        for line in self._lines:
            parts.append(line)
            size += len(line)
            if _CLOSES.match(line):
                return "".join(parts)
            if size > _LONGEST:
                break
        what = "never closed" if size <= _LONGEST else f"not closed within {_LONGEST} characters"
        raise csv.Error(f"the quote that opens a cell in line {opened} is {what}")

    def _stray(self, opened: int) -> str:
        where = "" if opened == self._number else f" that line {opened} opens"
        return (
            f"in line {self._number} something follows the closing quote of a cell{where}; "
            'a quote within a cell is written twice: ""'
        )
