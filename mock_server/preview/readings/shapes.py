"""What a body is: a run as a poll shows it, or a page of the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mock_server.dialects.reading import Answer


def is_run(answer: Answer) -> bool:
    """Whether the body is an import as a poll shows it."""
    if answer.operation == "list_imports":
        return answer.has_json and isinstance(answer.body, dict) and "status" in answer.body
    return answer.operation == "poll_import" and answer.has_json


def is_page(answer: Answer) -> bool:
    """Whether the body is a page of the history, in the mock's own form."""
    return (
        answer.operation == "list_imports"
        and answer.has_json
        and isinstance(answer.body, dict)
        and "runs" in answer.body
    )
