"""The data that is kept of our own files: never stale, never in the way."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mock_server.contract import cache, document
from mock_server.contract.cache import cached
from mock_server.preview.language import LOADER, load_world
from mock_server.scenarios.loader import ACCOUNT, load_catalogue

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for what is kept."""
    monkeypatch.setattr(cache.__spec__, "cached", str(tmp_path / "__pycache__" / "cache.pyc"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path / "__pycache__"


def test_what_was_made_is_made_again_only_for_other_content(kept: Path, tmp_path: Path) -> None:
    source, made = tmp_path / "a.yaml", iter(range(10))
    source.write_text("one")
    assert [cached("a", [source], lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    source.write_text("two")
    assert [cached("a", [source], lambda: next(made)) for _ in range(3)] == [1, 1, 1]
    assert [each.name for each in kept.iterdir()] == [f"a.{sys.implementation.cache_tag}.data"]


@pytest.mark.parametrize("damage", [b"", b"no data", b"i\x01\x00\x00\x00", b"(\x01\x00\x00\x00N"])
def test_what_was_kept_and_is_damaged_is_made_again(kept: Path, tmp_path: Path, damage: bytes) -> None:
    source = tmp_path / "a.yaml"
    source.write_text("one")
    made = iter(range(10))
    assert cached("a", [source], lambda: next(made)) == 0
    next(kept.iterdir()).write_bytes(damage)
    assert [cached("a", [source], lambda: next(made)) for _ in range(2)] == [1, 1]


def test_nothing_is_written_where_python_writes_no_bytecode_or_cannot(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, made = tmp_path / "a.yaml", iter(range(10))
    source.write_text("one")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert [cached("a", [source], lambda: next(made)) for _ in range(2)] == [0, 1]
    assert not kept.exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    kept.write_text("a file where the folder would be")
    assert cached("a", [source], lambda: 3) == 3
    monkeypatch.setattr(cache.__spec__, "cached", None)
    assert cached("a", [source], lambda: 4) == 4


def test_the_built_in_scenarios_are_on_demand_what_they_are_when_all_are_read() -> None:
    folder = document.data("scenarios")
    read = LOADER.load_paths([folder], load_catalogue(folder / ACCOUNT))
    world = load_world()
    assert dict(world.scenarios) == read
    assert list(world.scenarios) == list(read)
    assert {key: each.name for key, each in world.ready.items()} == {each.ready.id: each.name for each in read.values()}
    assert world.scenarios.get("nothing") is None
    assert len(world.scenarios) == len(world.ready) == len(read)


def test_a_start_that_finds_all_kept_reads_no_yaml() -> None:
    load_world()
    code = (
        "import sys; from mock_server.preview import generation, language; language.load_world(); "
        "print({'yaml', 'jsonschema_rs'} & sys.modules.keys() if not sys.dont_write_bytecode else set())"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
