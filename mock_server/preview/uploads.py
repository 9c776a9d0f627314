"""The signed URL to which a file's bytes are put (UPL-02 to UPL-04, OP-04); the URL is the credential."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, cast

from mock_server.http.messages import answer, busy, error, header, pieces
from mock_server.kernel.clock import real_time
from mock_server.preview.account import Refusal
from mock_server.preview.preconditions import refuse_closed

if TYPE_CHECKING:
    from typing import BinaryIO

    from starlette.responses import Response
    from starlette.types import Receive, Scope

    from mock_server.preview.account import Upload
    from mock_server.preview.session import Session

PREFIX = "/uploads/"
_IN_MEMORY = 1_000_000


async def put(session: Session, upload: Upload, scope: Scope, receive: Receive) -> Response:
    """Take a file, whole or not at all: what breaks off, or does not fit what was declared, leaves the URL unused."""
    if scope["method"] != "PUT":
        return error(405, f"{scope['method']} is not allowed here; allowed: PUT", {"Allow": "PUT"})
    refuse_closed(upload, session.clock.at(real_time()))
    _refuse_other_type(upload, header(scope, b"content-type"))
    with busy(session):
        size = await _taken(session, upload, scope, receive)
    return answer({"upload_ref": upload.ref, "size": size})


async def _taken(session: Session, upload: Upload, scope: Scope, receive: Receive) -> int:
    """Put the body into a file of the upload's; how many bytes it has."""
    # SpooledTemporaryFile is a BinaryIO in all but its declared type.
    file = cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - it lives as long as the session
    try:
        async for piece in pieces(scope, receive, session.settings.max_upload):
            file.write(piece)
        size = file.tell()
        if upload.size is not None and size != upload.size:
            raise Refusal(400, f"the file has {size} bytes; its upload was requested for {upload.size}")
        session.receive(upload, file, session.clock.at(real_time()))
    except BaseException:
        file.close()
        raise
    return size


def without_token(path: str) -> str:
    """The path as a log may show it: the token of a signed URL is a credential."""
    return f"{PREFIX}…" if path.startswith(PREFIX) else path


def _refuse_other_type(upload: Upload, given: str | None) -> None:
    """Refusal 400 unless the Content-Type is the declared one (UPL-02)."""
    if upload.content_type is not None and (given or "").lower() != upload.content_type.lower():
        raise Refusal(400, f"Content-Type must be the declared {upload.content_type!r}; got {given!r}", "UPL-02")
