"""Reports as mail: RFC 9990 3.5.2 and RFC 8460 5.3. Pure: a document in, a message out."""

from __future__ import annotations

from base64 import encodebytes
from email.header import Header
from email.utils import quote

from mailhub.core import trace
from mailhub.core.reportkeys import DMARC
from mailhub.core.reportmaking import Document

_LINE = 76


def size(document: Document) -> int:
    """Octets of the report as it travels: in base64, with its line ends."""
    coded = (len(document.data) + 2) // 3 * 4
    return coded + (coded + _LINE - 1) // _LINE * 2


def compose(document: Document, sender: str, name: str, recipient: str, now: int) -> bytes:
    """The whole message. `name`: the sender's, for people."""
    dmarc = document.kind == DMARC
    what = "DMARC aggregate" if dmarc else "TLS"
    media = "application/gzip" if dmarc else "application/tlsrpt+gzip"
    boundary = f"report-{document.unique}"
    fields = [
        f"From: {_phrase(name)} <{sender}>",
        f"To: <{recipient}>",
        f"Subject: Report Domain: {document.domain}",
        f" Submitter: {document.submitter}",
        f" Report-ID: <{document.id}>",
        f"Date: {trace.date(now)}",
        f"Message-ID: <{document.id}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ]
    if dmarc:
        fields.append(f'Content-Type: multipart/mixed; boundary="{boundary}"')
    else:
        fields += [
            f"TLS-Report-Domain: {document.domain}",
            f"TLS-Report-Submitter: {document.submitter}",
            # It may tell of the very TLS that would keep it from arriving (RFC 8460 3, RFC 8689).
            "TLS-Required: No",
            f'Content-Type: multipart/report; report-type="tlsrpt"; boundary="{boundary}"',
        ]
    text = [
        f"This is a {what} report about {document.domain} from {document.submitter},",
        f"for the time from {trace.date(document.begin)}",
        f"to {trace.date(document.end)}.",
    ]
    lines = [
        *fields,
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        *text,
        "",
        f"--{boundary}",
        f"Content-Type: {media}",
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment; filename="{document.name}"',
        "",
        *encodebytes(document.data).decode("ascii").splitlines(),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8")


def _phrase(name: str) -> str:
    """A display name, on one line."""
    plain = " ".join(name.split())
    if not (plain.isascii() and plain.isprintable()):
        return Header(plain, "utf-8", header_name="From").encode(linesep="\r\n")
    return f'"{quote(plain)}"'
