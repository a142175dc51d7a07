"""`mailhub routes`, `rcpthost` and `relayip`: where mail goes on, for whom, and from whom.

The names are tmail's, whose administrators look for them.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access, Refused

COLUMNS = (
    "number",
    "destination",
    "sender",
    "user",
    "host",
    "port",
    "priority",
    "weight",
    "tls",
)


@click.group()
def routes() -> None:
    """Over which servers mail leaves, where not straight to its destination.

    The most specific route counts: of a user before a sender, before a destination, before *.
    """


@routes.command()
@click.argument("destination")
@click.option("--host", default="", help="The server; empty: as the DNS says.")
@click.option("--port", type=int, default=25, show_default=True)
@click.option("--sender", default="", help="Only for this sender: a domain, or an address.")
@click.option("--user", default="", help="Only for what this account sends.")
@click.option("--priority", type=int, default=0, help="The lowest is tried first.  [default: 0]")
@click.option("--weight", type=int, default=1, help="Share among equals.  [default: 1]")
@click.option("--source", "sources", multiple=True, help="A local address; may be repeated.")
@click.option("--spread", is_flag=True, help="Choose among the local addresses at random.")
@click.option("--login", "username", default="", help="The name to log in there with.")
@click.option("--password-stdin", is_flag=True, help="Read its password from a line.")
@click.option(
    "--tls",
    type=click.Choice(["none", "opportunistic", "required", "verified"]),
    default="opportunistic",
    show_default=True,
)
@click.pass_obj
def add(access: Access, /, destination: str, **options: Any) -> None:
    """Send mail for DESTINATION, a domain or *, over a server."""
    from_input = options.pop("password_stdin")
    options["password"] = _password(from_input) if options["username"] else ""
    options["sources"] = list(options["sources"])
    made = access.ask("route-add", destination=destination, **options)
    click.echo(f"added {made['number']}")


def _password(from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Refused("a password is needed: --password-stdin")
    password: str = click.prompt("Password", hide_input=True)
    return password


@routes.command(name="list")
@show.as_json
@click.pass_obj
def list_(access: Access, as_json: bool) -> None:
    """Every route."""
    show.table(access.ask("route-list"), COLUMNS, as_json)


@routes.command(name="show")
@click.argument("number", type=int)
@show.as_json
@click.pass_obj
def show_(access: Access, number: int, as_json: bool) -> None:
    """All about the route of this NUMBER but its password, which is never shown."""
    for route in access.ask("route-list"):
        if route["number"] == number:
            show.record(route, as_json)
            return
    raise Refused("No such route")


@routes.command(name="del")
@click.argument("number", type=int)
@click.pass_obj
def remove(access: Access, number: int) -> None:
    """Remove the route of this NUMBER."""
    access.ask("route-remove", number=number)
    click.echo(f"removed {number}")


@click.group()
def rcpthost() -> None:
    """The domains that mail is taken for: local ones, and those whose mail goes on."""


@rcpthost.command(name="add")
@click.argument("name")
@click.option("--local/--relay", default=False, help="Its mail ends here, or goes on (default).")
@click.pass_obj
def add_host(access: Access, name: str, local: bool) -> None:
    """Take mail for NAME."""
    made = access.ask("domain-add", name=name, relay=not local)
    click.echo(f"added {made['name']}")


@rcpthost.command(name="list")
@show.as_json
@click.pass_obj
def list_hosts(access: Access, as_json: bool) -> None:
    """Every domain, and whether its mail goes on."""
    show.table(access.ask("domain-list"), ("name", "relay", "alias_of"), as_json)


@rcpthost.command(name="del")
@click.argument("name")
@click.pass_obj
def remove_host(access: Access, name: str) -> None:
    """Stop taking mail for NAME; no address may stand in it any more."""
    access.ask("domain-remove", name=name)
    click.echo(f"removed {name}")


@click.group()
def relayip() -> None:
    """Networks whose clients may send to anybody without logging in.

    Those of the configuration ([smtp] trusted_networks) stand beside them.
    """


@relayip.command(name="add")
@click.argument("network")
@click.pass_obj
def add_network(access: Access, network: str) -> None:
    """Let NETWORK relay: an address, or 192.0.2.0/24."""
    click.echo(f"added {access.ask('relay-allow', network=network)['network']}")


@relayip.command(name="list")
@show.as_json
@click.pass_obj
def list_networks(access: Access, as_json: bool) -> None:
    """Every network."""
    show.table(access.ask("relay-list"), ("network",), as_json)


@relayip.command(name="del")
@click.argument("network")
@click.pass_obj
def remove_network(access: Access, network: str) -> None:
    """NETWORK may relay no more."""
    access.ask("relay-disallow", network=network)
    click.echo(f"removed {network}")
