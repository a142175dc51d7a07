"""`mailhub dns`: zones of the DNS, records of an administrator's own, secondaries."""

from __future__ import annotations

import json
from typing import Any

import click

from mailhub.cli import show, times
from mailhub.cli.access import Access

RECORD = ("name", "type", "value")


@click.group()
def dns() -> None:
    """What the DNS says of this server's domains.

    Zones are made of domains, keys and certificates; custom records come first.
    """


@dns.command()
@show.as_json
@click.pass_obj
def zones(access: Access, as_json: bool) -> None:
    """Every zone: name, serial, how many records."""
    show.table(access.ask("dns-zones"), ("zone", "serial", "records"), as_json)


@dns.command(name="show")
@click.argument("zone")
@show.as_json
@click.pass_obj
def show_(access: Access, zone: str, as_json: bool) -> None:
    """The records of ZONE, and why each is there."""
    show.table(access.ask("dns-show", zone=zone), (*RECORD, "why"), as_json)


@dns.command()
@click.argument("zone")
@click.pass_obj
def zonefile(access: Access, zone: str) -> None:
    """ZONE as a zone file, unsigned."""
    click.echo(access.ask("dns-zonefile", zone=zone), nl=False)


@dns.command()
@click.pass_obj
def dump(access: Access) -> None:
    """All records as JSON, the most important first: for zones that another server has."""
    click.echo(json.dumps(access.ask("dns-dump"), indent=2))


@dns.command()
@click.argument("zone")
@click.pass_obj
def ds(access: Access, zone: str) -> None:
    """The DS records that the registrar of ZONE needs for DNSSEC."""
    for text in access.ask("dns-ds", zone=zone):
        click.echo(f"{zone.rstrip('.')}. IN DS {text}")


@dns.command()
@click.argument("zone")
@show.as_json
@click.pass_obj
def keys(access: Access, zone: str, as_json: bool) -> None:
    """The keys of ZONE, and what comes next for each."""
    _say_keys(access.ask("dns-keys", zone=zone), zone, as_json)


@dns.command()
@click.argument("zone")
@click.option("--confirmed", is_flag=True, help="The zone above has the new DS: go on.")
@show.as_json
@click.pass_obj
def rollover(access: Access, zone: str, confirmed: bool, as_json: bool) -> None:
    """Change the key of ZONE. It takes some days, and nobody notices.

    `mailhub dns keys` says when the registrar has to be told; where the zone above looks for it
    itself (CDS), nobody has to.
    """
    _say_keys(access.ask("dns-rollover", zone=zone, confirmed=confirmed), zone, as_json)


@dns.command()
@click.option("--force", is_flag=True, help="A new serial for every zone.")
@click.pass_obj
def update(access: Access, force: bool) -> None:
    """Publish what is new at once. It happens by itself, too."""
    _say(access.ask("dns-update", force=force))


@dns.group()
def custom() -> None:
    """Records of your own."""


@custom.command(name="list")
@click.argument("name", default="")
@click.argument("type", default="")
@show.as_json
@click.pass_obj
def list_(access: Access, name: str, type: str, as_json: bool) -> None:
    """Custom records: all, or those of NAME, or of one TYPE there."""
    show.table(access.ask("dns-custom", name=name, type=type), RECORD, as_json)


@custom.command()
@click.argument("name")
@click.argument("type")
@click.argument("value")
@click.pass_obj
def add(access: Access, name: str, type: str, value: str) -> None:
    """One more record, such as: www.example.org A 192.0.2.7; `local` is this server."""
    _say(access.ask("dns-add", name=name, type=type, value=value))


@custom.command(name="set")
@click.argument("name")
@click.argument("type")
@click.argument("value")
@click.pass_obj
def set_(access: Access, name: str, type: str, value: str) -> None:
    """The only custom record of NAME and TYPE."""
    _say(access.ask("dns-set", name=name, type=type, value=value))


@custom.command()
@click.argument("name")
@click.argument("type")
@click.argument("value", default="")
@click.pass_obj
def remove(access: Access, name: str, type: str, value: str) -> None:
    """Remove one record, or all of NAME and TYPE."""
    _say(access.ask("dns-remove", name=name, type=type, value=value))


@dns.command()
@click.argument("names", nargs=-1)
@click.option("--clear", is_flag=True, help="None any more.")
@click.pass_obj
def secondary(access: Access, names: tuple[str, ...], clear: bool) -> None:
    """The servers that fetch our zones, or NAMES instead of them.

    A host name is told of new zones and stands in them; xfr:ADDRESS is told, xfr:NETWORK only may
    fetch.
    """
    given: dict[str, Any] = {"names": list(names)} if names or clear else {}
    for name in access.ask("dns-secondaries", **given):
        click.echo(name)


NEXT = {
    "coming": "known everywhere",
    "ready": "waits for the zone above: give it the DS below",
    "trusted": "signs",
    "active": "signs",
    "leaving": "removed",
}


def _say_keys(found: list[dict[str, Any]], zone: str, as_json: bool) -> None:
    if as_json:
        show.table(found, ("tag", "state", "since", "until", "ds"), as_json)
        return
    rows = []
    for one in found:
        when = f" from {times.moment(one['until'])}" if one["until"] else ""
        rows.append({"tag": one["tag"], "state": one["state"], "next": NEXT[one["state"]] + when})
    show.table(rows, ("tag", "state", "next"), as_json)
    for one in found:
        if one["state"] == "ready":
            for text in one["ds"]:
                click.echo(f"{zone.rstrip('.')}. IN DS {text}")


def _say(zones: list[str]) -> None:
    click.echo(f"updated {', '.join(zones)}" if zones else "nothing changed")
