"""How a person names a run of Preview on the command line."""

from __future__ import annotations

import re

FORMS = "poll_url, or COMPANY/RUN"
_FORM = re.compile(r"(?:(?P<origin>[a-z]+://[^/]+)?/\S*?companies/)?(?P<owner>[^/\s]+)/(?:imports/)?(?P<run>[^/\s?]+)")


def run_of(text: str, base_url: str | None) -> tuple[str, str]:
    """The ids of the company and of the run; raises ValueError when it is none, or none of the API at that URL."""
    from conformance.http.messages import base, origin  # noqa: PLC0415 - the command line is there without a client

    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a {FORMS}; got '{text}'")
    if found["origin"] is not None and base_url is not None:
        elsewhere = ValueError(f"expected a run of the target, {base_url}; got one of {found['origin']}")
        try:
            is_there = origin(base(found["origin"])) == origin(base(base_url))
        except ValueError:
            raise elsewhere from None
        if not is_there:
            raise elsewhere
    return found["owner"], found["run"]
