"""The text of attached documents: OOXML, OpenDocument, and PDF where its library is installed.

What is read here is hostile: sizes are bounded before anything is unpacked, and whoever calls this
does so in a process that can be killed. Raises whatever a broken document makes the readers raise.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO

from mailhub.wire import text

LARGEST = 20 << 20
"""Bytes of a document that is read at all."""
UNPACKED = 8 << 20
"""Bytes of one of its parts."""
TEXT = 500_000
"""Characters that are taken out of it."""
PAGES = 300
MEMBERS = 400
"""Pages, sheets and slides that are looked at."""

_OOXML = re.compile(
    r"word/(?:document|footnotes|endnotes|header\d+|footer\d+)\.xml"
    r"|xl/(?:sharedStrings|worksheets/sheet\d+)\.xml"
    r"|ppt/(?:slides/slide|notesSlides/notesSlide)\d+\.xml"
)
_ODF = re.compile(r"content\.xml")
_END = re.compile(r"</(?:w:p|a:p|si|c|row|text:p|text:h|table:table-cell)>|<w:(?:tab|br)\b[^>]*>")
"""Where words end though no space stands there."""


def _packed(data: bytes, names: re.Pattern[str]) -> Iterator[str]:
    with zipfile.ZipFile(BytesIO(data)) as packed:
        members = [one for one in packed.infolist() if names.fullmatch(one.filename)]
        for member in members[:MEMBERS]:
            with packed.open(member) as stream:
                source = stream.read(UNPACKED).decode("utf-8", "replace")
            yield text.from_html(_END.sub(" ", source))


def _ooxml(data: bytes) -> Iterator[str]:
    return _packed(data, _OOXML)


def _odf(data: bytes) -> Iterator[str]:
    return _packed(data, _ODF)


def _pdf(data: bytes) -> Iterator[str]:
    from pypdf import PdfReader  # an extra, and slow to load

    for page in PdfReader(BytesIO(data)).pages[:PAGES]:
        yield page.extract_text()


_READERS: Mapping[str, Callable[[bytes], Iterator[str]]] = {
    "docx": _ooxml,
    "xlsx": _ooxml,
    "pptx": _ooxml,
    "odt": _odf,
    "ods": _odf,
    "odp": _odf,
    "pdf": _pdf,
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_MEDIA: Mapping[str, str] = {
    "application/pdf": "pdf",
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}spreadsheetml.sheet": "xlsx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    f"{_OPEN}text": "odt",
    f"{_OPEN}spreadsheet": "ods",
    f"{_OPEN}presentation": "odp",
}


def kind(media: str, filename: str) -> str:
    """Which kind of document it is, by its type or else its name; empty for none that is read."""
    known = _MEDIA.get(media.lower())
    if known is not None:
        return known
    ending = filename.rpartition(".")[2].lower()
    return ending if ending in _READERS and media.startswith("application/") else ""


def text_of(data: bytes, kind: str) -> str:
    """What is written in a document."""
    found: list[str] = []
    room = TEXT
    for piece in _READERS[kind](data):
        found.append(piece[:room])
        room -= len(piece)
        if room <= 0:
            break
    return "\n".join(found)
