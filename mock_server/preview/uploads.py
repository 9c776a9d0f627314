"""The signed URL to which a file's bytes are put (UPL-02 to UPL-04, OP-04); the URL is the credential."""

from __future__ import annotations

from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

from mock_server.contract.nearest import counted, shown
from mock_server.http.messages import answer, error
from mock_server.kernel.clock import real_time
from mock_server.kernel.errors import Refusal
from mock_server.preview.account import Account, account_of
from mock_server.preview.preconditions import refuse_closed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from mock_server.preview.companies import Upload
    from mock_server.session.exchange import Exchange

PREFIX = "/uploads/"
OPERATION = "put_upload"
"""The operation of a signed URL, which the contract describes and does not list."""
_IN_MEMORY = 1_000_000
_NO_ROOM = (
    "the file could not be kept: {}; make room in the mock's folder for temporary files (TMPDIR), and put it again"
)


def find(account: Account, token: str) -> Mapping[str, str] | None:
    """What the signed URL of this token is about; None when the account does not have it."""
    upload = account.tokens.get(token)
    return None if upload is None else {"company_id": upload.company_id, "upload_ref": upload.ref}


async def put(call: Exchange) -> Response:
    """Take a file, whole or not at all: what breaks off, or does not fit what was declared, leaves the URL unused."""
    if call.scope["method"] != "PUT":
        return error(405, f"{call.scope['method']} is not allowed here; allowed: PUT", {"Allow": "PUT"})
    account, came = account_of(call.session), 0
    upload = account.tokens[call.scope["path"].removeprefix(PREFIX)]
    refuse_closed(upload, call.session.clock.at(real_time()))
    _refuse_other_type(upload, call.header(b"content-type"))
    account.refuse_beyond(int(call.header(b"content-length") or 0))
    # SpooledTemporaryFile is a BinaryIO in all but its declared type.
    file = cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - it lives as long as the session
    try:
        async for piece in call.pieces(call.sessions.settings.max_upload):
            account.refuse_beyond(len(piece))
            account.stored += len(piece)
            came += len(piece)
            file.write(piece)
        file.flush()  # what is not on the disk now would be missed when an import reads it
        if upload.size is not None and came != upload.size:
            raise Refusal(400, f"the file has {counted(came, 'byte')}; its upload was requested for {upload.size}")
        account.receive(call.session.clock.at(real_time()), upload.token, file)
    except BaseException as broken:
        account.stored -= came
        with suppress(OSError):  # of what is still to be written to a full disk
            file.close()
        if isinstance(broken, OSError):
            raise Refusal(507, _NO_ROOM.format(broken.strerror or broken)) from broken
        raise
    return answer({"upload_ref": upload.ref, "size": came})


def _refuse_other_type(upload: Upload, given: str | None) -> None:
    """Refusal 400 unless the Content-Type is the declared one (UPL-02)."""
    if upload.content_type is not None and (given or "").lower() != upload.content_type.lower():
        raise Refusal(400, f"Content-Type must be the declared {upload.content_type!r}; got {shown(given)}", "UPL-02")
