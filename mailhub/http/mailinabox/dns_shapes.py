"""Mail-in-a-Box's records of the DNS, and its words for what is wrong with one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mailhub.core.zonemaking import zone_of
from mailhub.http.mailinabox.replies import Refusal
from mailhub.http.mailinabox.shapes import Form, Query, Shown, text
from mailhub.model.zone import BadRecord, CustomRecord, Record, RecordFault
from mailhub.wire import address as grammar

_NAMES = re.compile(r"[\s,]+")


class Force(Form):
    """POST /dns/update."""

    force: str = text()


class Hostnames(Form):
    """POST /dns/secondary-nameserver."""

    hostnames: str = text()


class ZonePath(Query):
    """Which zone is meant."""

    zone: str


class NamePath(Query):
    """Which name is meant."""

    qname: str


class TypedPath(Query):
    """Which records are meant."""

    qname: str
    rtype: str


class Servers(Shown):
    """Name servers that fetch zones."""

    hostnames: list[str]


class ShownRecord(Shown):
    """A record that an administrator added. `sort-order`: its places in two orders."""

    qname: str
    rtype: str
    value: str
    zone: str


class Explained(Shown):
    """A record, and why it is there."""

    qname: str
    rtype: str
    value: str
    explanation: str


def hostnames(written: str) -> list[str]:
    """Those that commas or spaces part."""
    return [name for name in _NAMES.split(written) if name]


def records(
    chosen: Iterable[CustomRecord], every: Sequence[CustomRecord], zones: Sequence[str]
) -> list[dict[str, object]]:
    """`every`: all custom records in the order in which they were made, for the places."""
    by_name = sorted(every, key=lambda one: (zone_of(one.name, zones), one.name, one.kind))
    created = {one: place for place, one in enumerate(every)}
    named = {one: place for place, one in enumerate(by_name)}
    return [
        {
            "qname": one.name,
            "rtype": one.kind,
            "value": one.value,
            "zone": zone_of(one.name, zones),
            "sort-order": {"created": created[one], "qname": named[one]},
        }
        for one in chosen
    ]


def dump(zones: Iterable[tuple[str, Sequence[Record]]]) -> list[list[object]]:
    """Every record of every zone."""
    return [
        [
            name,
            [
                {
                    "qname": one.name,
                    "rtype": one.kind,
                    "value": one.value,
                    "explanation": one.why,
                }
                for one in records
            ],
        ]
        for name, records in zones
    ]


def refusal(error: BadRecord, name: str, kind: str) -> Refusal:
    """What is wrong with a custom record, or with a secondary."""
    match error.fault:
        case RecordFault.FOREIGN:
            shown = grammar.readable(f"a@{name}")[2:]
            return Refusal(
                f"{shown} is not a domain name or a subdomain of a domain name managed by this box."
            )
        case RecordFault.KIND:
            return Refusal(f"Unknown record type '{kind}'.")
        case RecordFault.APEX if kind == "NS":
            return Refusal("NS records can only be set for subdomains.")
        case RecordFault.ADDRESS:
            return Refusal(f"'{error.given}' does not appear to be an IPv4 or IPv6 address")
        case RecordFault.SECONDARY:
            return Refusal(f"'{error.given}' is not an IPv4 or IPv6 address or subnet.")
        case RecordFault.UNRESOLVED:
            return Refusal(f"Could not resolve the IP address of {error.given}.")
        case RecordFault.VALUE:
            return Refusal(f"Invalid value. {error.text}.")
    return Refusal(_WORDS.get(error.fault, f"{error.text}."))


_WORDS = {
    RecordFault.NAME: "Invalid name.",
    RecordFault.MISSING: "No value for the record provided.",
    RecordFault.IPV6: "That's an IPv6 address.",
    RecordFault.IPV4: "That's an IPv4 address.",
}
