"""Provisioning, and the announcement of uploads (PROV, UPL)."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from independent.model import Company, Refused, Upload, new_id, stamp, uuid

if TYPE_CHECKING:
    from independent.model import Account, Template, World

UPLOAD_LIFE = 3_600
NAMED = re.compile(r"[A-Za-z0-9_-]{1,255}")  # PROV-12, PROV-13


def provision(world: World, owner: Account, body: dict[str, Any]) -> dict[str, Any]:
    """Make a company."""
    name, external_id = body.get("name"), body.get("external_id")
    if not isinstance(name, str) or not name.strip():
        raise Refused(400, "name: a text is required")  # PROV-08
    source = uuid(body.get("source"), "source")  # PROV-09, PROV-10
    if not (external_id is None or (isinstance(external_id, str) and NAMED.fullmatch(external_id))):
        raise Refused(400, "external_id: letters, digits, hyphens and underscores, at most 255 of them")
    chosen = _templates(owner, body.get("template_ids"))
    connection = _connection(body.get("connections"))
    if source not in [each.id for each in owner.sources]:
        raise Refused(404, "source: this account has no such source")  # PROV-11
    if external_id is not None and external_id in [each.external_id for each in owner.companies.values()]:
        raise Refused(409, "external_id: in use")  # PROV-14; OP-37: before the name
    if (name, source) in [(each.name, each.source) for each in owner.companies.values()]:
        raise Refused(400, "name: in use for this source")  # PROV-16
    company = Company(new_id(), name, external_id, source, {new_id(): each for each in chosen}, connection)
    owner.companies[company.id] = company
    return _shown(company, world.now())


def _templates(owner: Account, ids: Any) -> list[Template]:
    if ids is None:
        return owner.templates  # PROV-05
    if not isinstance(ids, list):
        raise Refused(400, "template_ids: an array is required")
    wanted = dict.fromkeys(uuid(each, "template_ids") for each in ids)
    by_id = {each.id: each for each in owner.templates}
    if strange := [each for each in wanted if each not in by_id]:
        raise Refused(400, f"template_ids: {strange[0]} is no template of this account")  # PROV-15
    return [by_id[each] for each in wanted]  # OP-37: none at all is a company without sheets


def _connection(connections: Any) -> dict[str, Any] | None:
    if connections is None:
        return None
    if not isinstance(connections, dict):
        raise Refused(400, "connections: an object is required")
    there = connections.get("destination")
    if there is None:
        return None
    if (
        not isinstance(there, dict)
        or not isinstance(there.get("base_url"), str)
        or not isinstance(there.get("auth"), dict)
    ):
        raise Refused(400, "connections.destination: base_url and auth are required")
    return there


def _shown(company: Company, now: float) -> dict[str, Any]:
    body: dict[str, Any] = {
        "company": {"id": company.id, "name": company.name, "created_at": stamp(now)},
        "workbook_id": new_id(),
        "sheets": [
            {"id": sheet, "name": template.name, "template_id": template.id}
            for sheet, template in company.sheets.items()
        ],
        "magic_link_url": f"https://console.example.org/enter/{secrets.token_urlsafe(12)}",
    }
    # OP-02: neither is there when it was not given.
    if company.external_id is not None:
        body["company"]["external_id"] = company.external_id
    if company.connection is not None:
        ready = bool(company.connection["auth"])
        body["connections"] = [{"id": new_id(), "kind": "destination", "creds_configured": ready}]  # PROV-18
    return body


def announce(world: World, company: Company, body: dict[str, Any]) -> dict[str, Any]:
    """Promise a place for a file (OP-04: all three members are required)."""
    name, kind, size = (body.get(each) for each in ("name", "content_type", "size"))
    if not isinstance(name, str) or not isinstance(kind, str):
        raise Refused(400, "name and content_type: texts are required")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Refused(400, "size: a number of bytes is required")
    upload = Upload(secrets.token_urlsafe(9), kind, size, world.now())
    company.uploads[upload.ref] = upload
    return {
        "upload_url": f"{world.storage}/bucket/{company.id}/{upload.ref}?signature={secrets.token_hex(8)}",
        "upload_ref": upload.ref,
    }


def receive(world: World, company_id: str, ref: str, kind: str, content: bytes) -> str | None:
    """Take a file's bytes at its signed URL; else say why not."""
    found = [owner.companies[company_id] for owner in world.accounts.values() if company_id in owner.companies]
    upload = found[0].uploads.get(ref) if found else None
    if upload is None:
        return "NoSuchUpload"
    if world.now() - upload.created > UPLOAD_LIFE:
        return "Expired"  # UPL-04
    if upload.content is not None:
        return "AlreadyUsed"  # UPL-03
    if kind != upload.content_type or len(content) != upload.size:
        return "SignatureDoesNotMatch"
    upload.content = content
    return None
