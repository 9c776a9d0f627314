"""Servers that lie, one file a part of the contract: for every server clause that is checked, at least one."""

from __future__ import annotations

from lies import Liar
from liars.parkings import LIARS as PARKINGS

LIARS: tuple[Liar, ...] = (*PARKINGS,)
