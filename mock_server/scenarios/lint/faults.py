"""Faults: their members do not contradict each other, and each can bend what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.kernel.clock import MINUTE
from mock_server.scenarios.model import BENDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.contract.yaml_file import Complaint, Document, Place
    from mock_server.scenarios.model import Fault

LONGEST = 10 * MINUTE
"""So long an answer can be held back at most: whoever waits for more has given up."""
ABOUT_A_RUN = ("poll_import", "decide", "poll_export")
_WHICH = ("call", "every", "chance")


def lint(faults: Sequence[Fault], document: Document) -> Iterator[Complaint]:
    """What is wrong with the meaning of well-formed faults."""
    for index, fault in enumerate(faults):
        place: Place = ("faults", index)
        yield from _together(fault, document, place)
        yield from _lasting(fault, document, place)
        yield from _about(fault, document, place)


def _together(fault: Fault, document: Document, place: Place) -> Iterator[Complaint]:
    given = [name for name in _WHICH if getattr(fault, name) is not None]
    for name in given[1:]:
        text = f"'{given[0]}' and '{name}' say two things about which calls; give one of {', '.join(_WHICH)}"
        yield document.complain("E351", (*place, name), text, key=True)


def _lasting(fault: Fault, document: Document, place: Place) -> Iterator[Complaint]:
    if fault.what not in {"delay", "dribble"} or not isinstance(fault.how, int):
        return
    longest = fault.how if fault.up_to is None else fault.up_to
    if longest < fault.how:
        text = f"'up_to' is the longest delay, and shorter than 'delay' here: {longest} ms, {fault.how} ms"
        yield document.complain("E351", (*place, "up_to"), text)
    elif longest > LONGEST:
        name = fault.what if fault.up_to is None else "up_to"
        yield document.complain("E351", (*place, name), f"'{name}': expected at most 10m, got {longest} ms")


def _about(fault: Fault, document: Document, place: Place) -> Iterator[Complaint]:
    bends = BENDS.get(fault.what)
    if bends is not None and fault.operation is not None and fault.operation not in bends:
        text = f"'{fault.what}' cannot bend {fault.operation}; it can: {', '.join(bends)}"
        yield document.complain("E352", (*place, "operation"), text)
    elif fault.status is not None and fault.operation not in {None, *ABOUT_A_RUN}:
        text = f"'while' is about a run, and {fault.operation} names none; these do: {', '.join(ABOUT_A_RUN)}"
        yield document.complain("E352", (*place, "while"), text, key=True)
