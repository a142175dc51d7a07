"""Documents with a few words in them, as small as their kinds allow."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO


def packed(**members: str) -> bytes:
    """A zip of members whose names have `__` for `/` and `_xml` at their end."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return made.getvalue()


def docx(words: str) -> bytes:
    """A text of Word's, each word a paragraph."""
    body = "".join(f"<w:p><w:r><w:t>{word}</w:t></w:r></w:p>" for word in words.split())
    return packed(word__document_xml=f"<w:document><w:body>{body}</w:body></w:document>")


def odt(words: str) -> bytes:
    """A text of LibreOffice's."""
    return packed(content_xml=f"<office:text><text:p>{words}</text:p></office:text>")


def xlsx(words: str) -> bytes:
    """A sheet of Excel's."""
    cells = "".join(f"<si><t>{word}</t></si>" for word in words.split())
    return packed(xl__sharedStrings_xml=f"<sst>{cells}</sst>")


def bomb() -> bytes:
    """A page of PDF that unpacks to 120 MB, within a few hundred bytes."""
    inner = zlib.compressobj(9)
    zeros = bytes(1 << 20)
    packed = b"".join(inner.compress(zeros) for _ in range(120)) + inner.flush()
    return page(zlib.compress(packed), b" /Filter [/FlateDecode /FlateDecode]")


def pdf(words: str) -> bytes:
    """A page of PDF."""
    return page(f"BT /F1 12 Tf 72 720 Td ({words}) Tj ET".encode())


def page(drawn: bytes, filters: bytes = b"") -> bytes:
    """A page of PDF with this content."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d%b >>\nstream\n%b\nendstream" % (len(drawn), filters, drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    made = b"%PDF-1.4\n"
    places = []
    for number, one in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return made + (
        b"xref\n0 6\n0000000000 65535 f \n%btrailer\n<< /Size 6 /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (table, len(made))
    )
