"""Documents are read in a process that is killed when it takes too long."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from mailhub import papers as reading
from mailhub.papers import Papers
from mailhub.wire.mime import scan
from tests import papers as made


@pytest.fixture
def papers() -> Iterator[Papers]:
    reader = Papers()
    yield reader
    reader.stop()


def message(*documents: tuple[str, bytes]) -> bytes:
    parts = [
        f'--x\r\nContent-Type: application/octet-stream; name="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n".encode()
        + base64.encodebytes(content)
        for name, content in documents
    ]
    head = b"Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    return head + b"\r\n".join(parts) + b"\r\n--x--\r\n"


def test_each_document_of_a_message(papers: Papers) -> None:
    data = message(
        ("a.docx", made.docx("first words")),
        ("b.bin", b"nothing"),
        ("c.pdf", b"broken"),
        ("d.odt", made.odt("last words")),
    )
    assert [one.split() for one in papers.of(data, scan(data))] == [
        ["first", "words"],
        [],
        ["last", "words"],
    ]


def test_one_that_takes_too_long_is_given_up(
    papers: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    assert papers.read(made.docx("words"), "docx") == ""
    monkeypatch.setattr(reading, "SECONDS", 20.0)
    assert papers.read(made.docx("words"), "docx").split() == ["words"]
