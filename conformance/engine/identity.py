"""What judged: the suite's version, and digests of the clauses and of the checks, for whoever compares verdicts."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from mock_server.contract.document import data
from mock_server.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

_CONTRACT = ("clauses.yaml", "migration-api.yaml")


@lru_cache(maxsize=1)
def identity() -> Mapping[str, str]:
    """Version, and the digests of what the contract says and of how it is tried."""
    said = b"\n".join(_lines(data("openapi", name)) for name in _CONTRACT)
    tried = b"\n".join(name.encode() + b"\n" + _lines(file) for name, file in sorted(_sources(files("conformance"))))
    return {"version": VERSION, "clauses": sha256(said).hexdigest(), "checks": sha256(tried).hexdigest()}


def _lines(file: Traversable) -> bytes:
    """The file's bytes, however the lines end that a system has given it."""
    return file.read_bytes().replace(b"\r\n", b"\n")


def _sources(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _sources(each, f"{above}{each.name}/")
        elif each.name.endswith(".py"):
            yield f"{above}{each.name}", each
