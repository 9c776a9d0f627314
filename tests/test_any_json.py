"""Whatever JSON is sent: a documented answer, never a failure of ours, no change by a refused call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from conftest import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusals import (
    DEALS,
    POSTS,
    SOURCE,
    post,
    refused,
    state,
)

if TYPE_CHECKING:
    from mock_server.player.process import Process


WORDS = st.sampled_from(
    ["", "approve", "reject", "fq0", "a", "full", "canary", "Email", "acme", SOURCE, DEALS, "\0", "\ud800"]
)
NUMBERS = st.one_of(st.integers(), st.integers(min_value=10**18, max_value=10**40), st.floats(allow_nan=False))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS, st.text(max_size=20))
MEMBERS = {"name", "source", "external_id", "template_ids", "connections", "destination", "content_type", "size"}
MEMBERS |= {"files", "rows", "idempotency_key", "upload_ref", "decision", "answers", "question_id", "option_id"}
MEMBERS |= {"custom", "mode", "selection", "row_filter", "Email", "Status"}
NAMES = st.sampled_from(sorted(MEMBERS))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=8,
)
ANSWERS = st.fixed_dictionaries(
    {}, optional={"question_id": WORDS, "option_id": WORDS, "custom": st.text(max_size=5), "Email": SCALARS}
)
NEARLY: dict[str, st.SearchStrategy[Any]] = {
    "provision_company": st.fixed_dictionaries(
        {"name": WORDS, "source": st.just(SOURCE)},
        optional={"external_id": WORDS, "template_ids": st.lists(WORDS, max_size=2), "connections": VALUES},
    ),
    "request_upload": st.fixed_dictionaries({"name": WORDS}, optional={"size": NUMBERS, "content_type": SCALARS}),
    "start_import": st.fixed_dictionaries(
        {"rows": st.lists(st.dictionaries(st.one_of(NAMES, WORDS), SCALARS, max_size=3), max_size=3)},
        optional={"idempotency_key": WORDS, "files": VALUES},
    ),
    "decide": st.fixed_dictionaries({"decision": WORDS}, optional={"answers": st.lists(ANSWERS, max_size=3)}),
    "start_export": st.fixed_dictionaries(
        {}, optional={"mode": WORDS, "selection": st.dictionaries(NAMES, VALUES, max_size=2), "idempotency_key": WORDS}
    ),
}


@pytest.mark.parametrize("operation_id", POSTS)
def test_no_json_body_gets_an_undocumented_answer_or_changes_what_it_may_not(small: Process, operation_id: str) -> None:
    client = Client(small.url, f"fuzz-{uuid4()}")

    @settings(max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(body=st.one_of(NEARLY[operation_id], VALUES))
    def answers(body: object) -> None:
        client.delete("/_mock/session")
        before = state(client)
        call = post(client, POSTS[operation_id], json.dumps(body).encode())
        assert call.status < 500
        if call.status >= 400:
            refused(call, call.status)
            assert state(client) == before

    answers()
    client.close()
