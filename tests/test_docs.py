"""What the documents say is so: their commands run, their files load, their tables and figures are the program's."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from commanding import environment, ran
from conftest import Client
from test_architecture import LEVELS

import conformance.cli.main
from mock_server.admin.application import calls
from mock_server.cli.main import COMMANDS, main
from mock_server.cli.main import commands as mock_commands
from mock_server.cli.serve import command as serve
from mock_server.contract import document as contract
from mock_server.contract.yaml_schema import load_schema
from mock_server.player.process import running
from mock_server.preview.language import load_world
from mock_server.preview.partner import play_through
from mock_server.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.data.templates import Column

ROOT = Path(__file__).parent.parent
README, SCENARIOS, POINTS = ROOT / "README.md", ROOT / "docs/scenarios.md", ROOT / "docs/open-points.md"
MAP, TERMS = ROOT / "docs/architecture.md", ROOT / "docs/terms.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
RUNNABLE = [README, *sorted(ROOT.glob("docs/*.md"))]
WORLD = load_world()

# What a part of a scenario is completed with, so that it can be loaded and played.
FRAME = {
    "title": "title: A part that a document shows\n",
    "run": """run:
  - work: 5s
  - park:
      - {sheet: Contacts, column: Status, rows: 12, fix: set_value, value: Open}
  - work: 5s
  - complete:
""",
    "plays": """plays:
  - title: it completes
    steps: [{start: }, {wait: 5s}, {see: needs_attention}, {approve: }, {wait: 5s}, {see: completed}]
""",
}

# What a document's commands find in place of the real ones: each notes how it went, none blocks, none installs.
STAND_INS = {
    "curl": """status=$({curl} --silent --show-error --output body --write-out '%{{http_code}}' "$@")
cat body; echo "$status curl $*" >>ran; test "$status" -lt 400""",
    "vern-mock": """case "$1" in
serve) shift; "{python}" -P -c 'import sys; from {running} import running
with running(*sys.argv[1:]) as server: sys.exit(server.stop())' "$@" ;;
demo) "{python}" -P -m mock_server "$@" --speed 0 ;;
*) "{python}" -P -m mock_server "$@" ;;
esac
code=$?; echo "$code vern-mock $*" >>ran; exit $code""",
    "python": """"{python}" -P "$@"; code=$?; echo "$code python $*" >>ran; exit $code""",
    "vern-conformance": """case "$1" in
run) "{python}" -P -m conformance "$@" --max-examples 0 ;;
*) "{python}" -P -m conformance "$@" ;;
esac
code=$?; echo "$code vern-conformance $*" >>ran; exit $code""",
    "pip": """echo "0 pip $*" >>ran""",
}


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)


def script(path: Path) -> str:
    """The document's shell blocks, and the curl lines in its text, in order."""
    found = re.finditer(r"^```(\w*)\n(.*?)^```$|`(curl [^`\n]+)`", path.read_text(), re.MULTILINE | re.DOTALL)
    return "\n".join(each[2] if each[1] == "sh" else each[3] or "" for each in found)


def section(path: Path, heading: str) -> str:
    """The text below a heading, up to the next one of any kind."""
    return path.read_text().partition(f"\n{heading}\n")[2].partition("\n#")[0]


def between(path: Path, marker: str) -> str:
    return path.read_text().partition(f"<!-- {marker} -->\n")[2].partition(f"<!-- /{marker} -->")[0]


def files(path: Path, into: Path) -> list[Path]:
    """The document's YAML: whole files under the name above them, parts completed by the frame."""
    made = []
    found = re.finditer(r"(?:`([\w/.-]+\.yaml)`:\n\n)?^```yaml\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    for number, (name, text) in enumerate(each.groups() for each in found):
        given = {member for member in FRAME if re.search(rf"^{member}:", text, re.MULTILINE)}
        frame = "" if name else "".join(part for member, part in FRAME.items() if member not in given)
        file = into / (name or f"parts/part-{number}.yaml")
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(frame + text)
        made.append(file)
    return made


# commands


@pytest.mark.parametrize("document", [path for path in RUNNABLE if script(path).strip()], ids=lambda path: path.name)
def test_every_command_of_a_document_works_as_written(document: Path, server: str, key: str, tmp_path: Path) -> None:
    text = script(document).replace("http://127.0.0.1:8376", server).replace("my-key", key)
    curl = shutil.which("curl")
    if "curl " in text and curl is None:
        pytest.skip("there is no curl on this machine, and the document uses it")
    files(document, tmp_path)
    for name, body in STAND_INS.items():
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{body.format(curl=curl, python=sys.executable, running=running.__module__)}\n")
        file.chmod(0o755)
    found = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        ["/bin/sh", "-eu", "-c", f"{text}\nwait"],
        cwd=tmp_path,
        env=environment(PATH=found, VERN_MOCK_URL=server),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    noted = [line.partition(" ") for line in (tmp_path / "ran").read_text().splitlines()]
    wrong = [line for status, _, line in noted if status not in {"0", "200", "201"}]
    assert (done.returncode, wrong) == (0, []), done.stdout + done.stderr
    assert len(noted) == len(re.findall(rf"(?:^|\$\()(?:{'|'.join(STAND_INS)})\b", text, re.MULTILINE))


def test_the_documented_example_is_parked_and_takes_its_answer(client: Client) -> None:
    """The two calls that README takes from the documentation, with their effect."""
    run = re.findall(r"http://127\.0\.0\.1:8376(/api/v1/companies/[0-9a-f-]+/imports/[0-9a-f-]+)\b", script(README))[0]
    assert client.get(run).body["status"] == "needs_attention"
    sent = json.loads(re.findall(r"-d '(\{\"decision\".*\})'", script(README))[0])
    assert client.post(f"{run}/decisions", sent).body["status"] == "running"


def test_the_demo_s_excerpt_is_what_the_demo_shows() -> None:
    done = ran(main, "demo", "--speed", "0")
    excerpt, _ = blocks(README, "console")
    shown = iter(done.stdout.splitlines())
    first, *lines = excerpt.splitlines()
    assert first == "$ make demo"
    for line in lines:
        assert not line.strip(" …") or line in shown, f"the demo does not show (here): {line}\n{done.stdout}"


def test_what_lint_is_shown_to_say_is_what_it_says(tmp_path: Path) -> None:
    files(SCENARIOS, tmp_path)
    (shown,) = blocks(SCENARIOS, "console")
    line, _, said = shown.partition("\n")
    done = ran(main, *line.removeprefix("$ vern-mock ").split(), folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, said)


def test_the_report_card_s_excerpt_is_what_a_client_gets(client: Client, server: str, key: str) -> None:
    """A start whose answer is lost, and seven more, without a key or a look."""
    client.put("/_mock/clock", {"mode": "real"})
    company = WORLD.scenarios["lost-create"].ready.id
    body = {"rows": [{"Email": "ada@example.com"}]}
    with pytest.raises(OSError):  # noqa: PT011 - a reset, or an end of the connection
        client.post(f"/api/v1/companies/{company}/imports", body)
    for _ in range(7):
        assert client.post(f"/api/v1/companies/{company}/imports", body).status == 409
    done = ran(main, "audit", "--url", server, "--api-key", key)
    assert done.returncode == 1
    _, excerpt = blocks(README, "console")
    shown, told = (re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", text) for text in (done.stdout, excerpt))
    assert told.partition("\n")[2].strip() in shown


def test_every_option_that_a_document_names_is_there() -> None:
    groups = (mock_commands, conformance.cli.main.commands)
    params = [each for group in groups for command in _commands(group) for each in command.params]
    known = {name for each in params for name in (*each.opts, *each.secondary_opts)}
    known |= {name for each in ROOT.glob("pytest_*.py") for name in re.findall(r'"(--[a-z-]+)"', each.read_text())} | {
        "--test"
    }  # node's
    for path in DOCUMENTS:
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", path.read_text()))
        assert named <= known | {"--help", "--version"}, path


def _commands(group: click.Group) -> Iterator[click.Command]:
    context = click.Context(group)
    yield from filter(None, (group.get_command(context, name) for name in group.list_commands(context)))


def test_every_module_of_a_command_is_in_the_list_of_commands() -> None:
    modules = {path.stem for path in (ROOT / "mock_server/cli").glob("*.py") if "def command(" in path.read_text()}
    assert modules == set(COMMANDS)
    assert list(COMMANDS) == sorted(COMMANDS)


def test_every_option_of_serve_is_a_variable() -> None:
    for each in serve.params:
        if isinstance(each, click.Option) and each.name != "help":
            assert each.envvar == f"VERN_MOCK_{(each.name or '').upper()}"


def test_every_make_target_that_a_document_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in DOCUMENTS:
        assert set(re.findall(r"(?:`|^|\$ )make ([a-z-]*[a-z])", path.read_text(), re.MULTILINE)) <= targets, path


# README


def test_the_table_of_scenarios_is_what_there_is() -> None:
    rows = "".join(f"| `{each.name}` | {each.title} | `{each.ready.id}` |\n" for each in WORLD.scenarios.values())
    assert between(README, "scenarios") == f"| scenario | what happens | its ready company |\n|---|---|---|\n{rows}"


def test_the_table_of_admin_calls_is_what_there_is() -> None:
    told = set(_admin_calls(section(README, "## Steer it")))
    assert told == set(calls())


def _admin_calls(text: str) -> Iterator[tuple[str, str]]:
    """Method and route of each call that the table's first column names, with what it leaves out filled in."""
    for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
        verbs, path = [], ""
        for span in re.findall(r"`([^`]+)`", row):
            verb, _, given = span.rpartition(" ") if span.startswith(("…", ".")) else span.partition(" ")
            verbs += [verb] if verb else []
            if not given:
                continue
            if given.startswith("…"):
                given = path.rpartition("/")[0] + given[1:]
            elif given.startswith("."):
                given = path.rpartition(".")[0] + given
            path = given
            route = re.sub(r"\{\w+\}", "*", path.removeprefix("/_mock/"))
            yield from ((each, route) for each in verbs)


def test_figures_are_true() -> None:
    text = re.sub(r"\s+", " ", README.read_text())
    assert f"{len(contract.clause_ids())} clauses" in text
    assert len(contract.load().operations) == 11
    assert "eleven operations" in text


# docs/scenarios.md


def test_every_file_and_part_of_a_file_can_be_loaded_and_its_plays_are_true(tmp_path: Path) -> None:
    made = [file for file in files(SCENARIOS, tmp_path) if file.name != "mistaken.yaml"]
    scenarios = [load_world([file]).scenarios[file.stem] for file in made]
    assert len(scenarios) >= 3
    with running("--speed", "0", *(part for file in made for part in ("--scenarios", str(file)))) as process:
        for scenario in scenarios:
            for number, play in enumerate(scenario.plays):
                client = Client(process.url, f"{scenario.name}-{number}")
                for moment in play_through(play, scenario, client.transport, client.wait):
                    assert not moment.differences, f"{scenario.name}: {play.title}: {moment}"
                client.close()


def test_the_table_of_codes_is_the_linter_s() -> None:
    rows = "".join(f"| {code} | {text} |\n" for code, text in load_schema("scenario")["x-complaints"].items())
    assert between(SCENARIOS, "codes") == f"| code | what is wrong |\n|---|---|\n{rows}"


def test_the_table_of_sheets_is_the_account_s() -> None:
    rows = "".join(
        f"| `{template.name}` | `{column.name}` | {_can_fail(column)} |\n"
        for template in WORLD.catalogue.templates
        for column in template.columns
    )
    assert between(SCENARIOS, "sheets") == f"| sheet | column | can fail |\n|---|---|---|\n{rows}"


def _can_fail(column: Column) -> str:
    """In the order in which a group that names no check gets one."""
    checks = {column.rule: column.rule in {"strict", "link"}, "unique": column.unique, "required": column.required}
    return ", ".join(f"`{check}`" for check, possible in checks.items() if possible) or "nothing; it takes anything"


@pytest.mark.parametrize(
    ("definition", "heading"),
    [
        ("", "## The world"),
        ("beat", "### Beats"),
        ("group", "### Groups"),
        ("fault", "### Faults"),
        ("step", "## Plays"),
        ("answer", "## Plays"),
    ],
)
def test_every_member_of_the_language_is_told(definition: str, heading: str) -> None:
    schema: Any = json.loads(contract.data("openapi", "scenario.schema.json").read_text())
    told = section(SCENARIOS, heading)
    for name in (schema["definitions"][definition] if definition else schema)["properties"]:
        assert re.search(rf"[`\s]{name}\b[:`]", told), f"{heading} does not tell of {name}"


# docs/open-points.md, docs/architecture.md, docs/decisions


def test_every_open_point_is_settled_once() -> None:
    points = re.findall(r"^\| (OP-\d\d) \|", POINTS.read_text(), re.MULTILINE)
    assert points == [f"OP-{number:02}" for number in range(1, 41)]


def test_every_clause_and_open_point_that_is_cited_is_there() -> None:
    known = contract.clause_ids() | set(re.findall(r"OP-\d\d", POINTS.read_text()))
    kinds = "|".join(sorted({each.rpartition("-")[0] for each in known}))
    sources = [path for folder in ("mock_server", "tests", "openapi") for path in ROOT.glob(f"{folder}/**/*.[py]*")]
    for path in [*DOCUMENTS, *(path for path in sources if path.suffix in {".py", ".yaml"})]:
        cited = set(re.findall(rf"\b(?:{kinds})-\d\d\b", path.read_text()))
        assert {each for each in cited - known if not each.endswith("-99")} == set(), (
            path
        )  # -99: the tests' unknown one


def test_the_map_of_the_house_is_short_and_draws_every_room_in_its_place() -> None:
    text = MAP.read_text()
    assert len(text.splitlines()) <= 110
    picture = section(MAP, "## The picture").split("```")[1].partition("\n\n")[0].splitlines()[2:]
    for package, column in zip(LEVELS, ([line[:58] for line in picture], [line[58:] for line in picture]), strict=True):
        drawn = [set(found[0].replace("/", "").split()) for line in column if (found := re.match(r" +(\w+/ ?)+", line))]
        rooms = [
            {room for room in level.split() if (ROOT / package / room).is_dir()} for level in LEVELS[package].split(",")
        ]
        assert drawn == [level for level in reversed(rooms) if level], package


def test_the_map_names_only_what_is_there() -> None:
    named = re.findall(r"\b(?:\w+/)+(?:\w+\.py)?", re.sub(r"openapi/|_mock/|[\w.]+//", "", MAP.read_text()))
    roots = [ROOT, ROOT / "mock_server", ROOT / "conformance", ROOT / "conformance/preview"]
    gone = [
        place for place in named if not any((root / place).exists() for root in (*roots, ROOT / "mock_server/preview"))
    ]
    assert not gone, gone


def test_the_map_says_how_many_files_an_addition_touches() -> None:
    measured = runpy.run_path(str(ROOT / "tests/figures.py"))["additions"](ROOT)
    said = dict(re.findall(r"^\| ([\w ]+) \| (\d+) \|", MAP.read_text(), re.MULTILINE))
    assert said == {name: str(len(files)) for name, files in measured.items()}


def test_every_term_has_one_line_and_lives_where_it_says() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TERMS.read_text(), re.MULTILINE)[1:]
    assert 25 <= len(rows) <= 40
    places = {term: re.findall(r"`([^`]+)`", where) for term, _, where in rows}
    assert all(places.values())
    gone = [f"{term}: {place}" for term, where in places.items() for place in where if not (ROOT / place).exists()]
    assert not gone, gone


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/decisions/*.md")), ids=lambda path: path.stem)
def test_a_decision_has_at_most_twenty_lines_and_a_number_of_its_own(path: Path) -> None:
    lines, number = path.read_text().splitlines(), path.stem[:4]
    assert len(lines) <= 20
    assert lines[0].startswith(f"# {int(number)}. ")
    assert [*path.parent.glob(f"{number}-*.md")] == [path]


# every document


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_within_the_project_leads_somewhere(path: Path) -> None:
    for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", path.read_text()):
        if link.startswith(("https://", "http://")):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, link


def test_the_newest_version_of_the_changelog_is_the_project_s() -> None:
    versions = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == VERSION
