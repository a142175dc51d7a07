"""What TLS with other servers came to, as their domains want to hear of it (RFC 8460)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class TLSPolicyKind(Enum):
    """`policy-type` (RFC 8460 4.2)."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


class TLSResult(Enum):
    """`result-type` (RFC 8460 4.3), and success, which reports only count."""

    SUCCESS = "success"
    NO_STARTTLS = "starttls-not-supported"
    HOST_MISMATCH = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    STS_FETCH_ERROR = "sts-policy-fetch-error"
    STS_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"


@dataclass(frozen=True, slots=True)
class TLSPolicy:
    """The policy that a connection was made under. `domain`: whose, the recipient's. `lines`: the
    policy as found: lines of the STS document, or TLSA records in presentation form. `hosts`: MX
    patterns of an STS policy. `testing`: a failure is reported and mail goes on."""

    domain: str
    kind: TLSPolicyKind = TLSPolicyKind.NONE
    lines: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    testing: bool = False


@dataclass(frozen=True, slots=True)
class TLSReport:
    """One session, or one try to find a policy. `mx`: host name, `address`: its IP address,
    `source`: ours; empty where it did not come so far. `reason`: more words, or empty."""

    policy: TLSPolicy
    result: TLSResult
    mx: str = ""
    address: str = ""
    source: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TLSFailure:
    """Failures that are alike. `result`: a `TLSResult`'s value, or a word that others use.
    `source`, `mx`, `address`, `reason`: as in `TLSReport`."""

    result: str
    count: int
    source: str = ""
    mx: str = ""
    address: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TLSCounts:
    """What was seen under one policy. `failed` may be more than `failures` sum up to."""

    policy: TLSPolicy
    successful: int
    failed: int
    failures: tuple[TLSFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class TLSAggregate:
    """A report (RFC 8460 4). `begin`, `end`: epoch seconds."""

    organization: str
    contact: str
    id: str
    begin: int
    end: int
    policies: tuple[TLSCounts, ...]
