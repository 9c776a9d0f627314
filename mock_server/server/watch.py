"""Watching scenario files: says when one was changed, added or deleted, and what a reload changed.

Files are compared by time and size. It neither loads nor swaps anything itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.scenarios.loader import files_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mock_server.scenarios.model import Scenario

Snapshot = tuple[tuple[str, int, int], ...]


def snapshot(paths: Sequence[Path]) -> Snapshot:
    """Name, time and size of every scenario file under the paths, as they are now."""
    return tuple(entry for path in paths for entry in _entries(path))


def _entries(path: Path) -> Iterator[tuple[str, int, int]]:
    for file in files_of(path) if path.is_dir() else [path]:
        try:
            seen = file.stat()
        except OSError:  # deleted meanwhile: its absence is what the next comparison sees
            continue
        yield str(file), seen.st_mtime_ns, seen.st_size


def changes(before: Mapping[str, Scenario], after: Mapping[str, Scenario]) -> str:
    """What a reload changed, in words."""
    added = sorted(after.keys() - before.keys())
    removed = sorted(before.keys() - after.keys())
    changed = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    parts = [("added", added), ("changed", changed), ("removed", removed)]
    return "; ".join(f"{word} {', '.join(names)}" for word, names in parts if names) or "no scenario changed"
