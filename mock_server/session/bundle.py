"""A session in one file, from which another server replays it: what it was served with, and its journal.

Secrets are not in it. A stand-in takes the key's place, which gives the same ids; the tokens of signed URLs are left
out and come anew. A digest over everything else tells a file that was cut or edited from one that was not.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import orjson

from mock_server.contract.document import data
from mock_server.contract.messages import complaint
from mock_server.contract.redaction import Secrets
from mock_server.http.streamed import written
from mock_server.kernel.clock import iso
from mock_server.kernel.ids import stand_in
from mock_server.recording.exchange import exchange
from mock_server.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mock_server.recording.journal import Steered
    from mock_server.scenarios.catalog import World
    from mock_server.scenarios.model import Scenario
    from mock_server.session.session import Session

FORMAT = 1
"""Raised with every change after which an older vern-mock would read a bundle wrongly."""
MADE_ELSEWHERE = (
    *("api_keys", "admin", "admin_token", "speed", "seed"),
    *("max_sessions", "session_idle", "head_timeout", "body_timeout", "max_memory"),
    *("allowed_hosts", "public_url", "trust_proxy", "origins"),
)
"""Settings that make no difference to what a session answers, are secret, or have a member of their own."""
NOT_REENACTED = ("requests", "session", "clock")
"""Admin calls that change nothing which a replay has to do: its clock follows the exchanges."""


class BadBundle(Exception):
    """The file is no bundle that can be replayed here; the text says why."""


def bundled(session: Session, now: int, text: Callable[[Scenario], str | None]) -> Iterator[bytes]:
    """The session as JSON, in pieces; `text` gives the file of a scenario of the user's own, None for a built-in."""
    settings, clock, journal = session.settings, session.clock, session.journal
    content = {
        "bundle": FORMAT,
        "made_by": VERSION,
        "contract": session.world.contract.version,
        "key": stand_in(session.key),
        "session": session.id,
        "seed": settings.seed,
        "settings": {name: value for name, value in settings._asdict().items() if name not in MADE_ELSEWHERE},
        "scenario": session.scenario,
        "scenarios": [
            {"name": each.name, "digest": _identity(each), "text": text(each)} for each in _involved(session)
        ],
        "clock": {"mode": clock.mode, "speed": clock.speed, "now": iso(now)},
        "dropped": journal.dropped,
        **({"steered_dropped": journal.steered_dropped} if journal.steered_dropped else {}),
        "steered": (_steered(session, each) for each in list(journal.steered)),
        "exchanges": map(exchange, list(journal)),
    }
    return _signed(content)


def _signed(content: dict[str, Any]) -> Iterator[bytes]:
    """The content as JSON, with its digest as the last member."""
    seen, last = sha256(), b""
    for piece in written(content):
        yield last
        seen.update(piece)
        last = piece  # in the end the closing brace, which the digest goes before
    yield b',"digest":"sha256:%b"}' % seen.hexdigest().encode()


def digest(content: dict[str, Any]) -> str:
    """What stands for a bundle's content; the order of members, and the digest itself, do not count."""
    rest = {name: value for name, value in content.items() if name != "digest"}
    return f"sha256:{sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()}"


def opened(raw: bytes, contract_version: str, *, partial: bool = False) -> dict[str, Any]:
    """The bundle of a file, of our version; BadBundle with the reason for any other.

    It is one that can be replayed, unless `partial` says that what is left of a session will do.
    """
    try:
        content = orjson.loads(raw)
    except ValueError as error:
        raise BadBundle(f"it is no whole JSON, perhaps truncated: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("bundle"), int):
        raise BadBundle("it is no bundle; one comes from GET /_mock/bundle")
    if content["bundle"] != FORMAT:
        raise BadBundle(f"it is of format {content['bundle']}; this vern-mock reads format {FORMAT}")
    if content.get("digest") != _digest_of(content):
        raise BadBundle("its digest does not fit its content: it was edited, or a part is lost")
    schema = orjson.loads(data("openapi", "bundle.schema.json").read_bytes())
    if (wrong := complaint(jsonschema_rs.Draft202012Validator(schema), content, schema)) is not None:
        raise BadBundle(f"it has not the form of a bundle: {wrong}")
    if content["contract"] != contract_version:
        raise BadBundle(f"it was made with contract {content['contract']}; here is contract {contract_version}")
    if not partial:
        _refuse_partial(content)
    return content


def refuse_other_scenarios(content: Mapping[str, Any], world: World) -> None:
    """BadBundle when a scenario of the bundle is missing here, or is another one."""
    for each in content["scenarios"]:
        name, here = each["name"], world.scenarios.get(each["name"])
        if here is None:
            raise BadBundle(f"scenario {name!r} is not here, and the bundle does not hold its file")
        if _identity(here) != each["digest"]:
            raise BadBundle(
                f"scenario {name!r} is not the one that it was made with (vern-mock {content['made_by']} made it, "
                f"here is {VERSION}; or its file was changed while the server ran)"
            )


def _digest_of(content: dict[str, Any]) -> str | None:
    try:
        return digest(content)
    except TypeError:  # numbers or texts that no bundle holds
        return None


def _refuse_partial(content: dict[str, Any]) -> None:
    """BadBundle when what went before is forgotten, or a call that had an effect cannot be sent again."""
    if content["dropped"]:
        raise BadBundle(
            f"its first {content['dropped']} exchanges were dropped or cleared, and what follows builds on them; take "
            "the bundle before a session has that many, and before DELETE /_mock/requests"
        )
    if count := content.get("steered_dropped"):
        raise BadBundle(
            f"of its changes through the admin API the first {count} were forgotten; take it before so many"
        )
    for each in content["exchanges"]:
        if each["request"]["cut"] and (each["status"] or 500) < 400:
            raise BadBundle(
                f"exchange {each['id']}, {each['method']} {each['path']}, cannot be sent again: its body of "
                f"{each['request']['size']} bytes is longer than what is kept of one, or could hold credentials"
            )


def _identity(scenario: Scenario) -> str:
    """What stands for everything that a scenario makes happen; its plays and its place on the disk do not count."""
    return sha256(repr(scenario._replace(path="", plays=())).encode()).hexdigest()


def _involved(session: Session) -> Iterator[Scenario]:
    """The scenarios that the session has used, and those that its next call would."""
    names = {session.scenario, session.settings.scenario}
    names |= session.account.scenarios()
    return (scenario for name, scenario in session.world.scenarios.items() if name in names)


def _steered(session: Session, steered: Steered) -> dict[str, Any]:
    body = Secrets(session.key, session.journal.tokens).request(steered.body, len(steered.body))
    return {
        "after": steered.after,
        "at": iso(steered.at),
        "method": steered.method,
        "path": steered.path,
        "body": body.decode("utf-8", "replace"),
    }
