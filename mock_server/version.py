"""What the program is called and which version runs."""

from __future__ import annotations


def version() -> str:
    """The installed version; `unreleased` in a checkout that was never installed."""
    from importlib import metadata  # noqa: PLC0415 - slow to import, and most commands never ask

    try:
        return metadata.version("vern-mock")
    except metadata.PackageNotFoundError:
        return "unreleased"
