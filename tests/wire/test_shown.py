"""Which parts are a message's text, and what people read of HTML."""

from __future__ import annotations

import pytest

from mailhub.wire import mime, text
from mailhub.wire.shown import DEPTH, MOST, texts


def tree(spec: object) -> bytes:
    """A message of nested (subtype, children); leaves are media types."""
    lines: list[str] = []
    _add(lines, spec, "b")
    return "\r\n".join(lines).encode()


def _add(lines: list[str], spec: object, boundary: str) -> None:
    if isinstance(spec, str):
        media, _, disposition = spec.partition("!")
        lines += [f"Content-Type: {media}"]
        lines += [f"Content-Disposition: {disposition}"] if disposition else []
        lines += ["", f"body of {media}"]
        return
    assert isinstance(spec, tuple)
    subtype, *children = spec
    lines += [f"Content-Type: multipart/{subtype}; boundary={boundary}", ""]
    for number, child in enumerate(children):
        lines.append(f"--{boundary}")
        _add(lines, child, f"{boundary}{number}")
    lines.append(f"--{boundary}--")


PLAIN, HTML, PNG = "text/plain", "text/html", "image/png"


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (PLAIN, [(None, "p")]),
        (HTML, [("h", None)]),
        (PNG, []),
        (f"{PLAIN}!attachment", []),
        (("mixed", PLAIN, HTML, PNG), [(None, "p"), ("h", None)]),
        (("alternative", PLAIN, HTML), [("h", "p")]),
        (("alternative", HTML, PLAIN), [("h", "p")]),
        (("alternative", PLAIN, ("related", HTML, PNG)), [("h", "p")]),
        (("alternative", PLAIN, "text/calendar"), [(None, "p")]),
        (("alternative", PNG), []),
        (("alternative", PLAIN, ("mixed", HTML, PNG, HTML)), [("h", "p"), ("h", None)]),
        (("mixed", ("alternative", PLAIN, HTML), PLAIN), [("h", "p"), (None, "p")]),
        (("signed", PLAIN, "application/pgp-signature"), [(None, "p")]),
    ],
)
def test_which_parts_are_shown(spec: object, found: list[tuple[str | None, str | None]]) -> None:
    shown = texts(mime.scan(tree(spec)))
    marks = [(one.html and "h", one.plain and "p") for one in shown]
    assert marks == found


def test_messages_inside_have_texts_of_their_own() -> None:
    data = b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ninner"
    assert texts(mime.scan(data)) == []


def test_there_are_bounds() -> None:
    assert len(texts(mime.scan(tree(("mixed", *[PLAIN] * (MOST + 5)))))) == MOST
    deep: object = PLAIN
    for _ in range(DEPTH + 1):
        deep = ("mixed", deep)
    assert texts(mime.scan(tree(deep))) == []


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<p>a</p><p>b</p>", "a\nb"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<div>a  \n b</div>\n<div> c </div>", "a b\nc"),
        ("<style>x</style>a &amp; b<script>y</script>", "a & b"),
        ("", ""),
    ],
)
def test_html_as_lines(html: str, lines: str) -> None:
    assert text.readable(html) == lines


@pytest.mark.parametrize(
    ("body", "preview"),
    [
        ("see [https://x.example/very/long] here", "see here"),
        ("see <https://x.example/very/long> here", "see here"),
        ("[1] and <b> stay: a://b", "[1] and <b> stay: a://b"),
        ("> quoted <http://x>\r\nown", "own"),
    ],
)
def test_previews_leave_out_links_in_brackets(body: str, preview: str) -> None:
    data = b"\r\n" + body.encode()
    assert text.preview(data, mime.scan(data)) == preview
