"""The clauses as the suite reads them: ids are addresses, and a wrong one says which was meant."""

from __future__ import annotations

import re

import pytest

from conformance.model import clauses
from mock_server.contract.document import clause_ids, data
from mock_server.contract.document import load as load_contract


def test_every_clause_of_the_contract_is_there_in_its_order() -> None:
    loaded = clauses.load()
    assert loaded.keys() == clause_ids()
    assert list(loaded) == re.findall(r"^  - id: (\S+)$", data("openapi", "clauses.yaml").read_text("utf-8"), re.M)


def test_a_clause_names_pages_and_operations_in_full() -> None:
    clause = clauses.load()["ERR-11"]
    assert clause.page == ("errors", "resolve-flagged-rows")
    assert "decide" in clause.operations
    assert clauses.load()["AUTH-02"].operations == ()
    assert clauses.load()["DEC-17"].area == "DEC"


def test_operations_are_those_of_the_contract() -> None:
    known = load_contract().operations.keys()
    assert [c.id for c in clauses.load().values() if not set(c.operations) <= known] == []


def test_server_clauses_leave_out_those_that_bind_clients_alone() -> None:
    server = clauses.server_clauses()
    assert "AUTH-01" not in server
    assert {"AUTH-02", "ID-01", "IDEM-07"} <= server.keys()
    assert {clause.level for clause in server.values()} == {"must", "should"}


def test_every_area_has_a_title_and_they_stand_in_the_contracts_order() -> None:
    assert list(dict.fromkeys(clause.area for clause in clauses.load().values())) == list(clauses.area_names())


def test_at_most_a_tenth_of_the_server_clauses_has_no_test_and_each_says_why() -> None:
    server = clauses.server_clauses().values()
    untested = [clause for clause in server if clause.not_tested is not None]
    assert len(untested) <= len(server) / 10
    sentence = re.compile(r"[A-Z]\S*( \S+){5,}(?<=\.)")
    assert [clause.id for clause in untested if not sentence.fullmatch((clause.not_tested or "").strip())] == []


def test_select_takes_areas_and_ids_in_the_contracts_order() -> None:
    chosen = list(clauses.select(["dec", " POLL-04 "]))
    assert chosen[0] == "POLL-04"
    assert {clauses.area_of(each) for each in chosen[1:]} == {"DEC"}
    assert clauses.select([]) == clauses.server_clauses()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("DEK-04", "no clause or area 'DEK-04'; did you mean 'DEC-04'?"),
        ("POL", "no clause or area 'POL'; did you mean 'POLL'?"),
        ("zzz", "no clause or area 'ZZZ'. Areas: AUTH, ERR,"),
        ("AUTH-01", "AUTH-01 binds clients, so no server can be tried for it: "),
        ("VER", "VER has no clause among those chosen from. Areas there: ACT, "),
    ],
)
def test_a_wrong_word_is_told_with_the_nearest_right_one(word: str, said: str) -> None:
    with pytest.raises(clauses.UnknownClause) as caught:
        clauses.select(["DEC", word])
    assert str(caught.value).startswith(said)


def test_any_clause_can_be_chosen_from_all_of_them() -> None:
    assert list(clauses.select(["AUTH-01"], among=clauses.load())) == ["AUTH-01"]


def test_the_core_profile_is_the_two_pages_and_full_is_all() -> None:
    areas = {clause.area for clause in clauses.profile("core").values()}
    assert areas == set(clauses.CORE)
    assert clauses.profile("full") == clauses.server_clauses()
    with pytest.raises(clauses.UnknownClause, match="no profile 'cor'"):
        clauses.profile("cor")


def test_the_questions_of_the_open_points_are_those_of_the_docs() -> None:
    page = data("docs", "open-points.md").read_text("utf-8")
    assert re.findall(r"^\| (OP-\d\d) \| (.*?) \| ", page, re.M) == list(clauses.open_points().items())
    cited = {point for clause in clauses.load().values() for point in clause.open_points}
    assert cited <= clauses.open_points().keys()
