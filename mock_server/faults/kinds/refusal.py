"""Faults that keep a call from the service, so that it has no effect: a proxy's page, or a refusal."""

from __future__ import annotations

from mock_server.faults.model import Fault, Reply

TEXTS = {
    429: "Too many requests",  # RATE-02
    500: "something went wrong at Vern; the call was not carried out",
}


class Page(Fault):
    """A proxy answers with a page of HTML."""

    __slots__ = ()

    verb = "page"
    effect = "the call does not arrive; a proxy answers {} with a page of HTML"
    loses = True

    def withhold(self) -> Reply:
        """The proxy's page."""
        return Reply(self.value)


class Error(Fault):
    """The call is refused with the API's error body."""

    __slots__ = ()

    verb = "error"
    effect = "the call is not carried out; the answer is {}"

    def withhold(self) -> Reply:
        """The refusal."""
        return Reply(self.value, TEXTS[self.value])


KINDS = (Page, Error)
