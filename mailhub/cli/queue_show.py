"""How queue entries look: a line each, a page about one, JSON.

What other servers said may hold anything: only what can be printed reaches a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from mailhub.cli.times import moment, words
from mailhub.model.settings import QueueSettings

Shape = Mapping[str, Any]

_UNITS = (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10))


def as_json_array(entries: Iterable[Shape]) -> None:
    """One JSON array, written as the entries come."""
    between = "["
    for entry in entries:
        click.echo(between + json.dumps(entry), nl=False)
        between = ",\n"
    click.echo("]" if between != "[" else "[]")


def lines(entries: Iterable[Shape], now: int, terminal: bool) -> None:
    """A line for each, columns apart by tabs; two lines on a terminal."""
    shown = False
    for entry in entries:
        if terminal and not shown:
            click.echo("  number  state     here      next     tries    size  sender → recipient")
        shown = True
        click.echo(_on_terminal(entry, now) if terminal else "\t".join(_columns(entry, now)))
    if not shown:
        click.echo("none")


def _columns(entry: Shape, now: int) -> list[str]:
    return [
        str(entry["number"]),
        _state(entry, now),
        words(now - entry["created"]),
        _next(entry, now),
        str(entry["attempts"]),
        str(entry["size"]),
        printable(entry["sender"]) or "<>",
        printable(entry["recipient"]),
        printable(entry["reply"]),
    ]


def _on_terminal(entry: Shape, now: int) -> str:
    number, state, here, due, tries, _, sender, recipient, reply = _columns(entry, now)
    size = _size(entry["size"])
    line = (
        f"{number:>8}  {state:<8}  {here:<8}  {due:<8} {tries:>5} {size:>7}  {sender} → {recipient}"
    )
    if not reply:
        return line
    remote = printable(entry["remote"])
    return f"{line}\n{'':10}{remote + ': ' if remote else ''}{reply}"


def _state(entry: Shape, now: int) -> str:
    if entry["trying"]:
        return "trying"
    if entry["held"]:
        return "held"
    # What came with a time of its own (RFC 4865) is counted from then on.
    return "planned" if entry["created"] > now else "waiting"


def _next(entry: Shape, now: int) -> str:
    if entry["held"] or entry["trying"]:
        return "-"
    return "now" if entry["due"] <= now else words(entry["due"] - now)


def _size(octets: int) -> str:
    for unit, value in _UNITS:
        if octets >= value:
            return f"{octets / value:.1f}{unit}"
    return str(octets)


def about(shown: Shape, settings: QueueSettings, now: int) -> None:
    """Everything about one entry but where it goes."""
    for name, value in _facts(shown, settings, now):
        click.echo(f"{name:<13}{value}")
    if not shown["attempts"]:
        click.echo(f"{'tries':<13}none yet")
        return
    click.echo(f"{'tries':<13}{shown['attempts']}")
    for one in shown["history"]:
        tls = f", {one['tls']}" if one["tls"] else ""
        click.echo(f"  {moment(one['at'])}  {printable(one['remote']) or 'nobody reached'}{tls}")
        for line in one["reply"].split("\n"):
            click.echo(f"      {printable(line)}")


def _facts(shown: Shape, settings: QueueSettings, now: int) -> Iterable[tuple[str, str]]:
    sender = printable(shown["sender"])
    yield "entry", f"{shown['number']}, {_state(shown, now)}"
    user = f", submitted by {shown['user']}" if shown["user"] else ""
    yield "sender", f"<{sender}>{user}"
    yield "recipient", f"<{printable(shown['recipient'])}>"
    yield "message", f"{shown['message']}, {shown['size']} octets, {printable(shown['message_id'])}"
    yield "transaction", shown["transaction"]
    name = "planned for" if shown["created"] > now else "came"
    yield name, f"{moment(shown['created'])}, {_ago(now - shown['created'])}"
    if shown["held"]:
        yield "next try", "never, until it is released"
    elif shown["trying"]:
        yield "next try", "it is being tried at the moment"
    else:
        yield "next try", f"{moment(shown['due'])}, {_ahead(shown['due'] - now)}"
    life = settings.lifetime if sender else settings.bounce_lifetime
    yield "given up", f"{moment(shown['created'] + life)}, at the first try after that"
    if shown["mailbox_of"]:
        yield "mailbox", f"INBOX of {shown['mailbox_of']} alone"
    yield "destination", shown["destination"]
    if shown["route"]:
        yield "route", f"{shown['route']}, chosen by an administrator"
    wishes = _wishes(shown)
    if wishes:
        yield "asked for", wishes
    if shown["warned"]:
        yield "told", "the sender knows of the delay"


def _ago(seconds: int) -> str:
    return f"{words(seconds)} ago" if seconds >= 0 else f"in {words(-seconds)}"


def _ahead(seconds: int) -> str:
    return f"in {words(seconds)}" if seconds > 0 else "now"


def _wishes(shown: Shape) -> str:
    found = [f"BODY={shown['body']}"] if shown["body"] != "7BIT" else []
    found += ["SMTPUTF8"] if shown["utf8"] else []
    found += ["REQUIRETLS"] if shown["require_tls"] else []
    found += ["TLS-Required: No"] if shown["tls_optional"] else []
    found += [f"RET={shown['ret']}"] if shown["ret"] else []
    found += [f"ENVID={printable(shown['envid'])}"] if shown["envid"] else []
    found += [f"NOTIFY={','.join(shown['notify'])}"] if shown["notify"] else []
    found += [f"ORCPT={printable(shown['orcpt'])}"] if shown["orcpt"] else []
    return " ".join(found)


def way(found: Shape) -> None:
    """Where an entry would go now."""
    named = {
        "program": "a program on this machine",
        "mailbox": "a mailbox here",
        "mx": "by the DNS",
        "route": f"over route {', '.join(map(str, found['routes']))}",
    }
    refusal = found["refusal"]
    if refusal is not None:
        click.echo(f"{'goes':<13}nowhere now: {refusal['status']} {printable(refusal['text'])}")
        return
    click.echo(f"{'goes':<13}{named[found['kind']]}")
    for server in found["servers"]:
        because = f" ({server['because']})" if server["because"] else ""
        login = f", logs in as {printable(server['login'])}" if server["login"] else ""
        source = f", from {' '.join(server['from'])}" if server["from"] else ""
        how = f"TLS {server['tls']}{because}{login}{source}"
        addresses = " ".join(server["addresses"])
        click.echo(f"  {server['host']} port {server['port']}, {how}: {addresses}")


def printable(text: str) -> str:
    """One line of what can be printed; other marks as a question mark."""
    return "".join(mark if mark.isprintable() else "?" for mark in " / ".join(text.split("\n")))
