"""`mailhub status`: what is found when the server looks itself over."""

from __future__ import annotations

import json

import click

from mailhub.cli import show
from mailhub.cli.access import Access

SIGNS = {"ok": "  ", "warning": "? ", "error": "! ", "unknown": "~ "}


@click.command()
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...")
@click.option("--all", "everything", is_flag=True, help="Also what is well.")
@show.as_json
@click.pass_obj
def status(access: Access, domains: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Look the server over, and DOMAINs: what is wrong (!), what should be looked at (?), and what
    could not be found out (~), with what mends it.

    Ends with status 1 where something is wrong. Without a running server, listeners are not
    looked at.
    """
    chapters = access.ask("status", domains=list(domains))
    if as_json:
        click.echo(json.dumps(chapters, indent=2, ensure_ascii=False))
    else:
        for chapter in chapters:
            click.echo(f"{chapter['title']}: {chapter['status']}")
            for one in chapter["findings"]:
                if everything or one["status"] != "ok":
                    _say(one)
    if any(chapter["status"] == "error" for chapter in chapters):
        raise SystemExit(1)


def _say(finding: dict[str, str | list[str]]) -> None:
    sign = SIGNS[str(finding["status"])]
    click.echo(f"  {sign}{finding['text']} {finding['mend']}".rstrip())
    for line in finding["details"]:
        click.echo(f"      {line}")
