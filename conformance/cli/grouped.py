"""A command whose help shows its options in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

GROUPS: Mapping[str, Sequence[str]] = {
    "What to judge": ("target", "base_url", "api_key", "profile", "read_only"),
    "How it is judged, and how long that takes": (
        *("depth", "isolated", "rate_checks", "max_examples", "seed", "poll_every", "max_time", "max_failures"),
    ),
    "The verdict": ("level", "require", "baseline", "allow_skips"),
}
"""The options of `run`, by name; all others are about its reports."""
REST = "Reports"


class Grouped(click.Command):
    """A command with GROUPS."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each group under its title."""
        titles = {name: title for title, names in GROUPS.items() for name in names}
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in (*GROUPS, REST)}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (row := param.get_help_record(ctx)) is not None:
                rows[titles.get(param.name or "", REST)].append(row)
        for title, told in rows.items():
            with formatter.section(title):
                formatter.write_dl(told)
