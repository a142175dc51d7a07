"""Mail-in-a-Box's words for certificates: what one is worth, and why one is not installed. Pure."""

from __future__ import annotations

import time

from mailhub.core.certificates import WORDS
from mailhub.http.mailinabox.shapes import Form, Query, Shown, text
from mailhub.model.acme import Provision
from mailhub.model.certificate import CertificateRefused, Problem, Standing, Status

NO_DOMAIN = "Invalid domain name."


class Country(Form):
    """POST /ssl/csr/<domain>."""

    countrycode: str = text()


class DomainPath(Query):
    """What a certificate is for."""

    domain: str


class NewCertificate(Form):
    """POST /ssl/install."""

    domain: str = text()
    cert: str = text()
    chain: str = text()


class ShownStatus(Shown):
    """A name's certificate: success, warning, danger or not-applicable."""

    domain: str
    status: str
    text: str


class Statuses(Shown):
    """Those of all names, and which of them can be asked for."""

    can_provision: list[str]
    status: list[ShownStatus]


class Request(Shown):
    """What came of asking for a certificate: installed, error or skipped."""

    domains: list[str]
    log: list[str]
    result: str


class Requests(Shown):
    """Each certificate that was asked for."""

    requests: list[Request]


def status(one: Status) -> dict[str, str]:
    """A name's certificate as people read it."""
    return {"domain": one.name, "status": one.standing.value, "text": words(one)}


def words(one: Status) -> str:
    """What to say of it, and what keeps it from becoming better."""
    said = _said(one)
    if one.standing in (Standing.GOOD, Standing.ELSEWHERE):
        return said
    return " ".join(filter(None, (said, one.obstacle, one.failure)))


def _said(one: Status) -> str:
    if one.standing is Standing.ELSEWHERE:
        return "The domain's website is hosted elsewhere."
    if one.certificate is None:
        return "No certificate installed."
    if one.problem is Problem.SELF_SIGNED:
        return "Self-signed. Get a signed certificate to stop warnings."
    if one.problem is not None:
        return f"Certificate has a problem: {WORDS.get(one.problem, one.problem.value)}."
    day = time.strftime("%Y-%m-%d", time.gmtime(one.certificate.ends))
    return f"Signed & valid. The certificate expires in {one.days} days on {day}."


def refused(error: CertificateRefused) -> str:
    """Why a certificate is not installed."""
    match error.problem:
        case Problem.SELF_SIGNED:
            return "This is a self-signed certificate. I can't install that."
        case Problem.NAME:
            names = ", ".join(error.names)
            return f"The certificate is for the wrong domain name. It is for {names}."
        case Problem.KEY:
            return (
                "The certificate does not correspond to the private key on this server. Ask for "
                "one with the signing request that is made here."
            )
    return f"There is a problem with the certificate file: {error.text}."


def request(one: Provision) -> dict[str, object]:
    """What came of asking."""
    return {"domains": list(one.names), "log": list(one.log), "result": one.result.value}
