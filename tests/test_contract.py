"""The contract is what the documentation says: its operations, statuses, bodies, examples, links and clauses.

The tables here are written out a second time on purpose: the contract may not drift from them unnoticed.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from mock_server.contract.document import load

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

OPENAPI = Path(__file__).parents[1] / "openapi"
CONTRACT: Json = yaml.load((OPENAPI / "migration-api.yaml").read_bytes(), yaml.CSafeLoader)
CLAUSE_FILE: Json = yaml.load((OPENAPI / "clauses.yaml").read_bytes(), yaml.CSafeLoader)
CLAUSES: dict[str, Json] = {clause["id"]: clause for clause in CLAUSE_FILE["clauses"]}
SCHEMAS: Json = CONTRACT["components"]["schemas"]

STATUSES = {
    "list_sources": "200 401 429 500",
    "list_templates": "200 401 429 500",
    "provision_company": "201 400 401 404 409 429 500",
    "request_upload": "201 400 401 404 429 500",
    "start_import": "200 201 400 401 404 409 429 500",
    "list_imports": "200 400 401 404 429 500",
    "poll_import": "200 401 404 429 500",
    "decide": "200 400 401 404 409 429 500",
    "export_csv": "200 400 401 404 429 500",
    "start_export": "200 201 400 401 404 409 429 500",
    "poll_export": "200 401 404 429 500",
}
ROUTES = {
    "list_sources": "GET /sources",
    "list_templates": "GET /templates",
    "provision_company": "POST /companies",
    "request_upload": "POST /companies/{company_id}/uploads",
    "start_import": "POST /companies/{company_id}/imports",
    "list_imports": "GET /companies/{company_id}/imports",
    "poll_import": "GET /companies/{company_id}/imports/{run_id}",
    "decide": "POST /companies/{company_id}/imports/{run_id}/decisions",
    "export_csv": "GET /companies/{company_id}/export.csv",
    "start_export": "POST /companies/{company_id}/exports",
    "poll_export": "GET /companies/{company_id}/exports/{run_id}",
}
# Status -> required members, optional members besides.
RUN_MEMBERS = {
    "queued": ("status progress_message", "run_id"),
    "running": ("status progress_message", "run_id"),
    "needs_attention": ("status report needs_attention", "run_id"),
    "completed": ("status report", "run_id"),
    "failed": ("status error", "report run_id"),
    "canceled": ("status", "run_id"),
}
EXPORT_MEMBERS = {
    "queued": ("status progress_message", ""),
    "running": ("status progress_message", ""),
    "completed": ("status report", ""),
    "failed": ("status error", ""),
}
ACTION_MEMBERS = {
    "set_value": ("sheet_id column action value", ""),
    "delete_invalid_rows": ("sheet_id column action", ""),
    "dedup_keep_first": ("sheet_id column action key_column", ""),
    "keep": ("sheet_id column action", ""),
}


def resolved(node: Json) -> Json:
    """The node, or what its reference points to."""
    while "$ref" in node:
        target: Any = CONTRACT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def operations() -> dict[str, tuple[str, Json, list[Json]]]:
    """Each operationId with its route, its definition and its parameters, those of the path included."""
    found = {}
    for path, item in CONTRACT["paths"].items():
        shared = item.get("parameters", [])
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            operation = item[method]
            parameters = [resolved(each) for each in shared + operation.get("parameters", [])]
            found[operation["operationId"]] = (f"{method.upper()} {path}", operation, parameters)
    return found


OPERATIONS = operations()


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """The validator of the named schema of the contract, which asserts formats."""
    return validator_of({"$ref": f"#/components/schemas/{name}"})


def validator_of(schema: Json) -> jsonschema_rs.Draft202012Validator:
    """The validator of a schema whose references point into the contract."""
    root = {"components": CONTRACT["components"], "allOf": [schema]}
    return jsonschema_rs.Draft202012Validator(root, validate_formats=True)


def responses() -> Iterator[tuple[str, str, Json]]:
    """Every response as operationId, status and definition."""
    for operation_id, (_, operation, _) in OPERATIONS.items():
        for status, response in operation["responses"].items():
            yield operation_id, status, resolved(response)


def carriers() -> Iterator[tuple[str, Json]]:
    """Everything that has examples beside a schema, with a name for messages."""
    for operation_id, (_, operation, parameters) in OPERATIONS.items():
        for parameter in parameters:
            yield f"{operation_id} {parameter['name']}", parameter
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{operation_id} request {media}", content
    for operation_id, status, response in responses():
        for media, content in response["content"].items():
            yield f"{operation_id} {status} {media}", content
        for header, definition in response.get("headers", {}).items():
            yield f"{operation_id} {status} {header}", definition


def values(carrier: Json) -> list[Any]:
    """The values of a carrier's examples."""
    return [resolved(example)["value"] for example in carrier.get("examples", {}).values()]


def branches(union: str, tag: str) -> dict[str, Json]:
    """The members of a union by the constant that their tag has."""
    found = [resolved(each) for each in SCHEMAS[union]["oneOf"]]
    return {each["properties"][tag]["const"]: each for each in found}


def named_clauses(operation_id: str) -> set[str]:
    """The clauses that the operation or one of its responses names."""
    operation = OPERATIONS[operation_id][1]
    named = set(operation.get("x-clauses", []))
    return named.union(*(resolved(each).get("x-clauses", []) for each in operation["responses"].values()))


def about(clause: Json) -> set[str]:
    """The operations that a clause is about."""
    operation = clause["operation"]
    return set(operation) if isinstance(operation, list) else {operation} - {None}


def test_the_contract_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(CONTRACT).iter_errors()] == []


def test_there_are_the_eleven_operations() -> None:
    assert {operation_id: route for operation_id, (route, _, _) in OPERATIONS.items()} == ROUTES


def test_each_operation_has_exactly_its_documented_statuses() -> None:
    assert {each: " ".join(sorted(OPERATIONS[each][1]["responses"])) for each in OPERATIONS} == STATUSES


def test_every_call_needs_the_key() -> None:
    scheme = CONTRACT["components"]["securitySchemes"]["apiKey"]
    assert CONTRACT["security"] == [{"apiKey": []}]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "x-api-key")


def test_path_parameters_are_opaque_strings() -> None:
    for route, _, parameters in OPERATIONS.values():
        in_path = [each for each in parameters if each["in"] == "path"]
        assert [each["name"] for each in in_path] == re.findall(r"{(\w+)}", route)
        assert all(each["schema"] == {"type": "string"} for each in in_path)  # OP-23


def test_every_error_has_the_one_member_body() -> None:
    assert not validator("Error").is_valid({"error": ""})
    assert not validator("Error").is_valid({"error": "no", "code": 7})  # ERR-02
    for operation_id, status, response in responses():
        if status >= "400":
            schema = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert schema == ("TooManyRequestsError" if status == "429" else "Error"), (operation_id, status)


def test_a_429_says_one_thing_and_has_no_retry_after() -> None:
    assert validator("TooManyRequestsError").is_valid({"error": "Too many requests"})  # RATE-02
    assert not validator("TooManyRequestsError").is_valid({"error": "Slow down"})
    assert "headers" not in CONTRACT["components"]["responses"]["TooManyRequests"]  # RATE-03


def test_every_example_is_valid() -> None:
    wrong = []
    for name, carrier in carriers():
        check = validator_of(carrier["schema"])
        wrong += [(name, error.message) for value in values(carrier) for error in check.iter_errors(value)]
    assert wrong == []


def test_everything_that_can_be_written_down_has_an_example() -> None:
    without = [name for name, carrier in carriers() if not values(carrier)]
    assert without == ["export_csv 200 application/zip"]


@pytest.mark.parametrize(
    ("union", "tag", "members"),
    [
        ("Run", "status", RUN_MEMBERS),
        ("ExportRun", "status", EXPORT_MEMBERS),
        ("PatchAction", "action", ACTION_MEMBERS),
    ],
)
def test_each_branch_of_a_union_has_exactly_its_documented_members(
    union: str, tag: str, members: dict[str, tuple[str, str]]
) -> None:
    found = branches(union, tag)
    assert list(found) == list(members)
    for value, (required, optional) in members.items():
        assert found[value]["required"] == required.split()
        assert sorted(found[value]["properties"]) == sorted(required.split() + optional.split())
        assert found[value]["additionalProperties"] is False
    mapping = SCHEMAS[union]["discriminator"]["mapping"]
    assert {value: resolved({"$ref": target}) for value, target in mapping.items()} == found


def test_enumerations_are_as_documented() -> None:
    assert SCHEMAS["RunStatus"]["enum"] == list(RUN_MEMBERS)  # RUN-01
    assert SCHEMAS["DesiredRule"]["enum"] == ["none", "ai", "strict", "link"]  # TPL-03
    assert SCHEMAS["ExportMode"]["enum"] == ["full", "canary"]  # DST-02
    assert SCHEMAS["DecisionRequest"]["properties"]["decision"]["enum"] == ["approve", "reject"]  # DEC-16


def test_what_programs_need_besides_is_as_the_contract_has_it() -> None:
    known = load()
    assert known.changing == tuple(each for each, route in ROUTES.items() if route.startswith("POST"))
    assert known.json_operations == tuple(each for each in known.operations if each != "export_csv")
    assert set(known.run_reads) == {"poll_import", "list_imports", "poll_export"}
    assert known.starts == {"start_import": "import", "start_export": "export"}
    assert set(known.about("export")) == {"start_export", "poll_export"}
    assert known.naming("run_id") == ("poll_import", "decide", "poll_export")
    assert known.request_members("decide") == {"decision", "answers"}
    assert known.request_members("poll_import") == frozenset()
    assert known.run_statuses.every == tuple(RUN_MEMBERS)
    assert known.run_statuses.terminal == ("completed", "failed", "canceled")
    assert known.run_statuses.waiting == ("needs_attention",)
    assert known.run_statuses.moving == ("queued", "running")


def test_each_poll_example_fits_the_branch_of_its_status_only() -> None:
    polled = dict(carriers())["poll_import 200 application/json"]
    assert {value["status"] for value in values(polled)} == set(RUN_MEMBERS)
    for value in values(polled):
        fitting = [
            status for status, branch in branches("Run", "status").items() if validator_of(branch).is_valid(value)
        ]
        assert fitting == [value["status"]]


def test_the_active_look_up_has_no_terminal_run() -> None:
    assert validator("ImportLookup").is_valid({"status": "queued", "progress_message": "Waiting"})
    assert not validator("ImportLookup").is_valid({"status": "canceled"})  # ACT-05


UUID = "2f6b1c58-9d3e-4a07-8c41-5be0d7f3a916"
ROW = {"Email": "ada@example.com", "Age": 36, "Active": True, "Notes": None}
FILE = {"name": "contacts.csv", "upload_ref": "r"}
COLUMN = {"name": "Status", "description": "", "required": True, "unique": False}


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("ImportRequest", {"rows": [ROW], "unknown": 1}),  # OP-26
        ("ImportRequest", {"files": [FILE], "idempotency_key": "k"}),
        ("DecisionRequest", {"decision": "reject", "answers": []}),  # OP-19
        ("DecisionRequest", {"decision": "approve", "answers": [{"question_id": "fq0", "custom": "Open"}]}),
        ("ProvisionRequest", {"name": "Acme", "source": UUID, "external_id": "a" * 255}),  # PROV-13
        ("Column", {**COLUMN, "desiredRule": "ai"}),
        ("Column", {**COLUMN, "desiredRule": "strict", "strictRule": "^a$"}),
        ("Column", {**COLUMN, "desiredRule": "link", "linkRule": [{"templateId": UUID, "columnName": "Name"}]}),
        ("ExportRequest", {}),
    ],
)
def test_the_contract_accepts(schema: str, body: Json) -> None:
    assert [error.message for error in validator(schema).iter_errors(body)] == []


@pytest.mark.parametrize(
    ("schema", "body", "where"),
    [
        ("ImportRequest", {}, []),  # IMP-06
        ("ImportRequest", {"rows": [ROW], "files": [FILE]}, ["rows"]),  # OP-22
        ("ImportRequest", {"rows": []}, ["rows"]),
        ("ImportRequest", {"rows": [{"Email": []}]}, ["rows", 0, "Email"]),
        ("ImportRequest", {"files": {}}, ["files"]),  # IMP-07
        ("ImportRequest", {"files": [{"name": "contacts.csv"}]}, ["files", 0]),
        ("ImportRequest", {"rows": [ROW], "idempotency_key": ""}, ["idempotency_key"]),
        ("DecisionRequest", {}, []),  # DEC-15
        ("DecisionRequest", {"decision": "accept"}, ["decision"]),  # DEC-16
        ("DecisionRequest", {"decision": "approve", "answers": {}}, ["answers"]),  # DEC-17
        (
            "DecisionRequest",
            {"decision": "reject", "answers": [{"question_id": "q", "option_id": "a"}]},
            ["answers", 0],
        ),
        ("Answer", {"option_id": "a"}, []),
        ("Answer", {"question_id": "q"}, []),  # DEC-18
        ("Answer", {"question_id": "q", "option_id": "a", "custom": "b"}, ["custom"]),
        ("Answer", {"question_id": "q", "custom": ""}, ["custom"]),  # OP-19
        ("ProvisionRequest", {"source": UUID}, []),  # PROV-08
        ("ProvisionRequest", {"name": "Acme"}, []),  # PROV-09
        ("ProvisionRequest", {"name": "Acme", "source": "crm"}, ["source"]),  # PROV-10
        ("ProvisionRequest", {"name": "Acme", "source": UUID, "external_id": "a b"}, ["external_id"]),  # PROV-12
        ("ProvisionRequest", {"name": "Acme", "source": UUID, "external_id": "a" * 256}, ["external_id"]),  # PROV-13
        ("ProvisionRequest", {"name": "Acme", "source": UUID, "template_ids": []}, ["template_ids"]),  # OP-37
        ("ProvisionRequest", {"name": "Acme", "source": UUID, "template_ids": ["x"]}, ["template_ids", 0]),  # PROV-15
        ("UploadRequest", {"name": "contacts.csv", "size": -1}, ["size"]),
        ("ExportRequest", {"mode": "partial"}, ["mode"]),  # DST-02
        ("Column", {**COLUMN, "desiredRule": "strict"}, []),  # TPL-04
        ("Column", {**COLUMN, "desiredRule": "ai", "strictRule": "^a$"}, ["strictRule"]),
        ("Column", {**COLUMN, "desiredRule": "link"}, []),  # TPL-05
        ("Column", {**COLUMN, "desiredRule": "none", "linkRule": []}, ["linkRule"]),
    ],
)
def test_the_contract_refuses_and_points_at_the_member(schema: str, body: Json, where: list[str | int]) -> None:
    assert [error.instance_path for error in validator(schema).iter_errors(body)] == [where]


def pointed_at(value: Any, pointer: str) -> Any:
    """What a JSON pointer finds in a value, or None."""
    for part in pointer.strip("/").split("/"):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError):
            return None
    return value


def test_links_lead_to_operations_by_what_the_answers_have() -> None:
    found = set()
    for operation_id, status, response in responses():
        for link in map(resolved, response.get("links", {}).values()):
            found.add((operation_id, status, link["operationId"]))
            takes = {each["name"] for each in OPERATIONS[link["operationId"]][2]}
            has = {each["name"] for each in OPERATIONS[operation_id][2]}
            for name, expression in link["parameters"].items():
                assert name in takes
                kind, _, rest = expression.partition("#")
                bodies = values(response["content"]["application/json"])
                assert any(pointed_at(body, rest) for body in bodies) or kind.removeprefix("$request.path.") in has
    for status in ("200", "201"):
        assert {("start_import", status, each) for each in ("poll_import", "decide", "list_imports")} <= found
    assert {("decide", "200", "poll_import"), ("start_export", "201", "poll_export")} <= found


def test_the_list_of_clauses_is_whole_and_well_formed() -> None:
    assert len(CLAUSE_FILE["clauses"]) == len(CLAUSES) == 254
    assert Counter(each["level"] for each in CLAUSES.values()) == {"must": 223, "should": 23, "advice": 8}
    assert {each["actor"] for each in CLAUSES.values()} == {"server", "client", "both"}
    for clause_id, clause in CLAUSES.items():
        assert re.fullmatch(r"[A-Z]{2,5}-\d\d", clause_id)
        assert clause["text"][-1] == "."
        assert set(clause["page"]) <= CLAUSE_FILE["pages"].keys()
        assert about(clause) <= OPERATIONS.keys()
        assert all(re.fullmatch(r"OP-\d\d", point) for point in clause.get("open_points", []))
        assert clause["level"] != "advice" or clause["actor"] == "client"


def test_the_contract_names_the_clauses_that_servers_answer_for() -> None:
    servers = {clause_id: about(each) for clause_id, each in CLAUSES.items() if each["actor"] != "client"}
    named = {each: named_clauses(each) for each in OPERATIONS}
    everywhere = set(CONTRACT["x-clauses"])
    assert everywhere.union(*named.values()) == servers.keys()
    for clause_id, operation_ids in servers.items():
        if operation_ids:
            assert {each for each in OPERATIONS if clause_id in named[each]} == operation_ids, clause_id
