"""Where a rule of the mock stands, so that a liar or an honest server can put another in its place.

A rule is named by reference, so that a type checker and a rename see it: `Account.approve`, `uploaded.proposed`. A name
that another module imports, or a class inherits, is a pair: `(operations, decisions.fixes)` is what `operations` calls
`fixes`. A value that knows no name of its own is a pair with that name: `(lifecycle, "TIMED_OUT")`.
"""

from __future__ import annotations

from functools import reduce
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from mock_server.preview import operations as api

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import pytest

    Named = Callable[..., Any]
    Make = Callable[[Any, pytest.MonkeyPatch], Any]
    Rule = Named | tuple[ModuleType | type, Named | str]


def place(rule: Rule) -> tuple[Any, str]:
    """The module or class that holds a rule, and its name there."""
    if isinstance(rule, tuple):
        holder, named = rule
        name = named if isinstance(named, str) else named.__name__
    else:
        path, _, name = rule.__qualname__.rpartition(".")
        holder = resolve_name(f"{rule.__module__}:{path}")
    if not hasattr(holder, name):
        raise LookupError(f"{holder} has no {name}")
    return holder, name


def put(patch: pytest.MonkeyPatch, rule: Rule, replacement: Any) -> None:
    """Put another in the place of a rule."""
    holder, name = place(rule)
    patch.setattr(holder, name, replacement)


def around(rule: Rule, change: Callable[[Any], Any]) -> Make:
    """Put what `change` makes of a rule in its place, whatever stands there when the server is made."""
    holder, name = place(rule)

    def make(app: Any, patch: pytest.MonkeyPatch) -> Any:
        patch.setattr(holder, name, change(getattr(holder, name)))
        return app

    return make


def handled(operation_id: str, change: Callable[[Any], Any]) -> Make:
    """Put what `change` makes of an operation's handler in its place."""

    def make(app: Any, patch: pytest.MonkeyPatch) -> Any:
        patch.setitem(api.HANDLERS, operation_id, change(api.HANDLERS[operation_id]))
        return app

    return make


def all_of(*makes: Make) -> Make:
    """One after the other."""
    return lambda app, patch: reduce(lambda inner, make: make(inner, patch), makes, app)
