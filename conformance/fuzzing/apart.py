"""Drawing apart from everything that Schemathesis and Hypothesis are told elsewhere.

The rule that it keeps: what is drawn depends on the contract and the seed. No file, variable, profile, hook or plugin
of the caller's has a say, nor a word in their code (Hypothesis draws those, too), and nothing is left behind.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

_OTHERS, _NO_PLUGINS = ("HYPOTHESIS_", "SCHEMATHESIS_"), "HYPOTHESIS_NO_PLUGINS"


@contextmanager
def apart() -> Iterator[None]:
    """Within this block Schemathesis and Hypothesis are as they come; imported for the first time, they stay so."""
    others = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_OTHERS)}
    os.environ[_NO_PLUGINS] = "1"
    try:
        Path.cwd()
    except OSError:  # somebody has removed the current folder, and Hypothesis asks for its name
        os.chdir(gettempdir())
    with TemporaryDirectory(prefix="vern-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        stack.callback(os.environ.update, others)
        stack.callback(os.environ.pop, _NO_PLUGINS)
        from hypothesis import configuration  # noqa: PLC0415 - slow to import, and not needed without this layer
        from hypothesis.internal.conjecture import providers  # noqa: PLC0415 - as above
        from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER  # noqa: PLC0415 - as above

        none, known = type(providers.GLOBAL_CONSTANTS)(), providers.CONSTANTS_CACHE.cache
        stack.enter_context(_swapped(configuration, "__hypothesis_home_directory", Path(folder)))
        stack.enter_context(_swapped(providers, "_get_local_constants", lambda: none))
        stack.enter_context(_swapped(GLOBAL_HOOK_DISPATCHER, "_hooks", defaultdict(list)))
        known.clear()
        stack.callback(known.clear)
        yield


@contextmanager
def _swapped(holder: Any, name: str, value: Any) -> Iterator[None]:
    """Within this block the holder has another value under the name; a version of it without such a name keeps none."""
    had, before = hasattr(holder, name), getattr(holder, name, None)
    setattr(holder, name, value)
    try:
        yield
    finally:
        if had:
            setattr(holder, name, before)
        else:
            delattr(holder, name)


def read(document: Mapping[str, Any]) -> Any:
    """The document as Schemathesis has it."""
    from schemathesis import openapi  # noqa: PLC0415 - as above
    from schemathesis.config import SchemathesisConfig  # noqa: PLC0415 - as above

    return openapi.from_dict(dict(document), config=SchemathesisConfig())


def settings(count: int, steps: int = 1) -> Any:
    """Hypothesis' settings for drawing alone: nothing is kept, nothing is timed, nothing is shrunk.

    Each is said, since what is not comes from the caller's profile (or from that for CI, by which no seed counts).
    """
    from hypothesis import HealthCheck, Phase, Verbosity, settings  # noqa: PLC0415 - as above

    return settings(
        max_examples=count,
        derandomize=False,
        database=None,
        verbosity=Verbosity.normal,
        phases=[Phase.generate],
        stateful_step_count=steps,
        report_multiple_bugs=True,
        suppress_health_check=list(HealthCheck),
        deadline=None,
        print_blob=False,
        backend="hypothesis",
    )
