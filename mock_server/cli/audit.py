"""The command that asks for a client's report card, prints it, and says by its exit code whether it is clean."""

# ruff: noqa: PLC0415 - what a command needs is imported inside it, so that the others start at once

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from mock_server.cli.arguments import FILE, end, tell
from mock_server.cli.client import ask, server_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command("audit")
@click.option("--format", "form", type=click.Choice(["text", "json", "junit", "markdown"]), default="text",
              show_default=True)  # fmt: skip
@click.option(
    "--baseline",
    type=FILE,
    help="Expect the findings of this file (lines `CODE: reason`); one that is not found fails the card.",
)
@click.option(
    "--disable",
    multiple=True,
    metavar="CODE=REASON",
    help="Leave this rule out, for this reason; repeat the option for several.",
)
@click.option(
    "--ongoing",
    is_flag=True,
    help="Judge a client that is still at work: leave out the rules about calls that never came.",
)
@click.option(
    "--rules", is_flag=True, help="Print all rules, and the clauses that no rule covers, as Markdown tables; then exit."
)
@click.option("--bundle", type=FILE, help="Judge the session in this file, which GET /_mock/bundle returned.")
@server_options("Judge the session of this key; required without --bundle.")
def command(form: str, baseline: Path | None, disable: tuple[str, ...], *, rules: bool, **given: Any) -> None:
    """Print the report card of a client: where its calls in a session do not follow the documentation.

    The exit code is 1 when there is an error or a warning that the baseline does not expect, when the baseline expects
    one that is not there, and when the session has no calls. Notes do not change the exit code.

    \b
      vern-mock audit --api-key my-key
      vern-mock audit --api-key my-key --format junit > report-card.xml
      vern-mock audit --api-key my-key --disable import-without-key="one import a year, by hand"
      vern-mock audit --bundle bundle.json
    """
    from conformance.report import card as card_report

    if rules:
        click.echo(card_report.rules(), nl=False)
        return
    expected, disabled = _exceptions(baseline, disable)
    card = _card(given, sorted(disabled))
    report = card_report.Report(card, expected, disabled)
    tell(card_report.FORMATS[form](report), nl=False)
    if not card["exchanges"]:
        click.echo("vern-mock: no call was made with this key, so there is nothing to judge", err=True)
    sys.exit(1 if report.failed or not card["exchanges"] else 0)


def _card(given: dict[str, Any], without: list[str]) -> Any:
    from conformance.audit.card import card
    from mock_server.contract import document as contract
    from mock_server.session.bundle import BadBundle, opened

    path, ongoing = given["bundle"], given["ongoing"]
    if path is None:
        if not given["api_key"]:
            raise click.UsageError("give --api-key (or VERN_API_KEY), whose session is judged; or --bundle")
        query = urlencode({"ongoing": str(ongoing).lower(), "without": ",".join(without)})
        return ask(given, f"/_mock/audit?{query}", "card")
    try:
        bundle = opened(path.read_bytes(), contract.load().version)
    except BadBundle as bad:
        end(f"{path} cannot be judged: {bad}")
    mode, dialect = bundle["clock"]["mode"], str(bundle["settings"].get("dialect", "documented"))
    try:
        return card(bundle["exchanges"], clock=mode, dialect=dialect, ongoing=ongoing, without=without)
    except (KeyError, TypeError, ValueError) as wrong:
        end(f"{path} cannot be judged: an exchange in it is none of this vern-mock's ({wrong!r})")


def _exceptions(baseline: Path | None, words: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """The findings to expect, and the rules to leave out, each with its reason."""
    from conformance.audit import RULES
    from conformance.verdict.baseline import load
    from mock_server.contract.nearest import nearest
    from mock_server.contract.yaml_file import BadFiles

    reasons = {}
    for word in words:
        code, _, reason = (each.strip() for each in word.partition("="))
        if code not in RULES:
            near = nearest(code, RULES)
            hint = f"did you mean '{near}'?" if near else "docs/report-card.md lists them"
            raise click.BadParameter(f"no rule '{code}'; {hint}", param_hint="--disable")
        if not reason:
            raise click.BadParameter(f"expected {code}=REASON; got no reason", param_hint="--disable")
        reasons[code] = reason
    try:
        return {} if baseline is None else load(baseline, RULES, "rule of the report card"), reasons
    except BadFiles as bad:
        end(f"the baseline needs mending:\n{bad}")
