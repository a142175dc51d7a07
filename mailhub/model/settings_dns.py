"""The settings of zones that this server makes, and of the name server that answers for them."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DNSSettings:
    """`[dns]`: zones of the DNS for all mail domains, and a name server that answers for them."""

    __pydantic_config__ = STRICT

    listen: tuple[str, ...] = setting(
        (),
        "addresses that the name server answers at, over UDP and TCP, such as 192.0.2.1:53 or "
        "[2001:db8::1]:53; empty: there is none",
    )
    addresses: tuple[str, ...] = setting(
        (), "public addresses of this machine, one IPv4 and one IPv6 at most: records say them"
    )
    sign: bool = setting(True, "sign zones (DNSSEC)")
    host_keys: str = setting(
        "/etc/ssh", "folder of the machine's SSH host keys for SSHFP records; empty: none"
    )
    calendars: str = setting("", "host of CalDAV and CardDAV that records lead to; empty: none")
    knot: str = setting(
        "",
        "control socket of a Knot DNS server that gets our zones, such as /run/knot/knot.sock; it "
        "signs them as its own configuration says; empty: there is none",
    )
    update: str = setting(
        "",
        "a name server that has our zones and takes updates of them (RFC 2136), such as "
        "192.0.2.53 or [2001:db8::53]:5353; empty: there is none",
    )
    update_key: str = setting(
        "", "its key, as hmac-sha256:name:secret; empty: it knows us by our address"
    )
    transfer_key: str = setting(
        "",
        "a key that secondaries have, as hmac-sha256:name:secret: who fetches zones has to show it "
        "(TSIG), and notices carry it; empty: their addresses are enough",
    )
    rate: int = setting(
        50, "most alike UDP answers to one network in a second; who asks more is sent to TCP"
    )
    connections: int = setting(200, "most TCP connections at a time")
