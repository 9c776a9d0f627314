"""Clients that do one thing wrong each, and everything else well: what the report card has to find, and no more.

A sloppy client is a function of a `Desk`: a company, the API, and the exemplary client, who does the rest. Its name is
the code of the rule that it breaks, with underscores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

from clients.desk import ROWS, Desk
from clients.exemplary import FIRST, GROWTH

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = b"Email\nada@example.com\n"
# -- the key


def no_key(desk: Desk) -> None:
    httpx2.get(f"{desk.partner.origin}/api/v1{desk.imports}", headers={"authorization": f"Bearer {desk.key}"})


def key_in_url(desk: Desk) -> None:
    desk.call("GET", "/sources", params={"api_key": desk.key})


def key_in_browser(desk: Desk) -> None:
    desk.call("GET", "/sources", headers={"origin": "http://localhost:3000", "sec-fetch-site": "cross-site"})


def repeats_after_401(desk: Desk) -> None:
    for _ in range(3):
        desk.call("GET", desk.imports, headers={"x-api-key": "revoked-key"})
        desk.partner.wait(2)


# -- refusals, and paths


def loops_on_400(desk: Desk) -> None:
    for pause in (1.0, 2.0, 4.0):
        desk.post("k1", rows="all of them")
        desk.partner.wait(pause)


def lost_provision_not_recovered(desk: Desk) -> None:
    desk.fault(lose="reset", operation="provision_company", times=1)
    source = desk.call("GET", "/sources").json()["sources"][0]["id"]
    wanted = {"name": "Branch", "source": source, "external_id": "park--branch"}
    for changed in ({}, {}, {"name": "Branch (2)", "external_id": "park--branch-2"}):
        desk.sent("POST", "/companies", json=wanted | changed)
        desk.partner.wait(2)


def company_id_changed(desk: Desk) -> None:
    desk.call("GET", f"/companies/{desk.external_id}/imports")


def poll_url_misresolved(desk: Desk) -> None:
    run = desk.start()
    desk.partner.wait(2)
    desk.call("GET", httpx2.URL(run.url).path)  # behind a base URL that ends in /api/v1
    desk.done(run)


def poll_url_unused(desk: Desk) -> None:
    desk.start()
    interval = FIRST
    while "run" not in desk.call("GET", desk.imports, params={"status": "active"}).json():
        desk.partner.wait(interval)
        interval *= GROWTH


def answers_at_poll_url(desk: Desk) -> None:
    run = desk.start()
    desk.parked(run)
    desk.call("POST", run.url, json={"decision": "approve"})
    desk.done(run)


# -- polling


def first_poll_at_once(desk: Desk) -> None:
    run = desk.start()
    desk.call("GET", run.url)
    desk.done(run)


def polls_too_fast(desk: Desk) -> None:
    run = desk.start()
    desk.partner.wait(2)
    for _ in range(4):
        desk.call("GET", run.url)
    desk.done(run)


def interval_never_grows(desk: Desk) -> None:
    run = desk.start()
    for _ in range(40):
        desk.partner.wait(2)
        desk.call("GET", run.url)
    desk.partner.wait(3_600)
    desk.call("GET", run.url)


def polls_after_end(desk: Desk) -> None:
    run = desk.start()
    desk.done(run)
    for _ in range(3):
        desk.partner.wait(30)
        desk.call("GET", run.url)


def run_given_up_after_error(desk: Desk) -> None:
    run = desk.start()
    desk.fault(error=500, operation="poll_import", times=1)
    desk.partner.wait(2)
    desk.call("GET", run.url)


def run_given_up_early(desk: Desk) -> None:
    run = desk.start()
    desk.partner.wait(2)
    desk.call("GET", run.url)


def budget_spent_on_polling(desk: Desk) -> None:
    runs = []
    for number in range(32):
        made = desk.partner.provision(f"Branch {number}", f"straight-through--branch-{number}")
        runs.append(desk.partner.start(made["company"]["id"], "k1", rows=ROWS))
    for interval in (2.0, 2.6, 3.4):
        desk.partner.wait(interval)
        for run in runs:
            desk.call("GET", run.url)
    desk.partner.wait(60)
    for run in runs:
        desk.call("GET", run.url)


# -- 429


def retries_at_once_after_429(desk: Desk) -> None:
    desk.fault(error=429, operation="start_import", times=1)
    desk.post()
    desk.done(desk.start())


def gives_up_after_429(desk: Desk) -> None:
    desk.fault(error=429, operation="list_templates", times=1)
    desk.call("GET", "/templates")


def run_given_up_after_429(desk: Desk) -> None:
    run = desk.start()
    desk.fault(error=429, operation="poll_import", times=1)
    desk.partner.wait(2)
    desk.call("GET", run.url)


# -- starting runs


def import_without_key(desk: Desk) -> None:
    answer = desk.post(None)
    assert answer is not None
    desk.done(desk.partner.run(answer.json()))


def retries_import_without_key(desk: Desk) -> None:
    assert desk.post(None) is None
    desk.partner.wait(2)
    desk.post(None)
    desk.partner.let_end(desk.company)


def retries_export_without_key(desk: Desk) -> None:
    desk.done(desk.start())
    desk.fault(error=500, operation="start_export", times=1)
    desk.call("POST", f"/companies/{desk.company}/exports", json={})
    desk.partner.wait(2)
    answer = desk.call("POST", f"/companies/{desk.company}/exports", json={})
    desk.done(desk.partner.run(answer.json()))


def new_key_for_retry(desk: Desk) -> None:
    assert desk.post("k1") is None
    desk.partner.wait(2)
    desk.post("k2")
    desk.partner.let_end(desk.company)


def key_for_another_payload(desk: Desk) -> None:
    desk.done(desk.start())
    desk.post("k1", rows=[{"Email": "grace@example.com"}])


def loops_on_409(desk: Desk) -> None:
    run = desk.start()
    for pause in (1.0, 2.0, 4.0):
        desk.post("k2")
        desk.partner.wait(pause)
    desk.done(run)


def files_and_rows(desk: Desk) -> None:
    file = desk.partner.upload(desk.company, "contacts.csv", "text/csv", FILE)
    answer = desk.post(files=[file])
    if answer is not None and answer.is_success:
        desk.done(desk.partner.run(answer.json()))


def lost_create_not_recovered(desk: Desk) -> None:
    assert desk.post() is None


# -- uploads


def _signed(desk: Desk) -> Mapping[str, Any]:
    described = {"name": "contacts.csv", "content_type": "text/csv", "size": len(FILE)}
    signed: dict[str, Any] = desk.call("POST", f"/companies/{desk.company}/uploads", json=described).json()
    return signed


def upload_other_content_type(desk: Desk) -> None:
    httpx2.put(_signed(desk)["upload_url"], content=FILE, headers={"content-type": "application/octet-stream"})


def key_at_upload(desk: Desk) -> None:
    desk.call("PUT", _signed(desk)["upload_url"], content=FILE, headers={"content-type": "text/csv"})


def upload_url_reused(desk: Desk) -> None:
    url = _signed(desk)["upload_url"]
    for _ in range(2):
        httpx2.put(url, content=FILE, headers={"content-type": "text/csv"})


# -- parkings


def needs_attention_as_end(desk: Desk) -> None:
    desk.parked(desk.start())


def second_questions_ignored(desk: Desk) -> None:
    run = desk.start()
    desk.parked(run)
    desk.decide(run)
    desk.parked(run)


def no_poll_after_decision(desk: Desk) -> None:
    run = desk.start()
    desk.parked(run)
    desk.decide(run)


def lost_decision_not_recovered(desk: Desk) -> None:
    run = desk.start()
    desk.parked(run)
    assert desk.decide(run) is None


# -- decisions


def decision_unread(desk: Desk) -> None:
    run = desk.start()
    desk.decide(run)
    desk.done(run)


def decision_on_old_reading(desk: Desk) -> None:
    run = desk.start()
    desk.parked(run)
    desk.partner.wait(20 * 60)
    desk.decide(run)
    desk.done(run)


def decision_sent_twice(desk: Desk) -> None:
    run = desk.start()
    desk.parked(run)
    desk.decide(run)
    desk.decide(run)
    desk.done(run)


def decision_resent_unread(desk: Desk) -> None:
    run = desk.start()
    desk.parked(run)
    assert desk.decide(run) is None
    desk.partner.wait(2)
    desk.decide(run)
    desk.done(run)


def decision_repeated_after_409(desk: Desk) -> None:
    run = desk.start()
    desk.parked(run)
    desk.admin("POST", f"runs/{run.id}/cancel", None)
    for _ in range(2):
        desk.decide(run)
        desk.partner.wait(2)
    desk.done(run)


def answers_with_reject(desk: Desk) -> None:
    run = desk.start()
    questions = desk.parked(run)
    desk.decide(run, decision="reject", answers=[desk.right(questions[0])])
    desk.done(run)


def answer_to_unknown_question(desk: Desk) -> None:
    run = desk.start()
    questions = desk.parked(run)
    desk.answer(run, **(desk.right(questions[0]) | {"question_id": "status"}))


def answer_to_stale_question(desk: Desk) -> None:
    run = desk.start()
    first = desk.parked(run)
    desk.decide(run)
    second = desk.parked(run)
    desk.answer(run, **(desk.right(second[0]) | {"question_id": first[0]["id"]}))


def id_not_echoed(desk: Desk) -> None:
    run = desk.start()
    answer = desk.right(desk.parked(run)[0])
    desk.answer(run, **(answer | {"option_id": answer["option_id"].upper()}))


def answer_with_unknown_option(desk: Desk) -> None:
    run = desk.start()
    question = desk.parked(run)[0]
    desk.answer(run, question_id=question["id"], option_id=question["options"][0]["label"])


def option_and_custom(desk: Desk) -> None:
    run = desk.start()
    desk.answer(run, **desk.right(desk.parked(run)[0]), custom="Open")


def custom_not_allowed(desk: Desk) -> None:
    run = desk.start()
    desk.answer(run, question_id=desk.parked(run)[0]["id"], custom="somebody@example.com")


SCENARIO = {
    "poll_url_unused": "straight-through",
    "interval_never_grows": "engine-dies",
    "budget_spent_on_polling": "straight-through",
    "retries_import_without_key": "lost-create",
    "new_key_for_retry": "lost-create",
    "lost_create_not_recovered": "lost-create",
    "second_questions_ignored": "re-park",
    "answer_to_stale_question": "re-park",
    "lost_decision_not_recovered": "lost-decision",
    "decision_resent_unread": "lost-decision",
    "custom_not_allowed": "dedup",
}
"""The scenario in which a mistake shows, where `park` is not enough."""
