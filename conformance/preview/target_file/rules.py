"""What has to hold in a target file that its schema cannot say, as a table: a place, and the rule for what is there.

The rule that all of them keep: no message repeats a text of the file, since any may be a secret put in a wrong place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.target.target import key_mistake, url_mistake
from conformance.target.variables import Unset
from mock_server.contract.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mock_server.contract.yaml_file import Place

KEYS = ("api_key", "other_api_key", "revoked_api_key")
WAYS = ("body", "run", "command")

Mistake = tuple[str, tuple[str, ...], str]
"""Code, member below the value that was looked at (or none), and the end of a sentence that begins with its name."""


def broken_rules(place: Place, value: Any) -> Iterator[Mistake]:
    """What the rule for this place finds wrong with the value there."""
    rule = _RULES.get(tuple("*" if _is_free(place, index) else part for index, part in enumerate(place)))
    if rule is not None and not isinstance(value, Unset):
        yield from rule(place, value)


def _is_free(place: Place, index: int) -> bool:
    """Whether the table leaves this part of a place open: a position in a list, or the name of a state."""
    return isinstance(place[index], int) or (index == 1 and place[0] == "states")


def _base_url(_: Place, url: str) -> Iterator[Mistake]:
    if wrong := url_mistake(url):
        yield "T221", (), wrong


def _key(_: Place, key: str) -> Iterator[Mistake]:
    if wrong := key_mistake(key):
        yield "T222", (), wrong


def _different_keys(_: Place, file: Mapping[str, Any]) -> Iterator[Mistake]:
    first: dict[str, str] = {}
    for name in KEYS:
        key = file.get(name)
        if not isinstance(key, str) or isinstance(key, Unset) or not key:
            continue
        if first.setdefault(key, name) != name:
            yield "T223", (name,), f"has the same key as {first[key]} and as {name}; what it may do cannot be both"


def _one_company(_: Place, company: Mapping[str, Any] | None) -> Iterator[Mistake]:
    ways = ("provision", "existing")
    if company is not None and all(way in company for way in ways):
        yield "T224", ("existing",), "has 'provision' and also 'existing'; the suite does one of them"
    elif company is not None and not _attempted(company, ways):
        yield "T224", (), "has neither 'provision' nor 'existing'; give one, or leave the member out"


def _one_way(place: Place, state: Mapping[str, Any]) -> Iterator[Mistake]:
    given = [way for way in state if way in WAYS]
    if len(given) > 1:
        others = " and ".join(f"'{way}'" for way in given[1:])
        yield "T211", (given[1],), f"has '{given[0]}' and also {others}; there is one way to a state"
    elif not _attempted(state, WAYS):
        yield "T211", (), f"has no way to it; give one of: {', '.join(WAYS)}, or leave the state out"
    if "answers" in state and place[-1] != "needs_attention_again":
        yield "T212", ("answers",), "has 'answers', which belong to needs_attention_again alone"
    elif "answers" in state and given and "body" not in given:
        yield "T212", ("answers",), f"has 'answers' beside '{given[0]}', which leads all the way; they belong to 'body'"


def _attempted(value: Mapping[str, Any], words: tuple[str, ...]) -> bool:
    """Whether a member has one of these names, or one that is probably meant to be: that is told by itself."""
    return any(nearest(name, words) for name in value if name != "answers")


def _body(_: Place, body: Mapping[str, Any]) -> Iterator[Mistake]:
    if not body.keys() & {"rows", "files"}:  # OP-22
        near = next((found for name in body if (found := nearest(name, ("rows", "files")))), None)
        hint = f"; did you mean '{near}'?" if near else ""
        yield "T213", (), f"has neither 'rows' nor 'files', so it starts no import{hint}"


def _answer(_: Place, answer: Mapping[str, Any]) -> Iterator[Mistake]:
    if "option_id" in answer and "custom" in answer:  # OP-19
        yield "T214", (), "has an entry with 'option_id' and also 'custom'; an answer is one of them"
    elif not _attempted({name: None for name in answer if name != "question_id"}, ("option_id", "custom")):
        yield "T214", (), "has an entry with neither 'option_id' nor 'custom'; an answer is one of them"


def _command(_: Place, command: list[Any]) -> Iterator[Mistake]:
    if any("\0" in part for part in command if isinstance(part, str)):
        yield "T215", (), "has a zero character in it, which no argument can hold"
    elif command and isinstance(command[0], str) and not command[0].strip():
        yield "T215", (), "begins with an empty text; its first entry is the program"


def _advance(place: Place, command: list[Any]) -> Iterator[Mistake]:
    yield from _command(place, command)
    told = any(isinstance(part, Unset) or (isinstance(part, str) and "{seconds}" in part) for part in command)
    if command and not told:
        yield "T216", (), 'has no entry with {seconds}; pass it on, as in ["./advance.sh", "{seconds}"]'


_RULES: Mapping[Place, Callable[[Place, Any], Iterator[Mistake]]] = {
    (): _different_keys,
    ("base_url",): _base_url,
    **{(key,): _key for key in KEYS},
    ("company",): _one_company,
    ("states", "*"): _one_way,
    ("states", "*", "body"): _body,
    ("states", "*", "answers", "*"): _answer,
    ("states", "*", "command"): _command,
    ("clock", "advance", "command"): _advance,
}
