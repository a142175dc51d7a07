"""Settings of the optional checks of mail: what each looks at, and what its findings lead to.

A setting of type `str | float` is an outcome: a consequence (`reject`, `defer`, `quarantine`,
`junk`, `add`: only noted), or points for the sum that `[levels]` are set for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSettings:
    """`[levels]`: what the points of all findings about a message lead to together."""

    __pydantic_config__ = STRICT

    junk: float = setting(6.0, "points from which on mail goes into Junk; 0: never")
    defer: float = setting(0.0, "points from which on its sender is told to try later; 0: never")
    reject: float = setting(15.0, "points from which on it is refused; 0: never")


@dataclass(frozen=True, slots=True, kw_only=True)
class GreylistSettings:
    """`[greylist]`: mail of a client, sender and recipient that were not seen together before is
    taken at the second try. Kept in Redis, or else in memory until the server stops."""

    __pydantic_config__ = STRICT

    enabled: bool = setting(False, "ask unknown clients to come again")
    delay: int = setting(120, "time before which a second try is too early", "seconds")
    window: int = setting(172_800, "time within which the second try must come", "seconds")
    lifetime: int = setting(3_110_400, "time for which three that passed stay known", "seconds")
    passes: int = setting(
        5, "different senders and recipients after which a client's network is known; 0: never"
    )
    spf_pass: bool = setting(True, "let through whom the sender's SPF allows to send")
    listed_good: bool = setting(True, "let through whom a [[dnsbl]] list gives negative points")
    score: float = setting(0.0, "points from which on a client is asked to come again; 0: all are")


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsblSettings:
    """One `[[dnsbl]]`: a list in the DNS of clients or domains, bad ones or good ones."""

    __pydantic_config__ = STRICT

    zone: str = setting("", "where the list is, such as zen.spamhaus.org")
    of: str = setting(
        "address", "what is looked up: address (the client's), sender (its domain) or hello (name)"
    )
    found: str | float = setting(
        "add",
        "what becomes of mail that is found: reject, defer, quarantine, junk, add (only noted), "
        "or points, negative ones for a list of good clients",
    )
    codes: Mapping[str, str | float] = setting(
        {},
        "the same by answer, where some mean something else, as in "
        '{ "127.0.0.2" = "junk", "127.0.0.10-11" = 2.5, "127.0.*.3" = -4 }',
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloSettings:
    """`[hello]`: what other servers call themselves. Each is none (not looked at), add (only
    noted), junk, quarantine, defer, reject, or points."""

    __pydantic_config__ = STRICT

    invalid: str | float = setting("none", "neither a name nor an address in brackets")
    unqualified: str | float = setting("none", "a name without a dot")
    ours: str | float = setting("none", "this server's name or address, or a domain of ours")
    literal: str | float = setting("none", "an address in brackets that is not the client's")
    unresolvable: str | float = setting("none", "a name that has no address and no MX in the DNS")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseSettings:
    """`[reverse]`: names that the DNS has for clients' addresses. Values as in [hello]."""

    __pydantic_config__ = STRICT

    missing: str | float = setting("none", "there is none")
    unconfirmed: str | float = setting("none", "none of them leads back to the address")


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginSettings:
    """`[origin]`: domains of envelope senders. Values as in [hello]."""

    __pydantic_config__ = STRICT

    unresolvable: str | float = setting("none", "it has no address and no MX in the DNS")
    null_mx: str | float = setting("none", "it says that it takes no mail (RFC 7505)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSettings:
    """`[rate]`: how much mail is taken in a sliding hour; past it the client may come again later.
    0: any."""

    __pydantic_config__ = STRICT

    network: int = setting(3000, "messages of one network of clients (/24, IPv6: /64)")
    account: int = setting(0, "messages that one account submits")
    domain: int = setting(0, "messages of other servers with senders of one domain")
    recipient: int = setting(0, "messages of other servers to one recipient")


@dataclass(frozen=True, slots=True, kw_only=True)
class TarpitSettings:
    """`[tarpit]`: answers that wait."""

    __pydantic_config__ = STRICT

    errors: int = setting(0, "refused commands after which refusals wait; 0: half of smtp.errors")
    delay: float = setting(1.0, "how long such a refusal waits; 0: not at all", "seconds")
    score: float = setting(0.0, "points from which on every answer to a client waits; 0: never")
    wait: float = setting(5.0, "how long such an answer waits", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RspamdSettings:
    """`[rspamd]`: asking rspamd about mail."""

    __pydantic_config__ = STRICT

    url: str = setting("", "its worker, such as http://127.0.0.1:11333; empty: it is not asked")
    password: str = setting("", "what the worker wants to hear, when it does")
    scan: str = setting("incoming", "incoming (of other servers), or all: what users submit too")
    size: int = setting(16 << 20, "largest message that is looked at", "bytes")
    timeout: int = setting(15, "longest time to wait for its answer", "seconds")
    concurrency: int = setting(20, "messages looked at at a time; others wait")
    on_failure: str = setting("accept", "what to do without an answer: accept or defer")
    reject: str | float = setting(
        "reject", "what its action reject leads to: reject, defer, quarantine, junk, add, or points"
    )
    add_header: str | float = setting("junk", "the same, of add header and rewrite subject")
    soft_reject: str | float = setting("defer", "the same, of soft reject")
    greylist: str | float = setting("add", "the same, of greylist")
    quarantine: str | float = setting("quarantine", "the same, of quarantine")
    discard: str | float = setting("junk", "the same, of discard; discard takes mail and drops it")
    weight: float = setting(0.0, "how often its score counts in the sum of points", "times")
    headers: bool = setting(True, "put the header fields before the message that rspamd wants")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpamAssassinSettings:
    """`[spamassassin]`: asking SpamAssassin's spamd about mail."""

    __pydantic_config__ = STRICT

    endpoint: str = setting(
        "", "such as tcp:127.0.0.1:783 or unix:/run/spamd.sock; empty: it is not asked"
    )
    user: str = setting("", "whose rules apply; empty: spamd's own")
    scan: str = setting("incoming", "incoming (of other servers), or all: what users submit too")
    size: int = setting(512 << 10, "largest message that is looked at", "bytes")
    timeout: int = setting(30, "longest time to wait for its answer", "seconds")
    concurrency: int = setting(5, "messages looked at at a time; others wait")
    on_failure: str = setting("accept", "what to do without an answer: accept or defer")
    spam: str | float = setting(
        "junk", "what becomes of spam: reject, defer, quarantine, junk, add, or points"
    )
    high_score: float = setting(0.0, "score from which on spam is `high` instead; 0: never")
    high: str | float = setting("reject", "what becomes of that")
    weight: float = setting(0.0, "how often its score counts in the sum of points", "times")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClamAVSettings:
    """`[clamav]`: asking ClamAV's clamd about mail."""

    __pydantic_config__ = STRICT

    endpoint: str = setting(
        "", "such as unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310; empty: it is not asked"
    )
    scan: str = setting("all", "incoming (of other servers), or all: what users submit too")
    size: int = setting(25 << 20, "largest message that is looked at", "bytes")
    timeout: int = setting(30, "longest time to wait for its answer", "seconds")
    concurrency: int = setting(10, "messages looked at at a time; others wait")
    on_failure: str = setting("accept", "what to do without an answer: accept or defer")
    virus: str | float = setting(
        "reject",
        "what becomes of mail with a virus: reject, defer, quarantine, junk, add, points, or "
        "discard (it is taken and dropped)",
    )
    unscanned: str | float = setting("add", "the same, of mail that is too large for clamd")


@dataclass(frozen=True, slots=True, kw_only=True)
class MilterSettings:
    """One `[[milter]]`: a filter of others that speaks sendmail's milter protocol."""

    __pydantic_config__ = STRICT

    endpoint: str = setting("", "such as unix:/run/opendkim.sock or tcp:127.0.0.1:8891")
    name: str = setting("", "what the log calls it; empty: its endpoint")
    scan: str = setting("all", "incoming (of other servers), or all: what users submit too")
    size: int = setting(64 << 20, "largest message that it is shown", "bytes")
    timeout: int = setting(30, "longest time to wait for each of its answers", "seconds")
    on_failure: str = setting("accept", "what to do without it: accept or defer")
    quarantine: str | float = setting(
        "quarantine", "what its quarantine leads to: quarantine, junk, add, reject, or points"
    )
    discard: str | float = setting(
        "discard", "the same, of discard: discard takes mail and drops it"
    )
