"""One report of each kind, with a bit of everything in it."""

from __future__ import annotations

from mailhub.model.dmarcreport import (
    Aggregate,
    Disposition,
    DKIMFound,
    DMARCSeen,
    Override,
    Published,
    SPFFound,
)
from mailhub.model.tlsreport import TLSAggregate, TLSCounts, TLSFailure, TLSPolicy, TLSPolicyKind
from mailhub.wire import dmarcxml

PUBLISHED = Published("example.com", "reject", "quarantine", "none", strict_dkim=True, testing=True)
SEEN = DMARCSeen(
    PUBLISHED,
    "2001:db8::7",
    "news.example.com",
    "bounce.example.net",
    Disposition.PASS,
    True,
    False,
    (DKIMFound("example.com", "s1", "pass"), DKIMFound("other.example", "x", "permerror")),
    SPFFound("bounce.example.net", "softfail"),
    (Override("local_policy", "arc=pass <as[1]> & more"), Override("policy_test_mode")),
)
DMARC = Aggregate(
    "Räceiver & Co",
    "dmarc@example.org",
    "1.abc@example.org",
    1_700_000_000,
    1_700_086_400,
    PUBLISHED,
    (
        (SEEN, 3),
        (DMARCSeen(PUBLISHED, "192.0.2.1", "example.com", "", Disposition.NONE, False, False), 1),
    ),
    ("two records",),
)


def written(report: Aggregate, *, old: bool = False) -> bytes:
    return b"".join(dmarcxml.pieces(report, old=old))


TLS = TLSAggregate(
    "Company-X",
    "sts-reporting@company-x.example",
    "5065427c-23d3",
    1_459_468_800,
    1_459_555_199,
    (
        TLSCounts(
            TLSPolicy(
                "company-y.example",
                TLSPolicyKind.STS,
                ("version: STSv1", "mode: testing", "max_age: 86400"),
                ("*.mail.company-y.example",),
            ),
            5326,
            303,
            (
                TLSFailure(
                    "certificate-expired", 100, "2001:db8:abcd:12::1", "mx1.mail.company-y.example"
                ),
                TLSFailure(
                    "starttls-not-supported",
                    200,
                    "2001:db8:abcd:13::1",
                    "mx2.example",
                    "203.0.113.56",
                ),
                TLSFailure("validation-failure", 3, reason="X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"),
            ),
        ),
        TLSCounts(TLSPolicy("company-y.example"), 1, 0),
    ),
)
