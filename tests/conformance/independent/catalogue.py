"""What an account offers: two sources and three templates, each account with ids of its own."""

from __future__ import annotations

from typing import Any

from independent.model import Account, Column, Source, Template, new_id


def account() -> Account:
    """A fresh account."""
    people, orgs, seats = new_id(), new_id(), new_id()
    sources = [
        Source(new_id(), "Ledger 9", None),
        Source(new_id(), "Paper forms", "https://static.example.org/paper.png"),
    ]
    return Account(
        sources,
        [
            Template(people, "People", None, _people(orgs)),
            Template(orgs, "Orgs", "Whom people work for.", _orgs()),
            Template(seats, "Seats", "Who sits where.", _seats(people, orgs)),
        ],
    )


def _people(orgs: str) -> tuple[Column, ...]:
    return (
        Column("Remark", "Anything else."),
        Column("Badge", "The number at the door.", "strict", "^[A-Za-z0-9]{2,6}-[0-9]{4}$", required=True, unique=True),
        Column("Full Name", "As in the passport.", required=True),
        Column("Level", "Seniority.", "strict", "^(junior|senior|lead)$", usual="senior"),
        Column("Born", "Day of birth.", "strict", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", usual=""),
        Column("Country", "Where they live.", "ai"),
        Column("Org", "The employer's code.", "link", links=((orgs, "Code"),)),
    )


def _orgs() -> tuple[Column, ...]:
    return (
        Column("Code", "Short and lasting.", "strict", "^[a-z]{3,8}$", required=True, unique=True),
        Column("Title", "What it is called.", required=True),
        Column("Heads", "How many work there.", "strict", "^[0-9]*$", usual="0"),
    )


def _seats(people: str, orgs: str) -> tuple[Column, ...]:
    return (
        Column("Employer", "Whose desk.", "link", links=((orgs, "Code"),), required=True),
        Column("Sitter", "Whose chair.", "link", links=((people, "Badge"),)),
        Column("Desk", "Which desk."),
    )


def sources(owner: Account) -> dict[str, Any]:
    """The answer of GET /sources."""
    return {"sources": [{"id": each.id, "name": each.name, "logo_url": each.logo_url} for each in owner.sources]}


def templates(owner: Account) -> dict[str, Any]:
    """The answer of GET /templates."""
    return {
        "templates": [
            {
                "id": each.id,
                "name": each.name,
                "description": each.description,
                "columns": [_described(column) for column in each.columns],
            }
            for each in owner.templates
        ]
    }


def _described(column: Column) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": column.name,
        "description": column.description,
        "required": column.required,
        "unique": column.unique,
        "desiredRule": column.rule,
    }
    if column.rule == "strict":
        body["strictRule"] = column.pattern  # TPL-04
    if column.rule == "link":
        body["linkRule"] = [{"templateId": each, "columnName": name} for each, name in column.links]  # TPL-05
    return body
