"""Finding reports in mail: what attachments are called, how they are packed, and what harms."""

from __future__ import annotations

import gzip
import io
import zipfile
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import reportparsing
from mailhub.model.dmarcreport import Aggregate
from mailhub.model.errors import Invalid
from mailhub.model.tlsreport import TLSAggregate
from mailhub.wire import tlsrpt
from tests.fakes import FakeClock
from tests.reportdocs import DMARC, TLS, written
from tests.support import run

pytestmark = pytest.mark.thorough

XML = written(DMARC)
JSON = tlsrpt.write(TLS)


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.xml", data)
    return made.getvalue()


def mail(media: str, data: bytes, name: str = "", *, nested: bool = False) -> bytes:
    message = EmailMessage()
    message["Subject"] = "Report Domain: example.com"
    message.set_content("A report.")
    main, sub = media.split("/")
    message.add_attachment(data, maintype=main, subtype=sub, filename=name or None)
    if nested:
        outer = EmailMessage()
        outer.set_content("Forwarded.")
        outer.add_attachment(message)
        message = outer
    return message.as_bytes().replace(b"\n", b"\r\n")


def read(data: bytes) -> list[Aggregate | TLSAggregate]:
    return list(run(reportparsing.reports(data, FakeClock())))


@pytest.mark.parametrize(
    ("media", "data", "name"),
    [
        ("application/gzip", gzip.compress(XML), "a!b!1!2.xml.gz"),
        ("application/x-gzip", gzip.compress(XML), ""),
        ("application/zip", zipped(XML), "a.zip"),
        ("application/octet-stream", zipped(XML), "A.ZIP"),
        ("application/octet-stream", gzip.compress(XML), "a.xml.gz"),
        ("application/xml", XML, "a.xml"),
        ("application/gzip", zipped(XML), "a.gz"),
        ("application/gzip", gzip.compress(b"\r\n" + XML), "a.gz"),
        ("application/xml", b"\xef\xbb\xbf" + XML, "a.xml"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_dmarc_reports_are_found(media: str, data: bytes, name: str, nested: bool) -> None:
    assert read(mail(media, data, name, nested=nested)) == [DMARC]


@pytest.mark.parametrize(
    ("media", "data", "name"),
    [
        ("application/tlsrpt+gzip", gzip.compress(JSON), "a.json.gz"),
        ("application/tlsrpt+json", JSON, "a.json"),
        ("application/gzip", gzip.compress(b"\xef\xbb\xbf\n" + JSON), ""),
    ],
)
def test_tls_reports_are_found(media: str, data: bytes, name: str) -> None:
    assert read(mail(media, data, name)) == [TLS]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Subject: hello\r\n\r\n<feedback>",
        mail("application/octet-stream", gzip.compress(XML), "a.bin"),
        mail("application/pdf", gzip.compress(XML), "a.xml.gz"),
        mail("image/png", XML, "a.png"),
    ],
)
def test_other_mail_has_none(data: bytes) -> None:
    assert read(data) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        XML[:-9],
        JSON[:-1],
        b"{}",
        b"<html/>",
        gzip.compress(XML)[:-20],
        gzip.compress(gzip.compress(XML)),
        gzip.compress(b" " * (30 << 20)),
        gzip.compress(b'{"policies":[' + b"0," * (1 << 20)),
        gzip.compress(b"<feedback>" + b"<a></a>" * (4 << 20)),
    ],
    ids=range(10),
)
def test_what_cannot_be_read_says_so(data: bytes) -> None:
    with pytest.raises(Invalid):
        read(mail("application/gzip", data))


def test_a_message_with_many_has_some() -> None:
    message = EmailMessage()
    message.set_content("Reports.")
    for _ in range(9):
        message.add_attachment(gzip.compress(JSON), maintype="application", subtype="gzip")
    assert len(read(message.as_bytes())) == reportparsing.REPORTS


WHOLE = mail("application/gzip", gzip.compress(XML), "a.xml.gz")


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.binary(max_size=60), st.integers(0, len(WHOLE)), st.integers(0, 60), st.booleans())
def test_no_octets_harm(noise: bytes, at: int, cut: int, packed: bool) -> None:
    data = WHOLE[:at] + noise + WHOLE[at + cut :]
    if packed:
        data = mail("application/gzip", gzip.compress(XML[:at] + noise + XML[at + cut :]))
    try:
        read(data)
    except Invalid:
        return
