"""`mailhub report`: what other servers report about our domains, and reports to them."""

from __future__ import annotations

import time
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access

COLUMNS = ("date", "domain", "kind", "reporter", "passed", "failed")
SOURCES = ("address", "passed", "failed", "dkim", "spf", "quarantined", "rejected")
FAILURES = ("result", "policy", "mx", "count")
SENT = ("date", "domain", "kind", "outcome", "where")

_days = click.option("--days", type=click.IntRange(0), default=7, show_default=True)


@click.group()
def report() -> None:
    """Reports about DMARC and about TLS: those that came, and those that go.

    They are read where reports.receive is set, and sent once a day where reports.sender is.
    """


@report.command(name="list")
@click.argument("domain", default="")
@_days
@show.as_json
@click.pass_obj
def list_(access: Access, domain: str, days: int, as_json: bool) -> None:
    """The reports that came about DOMAIN, or about all: passed and failed messages (dmarc), or
    sessions (tls)."""
    rows = access.ask("report-list", domain=domain, days=days)
    show.table([_dated(row) for row in rows], COLUMNS, as_json)


@report.command(name="show")
@click.argument("domain")
@_days
@show.as_json
@click.pass_obj
def show_(access: Access, domain: str, days: int, as_json: bool) -> None:
    """What they say about DOMAIN: who sends in its name, and what fails."""
    found = access.ask("report-show", domain=domain, days=days)
    if as_json:
        show.record(found, True)
        return
    plain = ("domain", "reports", "passed", "failed", "tls_passed", "tls_failed")
    show.record({name: found[name] for name in plain}, False)
    reporters = [{"reporter": name, "count": count} for name, count in found["reporters"]]
    _section("Reporters", reporters, ("reporter", "count"))
    _section("Sources of mail", found["sources"], SOURCES)
    if found["more"]:
        click.echo(f"and {found['more']} more")
    _section("TLS failures", found["failures"], FAILURES)


@report.command()
@show.as_json
@click.pass_obj
def read(access: Access, as_json: bool) -> None:
    """Read all mail in the mailbox for reports again; what was read before counts once."""
    outcomes = access.ask("report-read")
    rows = [{"outcome": name, "messages": count} for name, count in sorted(outcomes.items())]
    show.table(rows, ("outcome", "messages"), as_json)


@report.command()
@click.option("--today", is_flag=True, help="Send what was counted today, too.")
@show.as_json
@click.pass_obj
def send(access: Access, today: bool, as_json: bool) -> None:
    """Send the reports that are due now, instead of at their hour."""
    rows = access.ask("report-send", today=today)
    show.table([_dated(row) for row in rows], SENT, as_json)


def _section(title: str, rows: list[Any], columns: tuple[str, ...]) -> None:
    if rows:
        click.echo(f"\n{title}:")
        show.table(rows, columns, False)


def _dated(row: Any) -> Any:
    return {**row, "date": time.strftime("%Y-%m-%d", time.gmtime(row["day"]))}
