"""Ids that are the same in every run: UUIDs made from words instead of chance."""

from __future__ import annotations

from hashlib import sha256


def made_uuid(*words: object) -> str:
    """The UUID (in version 4's form, ID-01) that these words always give."""
    digits = sha256("\x1f".join(str(word) for word in words).encode("utf-8", "surrogatepass")).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
