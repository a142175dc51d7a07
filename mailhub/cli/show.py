"""How results look: a table for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def record(value: Mapping[str, Any], as_json: bool) -> None:
    """One thing, a line a field."""
    if as_json:
        click.echo(json.dumps(value, indent=2))
        return
    width = max(map(len, value))
    for name, item in value.items():
        if isinstance(item, list) and item and isinstance(item[0], Mapping):
            click.echo(f"{name}:")
            table(item, list(item[0]), False)
        else:
            click.echo(f"{name:<{width}}  {plain(item)}")


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Many things, a row each."""
    if as_json:
        click.echo(json.dumps(list(rows), indent=2))
        return
    if not rows:
        click.echo("none")
        return
    if sys.stdout.isatty():
        _rich(rows, columns)
        return
    for row in rows:
        click.echo("\t".join(plain(row[column]) for column in columns))


def _rich(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False)
    for column in columns:
        drawn.add_column(column.replace("_", " "))
    for row in rows:
        drawn.add_row(*(plain(row[column]) for column in columns))
    Console(markup=False).print(drawn)


def plain(value: Any) -> str:
    """A value as words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
