"""What the tests of bad input share: where they go, what a refusal looks like, and that nothing has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Client

    from mock_server.player.transport import Call

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
DEALS = "e90b4f73-2c68-4d5e-a17b-6d8f3e0a9c24"
NOBODY = "00000000-0000-4000-8000-000000000000"
API = "/api/v1"
LIVE = f"{API}/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
DOCS = f"{API}/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
SHEET = "7a1c2b3d-4e5f-4061-8a9b-0c1d2e3f4a5b"
RUN = f"{DOCS}/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
DEDUP = f"{API}/companies/d4cd7c3d-ecd4-4ea8-a9c3-687875edc93c"
RE_PARK = f"{API}/companies/39b5bb3e-35ba-47d5-91be-cc435addce86"
POSTS = {
    "provision_company": f"{API}/companies",
    "request_upload": f"{LIVE}/uploads",
    "start_import": f"{LIVE}/imports",
    "decide": f"{RUN}/decisions",
    "start_export": f"{DOCS}/exports",
}
LIMIT = 4_000
MILLION = "61d0a4c8-3b57-4f2e-8c19-5e7a2b90d6f3"
A_MILLION_ROWS = f"""
title: More rows than any buffer between server and client holds
ready:
  company: {MILLION}
data:
  - sheet: Contacts
    rows: 1000000
run:
  - work: 1s
  - complete:
plays:
  - title: it completes
    steps:
      - start:
      - wait: 1s
      - see: completed
"""


def state(client: Client) -> tuple[object, ...]:
    """All that a caller can see of the session, as it is now, but for the count of calls."""
    seen = [(call.status, call.received) for call in map(client.get, (RUN, f"{DOCS}/imports", f"{LIVE}/imports"))]
    session = client.get("/_mock/session").body  # last: what was looked at is there from then on
    return *seen, {name: value for name, value in session.items() if name != "both_sides"}


def post(client: Client, path: str, raw: bytes) -> Call:
    return client.send("POST", path, raw, {"x-api-key": client.key or "", "content-type": "application/json"})


def refused(call: Call, status: int, *words: str) -> None:
    """It was refused with this status, in a body of one member whose text has these words."""
    assert call.status == status, call.text[:500]
    assert call.media_type == "application/json"
    assert list(call.body) == ["error"]
    for word in words:
        assert word in call.body["error"], call.body["error"][:500]
