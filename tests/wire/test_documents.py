"""What is read in attached documents, and that broken and hostile ones are only refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.wire import documents
from tests import papers

OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("docx", papers.docx("annual budget")),
        ("xlsx", papers.xlsx("annual budget")),
        ("odt", papers.odt("annual budget")),
        ("pdf", papers.pdf("annual budget")),
    ],
)
def test_the_words_of_a_document(kind: str, made: bytes) -> None:
    assert documents.text_of(made, kind).split() == ["annual", "budget"]


@pytest.mark.parametrize(
    ("media", "name", "kind"),
    [
        ("application/pdf", "", "pdf"),
        ("APPLICATION/PDF", "", "pdf"),
        (OFFICE, "", "docx"),
        ("application/octet-stream", "Plan.XLSX", "xlsx"),
        ("application/octet-stream", "odf", ""),
        ("application/octet-stream", "a.exe", ""),
        ("image/png", "a.pdf", ""),
        ("text/plain", "a.docx", ""),
    ],
)
def test_which_documents_are_read(media: str, name: str, kind: str) -> None:
    assert documents.kind(media, name) == kind


def test_much_text_is_cut() -> None:
    assert len(documents.text_of(papers.odt("word " * 200_000), "odt")) <= documents.TEXT


def test_a_bomb_unpacks_to_little() -> None:
    bomb = papers.packed(content_xml="<a>" + " " * 50_000_000)
    assert len(bomb) < 100_000
    assert len(documents.text_of(bomb, "odt")) <= documents.TEXT


@given(st.binary(max_size=200), st.sampled_from(["docx", "pdf", "odt"]))
def test_what_is_none_is_refused(data: bytes, kind: str) -> None:
    with pytest.raises(Exception):  # noqa: B017 - whatever the readers raise
        documents.text_of(data, kind)
