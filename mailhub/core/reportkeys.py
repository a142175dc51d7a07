"""What is counted for reports, as the keys of `model.report.ReportRow`, and back.

Keys are JSON lists in a fixed order: the same facts give the same text, so that counts of several
processes add up. Where and when they are kept is not known here.
"""

from __future__ import annotations

import json

from mailhub.model.dmarcreport import (
    Disposition,
    DKIMFound,
    DMARCSeen,
    Override,
    Published,
    SPFFound,
)
from mailhub.model.tlsreport import TLSPolicy, TLSPolicyKind, TLSReport, TLSResult

DMARC, TLS = "dmarc", "tlsrpt"
"""Kinds of rows that are to be told."""
DMARC_TOLD, TLS_TOLD = "dmarc-in", "tlsrpt-in"
"""Kinds of rows that others told: reporter, id and result of a whole report."""
DMARC_SOURCES, TLS_FAILURES = "dmarc-in-source", "tlsrpt-in-failure"
"""The same, in detail."""
TLS_POSTED = "tlsrpt-posted"
"""Which of ours a web server has."""
DAY = 86400
SIGNATURES = 10
TEXT = 250
"""Characters of what a stranger wrote: names, reasons."""
LINES = 50
"""Lines of a policy."""
LINE = 500
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def of_dmarc(seen: DMARCSeen) -> str:
    """`published` stands first, so that rows of one policy stand together."""
    policy, spf = seen.published, seen.spf_found
    return _encode(
        [
            [
                policy.policy,
                policy.subdomains,
                policy.nonexistent,
                int(policy.strict_dkim),
                int(policy.strict_spf),
                int(policy.testing),
                policy.percent,
            ],
            seen.address,
            _cut(seen.author),
            _cut(seen.sender),
            seen.disposition.value,
            int(seen.dkim),
            int(seen.spf),
            [
                [_cut(one.domain), _cut(one.selector), one.result]
                for one in seen.signatures[:SIGNATURES]
            ],
            None if spf is None else [_cut(spf.domain), spf.result, spf.scope],
            [[why.kind, _cut(why.comment)] for why in seen.overrides],
        ]
    )


def dmarc(domain: str, key: str) -> DMARCSeen:
    """The inverse of `of_dmarc`; `reports` is empty."""
    policy, address, author, sender, disposition, dkim, spf, signed, found, why = json.loads(key)
    p, sp, np, strict_dkim, strict_spf, testing, percent = policy
    return DMARCSeen(
        Published(
            domain, p, sp, np, bool(strict_dkim), bool(strict_spf), bool(testing), int(percent)
        ),
        address,
        author,
        sender,
        Disposition(disposition),
        bool(dkim),
        bool(spf),
        tuple(DKIMFound(*one) for one in signed),
        None if found is None else SPFFound(*found),
        tuple(Override(*one) for one in why),
    )


def of_tls(one: TLSReport) -> str:
    """Of a success only the policy counts."""
    policy = one.policy
    lines = [line[:LINE] for line in policy.lines[:LINES]]
    hosts = [_cut(host) for host in policy.hosts[:LINES]]
    about = [policy.kind.value, lines, hosts]
    if one.result is TLSResult.SUCCESS:
        return _encode([about, one.result.value, "", "", "", ""])
    return _encode(
        [about, one.result.value, _cut(one.mx), one.address, one.source, _cut(one.reason)]
    )


def tls(domain: str, key: str) -> TLSReport:
    """The inverse of `of_tls`, of what it keeps."""
    (kind, lines, hosts), result, mx, address, source, reason = json.loads(key)
    policy = TLSPolicy(domain, TLSPolicyKind(kind), tuple(lines), tuple(hosts))
    return TLSReport(policy, TLSResult(result), mx, address, source, reason)


def _cut(text: str) -> str:
    return text[:TEXT].encode("utf-8", "replace").decode().replace("\0", "?")
