"""Ids that are the same in every run: UUIDs made from words instead of chance."""

from __future__ import annotations

import re
from hashlib import sha256

_STAND_IN = re.compile(r"stand-in-[0-9a-f-]{36}")


def stand_in(key: str) -> str:
    """A key that gives the same ids as this one, and does not tell it: of a stand-in, itself.

    It is what a bundle holds in the place of the key. Whoever can guess a key can see that the guess is right, as from
    any id of the session; nobody can read it off.
    """
    return key if _STAND_IN.fullmatch(key) else f"stand-in-{made_uuid('stand-in', key)}"


def made_uuid(*words: object) -> str:
    """The UUID (in version 4's form, ID-01) that these words always give."""
    digits = sha256("\x1f".join(str(word) for word in words).encode("utf-8", "surrogatepass")).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
