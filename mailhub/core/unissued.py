"""What is done where an authority gave no certificate: when it is asked again, and what people are
told to do. Asks nobody."""

from __future__ import annotations

from mailhub.model.acme import IssueFault, NotIssued
from mailhub.model.certificate import DAY

HOUR = 3600
LONGEST = DAY
"""Seconds between attempts, at most."""
LIMITED = 6 * HOUR
"""Seconds for which an authority is left alone that was asked too often, and does not say."""


def pause(failures: int, error: NotIssued) -> float:
    """Seconds until a name is tried again by itself, after so many failures in a row."""
    if error.retry_after:
        return error.retry_after
    if error.fault is IssueFault.LIMIT:
        return LIMITED
    return float(min(HOUR * 2 ** min(failures - 1, 10), LONGEST))


def advice(error: NotIssued) -> tuple[str, ...]:
    """What to do about it, for people."""
    return (_ADVICE[error.fault],)


_ADVICE = {
    IssueFault.PROOF: "The authority has to reach http:// and this name at port 80 from outside: "
    "look at the firewall, at A and AAAA records, and whether another program listens there.",
    IssueFault.ADDRESS: "The authority found no address of the name that it may use: it needs an A "
    "or AAAA record that the whole Internet sees, and with DNSSEC a DS record that is right.",
    IssueFault.CONNECTION: "The authority cannot reach this server at port 80: open it in the "
    "firewall and at the provider, for IPv4 and, where the name has an AAAA record, for IPv6.",
    IssueFault.ANSWER: "Something else answers at port 80 under this name: another program, a "
    "proxy in front that does not pass /.well-known/acme-challenge/ on, or an AAAA record that "
    "leads to another machine.",
    IssueFault.ZONE: "The authority did not find the proof in the DNS: NS records of the zone "
    "above have to lead to this server or its secondaries, with DNSSEC its DS record has to be "
    "right, and port 53 has to be open for UDP and TCP.",
    IssueFault.CAA: "A CAA record of the name, or of one above it, forbids this authority: allow "
    "it (`mailhub dns custom add DOMAIN CAA '0 issue \"letsencrypt.org\"'`), or remove the record.",
    IssueFault.LIMIT: "The authority was asked too often. It is tried again by itself, later.",
    IssueFault.REFUSED: "The authority does not issue this. Its words say why; `acme.contact`, or "
    "a name that it does not serve, is often the reason.",
    IssueFault.AWAY: "The authority cannot be reached. Look at `acme.directory`, and whether this "
    "server can reach the Internet; it is tried again by itself.",
}
"""By what was at fault."""
