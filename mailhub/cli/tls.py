"""`mailhub tls`: certificates."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access

COLUMNS = ("name", "status", "days", "issuer", "what")


@click.group()
def tls() -> None:
    """Certificates: which name has which, and new ones.

    With `acme.agree` set they are asked for and renewed by themselves.
    """


@tls.command()
@show.as_json
@click.pass_obj
def status(access: Access, as_json: bool) -> None:
    """Every name that is served here, and what is wrong with its certificate."""
    rows = access.ask("tls-status")
    for row in rows:
        row["what"] = "; ".join(filter(None, (row["problem"], row["failure"], row["obstacle"])))
    show.table(rows, COLUMNS, as_json)


@tls.command(name="list")
@show.as_json
@click.pass_obj
def list_(access: Access, as_json: bool) -> None:
    """Every certificate that can be shown."""
    rows = access.ask("tls-list")
    if not as_json:
        for row in rows:
            row["names"] = ", ".join(row["names"])
            row["ends"] = time.strftime("%Y-%m-%d %H:%M", time.gmtime(row["ends"]))
    show.table(rows, ("id", "names", "issuer", "ends", "problem"), as_json)


@tls.command()
@click.argument("name")
@click.option("--country", default="", help="Two letters.")
@click.pass_obj
def csr(access: Access, name: str, country: str) -> None:
    """Print a signing request for NAME, made with the server's own key."""
    sys.stdout.write(access.ask("tls-csr", name=name, country=country))


@tls.command()
@click.argument("name")
@click.argument("certificate", type=click.File())
@click.option("--chain", type=click.File(), help="The certificates of who signed it.")
@click.option("--key", type=click.File(), help="Its key, where it is not the server's own.")
@click.pass_obj
def install(access: Access, name: str, certificate: Any, chain: Any, key: Any) -> None:
    """Show the CERTIFICATE in a file (PEM; - for standard input) for NAME from now on."""
    made = access.ask(
        "tls-install",
        name=name,
        certificate=certificate.read(),
        chain=chain.read() if chain else "",
        key=key.read() if key else "",
    )
    click.echo(f"installed {made['id']} for {', '.join(made['names'])}")


@tls.command()
@click.argument("id")
@click.pass_obj
def remove(access: Access, id: str) -> None:
    """Show the certificate ID no more; it has to be one that was installed."""
    access.ask("tls-remove", id=id)
    click.echo(f"removed {id}")


@tls.command()
@click.argument("names", nargs=-1)
@click.option("--force", is_flag=True, help="Also where a good one is there.")
@click.pass_obj
def provision(access: Access, names: tuple[str, ...], force: bool) -> None:
    """Ask the authority for certificates of NAMES, or of all names that need one."""
    done = access.ask("tls-provision", names=list(names), force=force)
    for one in done:
        click.echo(f"{one['result']}: {', '.join(one['names'])}")
        for line in one["log"]:
            click.echo(f"  {line}")
    if not done:
        click.echo("every certificate is good")
    if any(one["result"] == "error" for one in done):
        sys.exit(1)


@tls.command()
@click.argument("id")
@click.pass_obj
def revoke(access: Access, id: str) -> None:
    """Take the certificate ID back at the authority that issued it, and remove it."""
    access.ask("tls-revoke", id=id)
    click.echo(f"revoked {id}")
