"""What was made of our own files, kept beside the modules' bytecode: a start need not read 30 YAML files again.

As bytecode does, it lies in `__pycache__` alone, and is not written where Python writes none. It counts only for files
of the same content, to the byte.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import sys
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any


def cached(name: str, sources: Iterable[Path], make: Callable[[], Any]) -> Any:
    """What `make` makes of the sources: plain data; raises what `make` raises. Our reader's code is a source, too."""
    files = (Path(__file__).with_name("yaml_reader.py"), *sources)
    digest = sha256(b"".join(sha256(each.read_bytes()).digest() for each in files)).digest()
    beside = __spec__.cached
    kept = None if beside is None else Path(beside).with_name(f"{name}.{sys.implementation.cache_tag}.data")
    if kept is not None:
        with contextlib.suppress(OSError, ValueError, TypeError, EOFError):
            known, value = marshal.loads(kept.read_bytes())  # noqa: S302 - as trusted as the bytecode beside it
            if known == digest:
                return value
    value = make()
    if kept is not None and not sys.dont_write_bytecode:
        part = kept.with_name(f"{kept.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            kept.parent.mkdir(exist_ok=True)
            part.write_bytes(marshal.dumps((digest, value)))
            part.replace(kept)
    return value
