"""Real-world and hostile messages for every test that reads or carries mail.

`messages()` is the same on every machine but for the samples that CPython ships with its own
tests, which are added where they are installed. Names that start with `bare/` hold a CR or LF
outside a CRLF pair: no SMTP server takes those as they are, APPEND does.
"""

from __future__ import annotations

import base64
import random
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

CRLF = b"\r\n"
HEAD = (
    b"From: Alice Example <alice@example.org>\r\n"
    b"To: Bob <bob@example.net>\r\n"
    b"Subject: A message\r\n"
    b"Date: Tue, 21 Nov 2023 10:11:12 +0100\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"MIME-Version: 1.0\r\n"
)


def messages() -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of at least 500 messages; names are unique."""
    yield from _installed()
    for name, data in _written():
        yield f"written/{name}", data
    for name, data in _headers():
        yield f"header/{name}", data
    for name, data in _encodings():
        yield f"encoding/{name}", data
    for name, data in _trees():
        yield f"tree/{name}", data
    for name, data in _damaged():
        yield f"damaged/{name}", data
    for name, data in _bare():
        yield f"bare/{name}", data


GROUP = 40


def groups(names: Iterable[str]) -> list[Sequence[str]]:
    """Names in groups of one kind: a test of each message alone costs more than what it tests."""
    found: dict[str, list[list[str]]] = {}
    for name in sorted(names):
        kind = found.setdefault(name.partition("/")[0], [[]])
        if len(kind[-1]) == GROUP:
            kind.append([])
        kind[-1].append(name)
    return [group for kind in found.values() for group in kind]


def each(group: Sequence[str]) -> Iterator[AbstractContextManager[str]]:
    """One context for each name: what fails in it says which message it was."""
    for name in group:
        yield _told(name)


@contextmanager
def _told(name: str) -> Iterator[str]:
    try:
        yield name
    except BaseException as error:
        error.add_note(f"the message {name}")
        raise


def clean_messages() -> Iterator[tuple[str, bytes]]:
    """Those that can go over SMTP as they are: CRLF only, no NUL, no line over 998 octets."""
    for name, data in messages():
        lines = data.split(CRLF)
        if b"\0" in data or any(b"\r" in line or b"\n" in line for line in lines):
            continue
        if data.endswith(CRLF) and all(len(line) <= 998 for line in lines):
            yield name, data


def _installed() -> Iterator[tuple[str, bytes]]:
    """The samples of CPython's email tests."""
    folder = Path(sysconfig.get_path("stdlib")) / "test" / "test_email" / "data"
    for path in sorted(folder.glob("msg_*.txt")) if folder.is_dir() else ():
        data = path.read_bytes()
        yield f"cpython/{path.stem}", data.replace(CRLF, b"\n").replace(b"\n", CRLF)
        if b"\n" in data.replace(CRLF, b""):
            yield f"bare/cpython/{path.stem}", data


def multipart(kind: bytes, boundary: bytes, parts: Iterable[bytes], *, close: bool = True) -> bytes:
    """A multipart entity with its Content-Type; parts are whole entities."""
    body = b"".join(b"\r\n--%b\r\n%b" % (boundary, part) for part in parts)
    end = b"\r\n--%b--\r\n" % boundary if close else b""
    return b'Content-Type: multipart/%b; boundary="%b"\r\n%b%b' % (kind, boundary, body, end)


def text(content: bytes, *, kind: bytes = b"plain", fields: bytes = b"") -> bytes:
    """A text entity."""
    return b"Content-Type: text/%b; charset=utf-8\r\n%b\r\n%b" % (kind, fields, content)


def attachment(content: bytes, name: bytes = b"a file.bin") -> bytes:
    """A base64 attachment."""
    return (
        b'Content-Type: application/octet-stream; name="%b"\r\n'
        b'Content-Disposition: attachment; filename="%b"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n%b"
        % (name, name, base64.encodebytes(content).replace(b"\n", CRLF))
    )


def nested_multiparts(depth: int) -> bytes:
    """Multiparts inside one another, each with its own boundary."""
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(depth)
    )
    closing = b"".join(b"\r\n--b%d--" % level for level in reversed(range(depth)))
    return HEAD + opening + text(b"the heart") + closing + CRLF


def nested_messages(depth: int) -> bytes:
    """Messages inside one another."""
    return (HEAD + b"Content-Type: message/rfc822\r\n\r\n") * depth + HEAD + b"\r\nthe heart\r\n"


def _written() -> Iterator[tuple[str, bytes]]:
    """Messages written by hand, most of them for one fault each."""
    image = (
        b"Content-Type: image/png\r\nContent-ID: <i@x>\r\nContent-Disposition: inline\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
    )
    alternative = multipart(
        b"alternative", b"alt", [text(b"plain"), text(b"<b>x</b>", kind=b"html")]
    )
    yield "empty", b""
    yield "line-end", CRLF
    yield "one-byte", b"x"
    yield "only-body", b"\r\nno header at all\r\n"
    yield "only-header", HEAD
    yield "header-without-line-end", HEAD[:-2]
    yield "header-and-empty-line", HEAD + CRLF
    yield "no-header-field", b"this is no header\r\n\r\nbody\r\n"
    yield "colon-first", b": nothing\r\n\r\nbody\r\n"
    yield "starts-with-continuation", b" folded: nothing\r\n" + HEAD + b"\r\nbody\r\n"
    yield "mbox-from", b"From alice Mon Jan  1 00:00:00 2024\r\n" + HEAD + b"\r\nbody\r\n"
    yield "junk-between-fields", HEAD + b"junk without colon\r\nCc: c@d\r\n\r\nbody\r\n"
    yield "plain", HEAD + b"\r\nHello Bob,\r\n\r\nhow are you?\r\n-- \r\nAlice\r\n"
    yield "no-last-line-end", HEAD + b"\r\nno line end"
    yield "dots", HEAD + b"\r\n.\r\n..\r\n.leading\r\n...\r\n"
    yield "from-lines", HEAD + b"\r\nFrom here\r\n>From there\r\n"
    yield "quoted-only", HEAD + b"\r\n> all of it\r\n> is quoted\r\n"
    yield "nul-in-body", HEAD + b"\r\na\0b\0\0c\r\n"
    yield "nul-in-header", HEAD + b"X-Nul: a\0b\r\nTo: a\0b@c\r\n\r\nbody\r\n"
    yield "8-bit-header", HEAD + "Cc: Jürgen <j@ü.example>\r\n".encode() + b"\r\nbody\r\n"
    yield "latin-1-header", HEAD + b"Cc: J\xfcrgen <j@example.org>\r\n\r\nbody\r\n"
    yield "every-byte", HEAD + CRLF + bytes(set(range(256)) - {0, 10, 13}) + CRLF
    yield "long-line", HEAD + CRLF + b"x" * 100_000 + CRLF
    yield "many-lines", HEAD + CRLF + b"\r\n" * 20_000
    yield "alternative", HEAD + alternative
    yield "related", HEAD + multipart(b"related", b"rel", [alternative, image])
    yield "mixed", HEAD + multipart(b"mixed", b"mix", [alternative, attachment(b"data" * 500)])
    yield "not-closed", HEAD + multipart(b"mixed", b"b", [text(b"a"), text(b"b")], close=False)
    yield (
        "inner-not-closed",
        HEAD
        + multipart(
            b"mixed",
            b"outer",
            [multipart(b"alternative", b"inner", [text(b"1")], close=False), text(b"2")],
        ),
    )
    yield "never-opened", HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts\r\n"
    yield "only-closed", HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n"
    yield "no-boundary", HEAD + b"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
    yield (
        "empty-boundary",
        HEAD + b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx\r\n',
    )
    yield (
        "same-boundary",
        HEAD + multipart(b"mixed", b"b", [multipart(b"mixed", b"b", [text(b"x")]), text(b"y")]),
    )
    yield (
        "prefix-boundary",
        HEAD
        + multipart(
            b"mixed", b"ab", [multipart(b"mixed", b"abc", [text(b"x"), text(b"y")]), text(b"z")]
        ),
    )
    yield (
        "suffix-boundary",
        HEAD
        + multipart(
            b"mixed", b"abc", [multipart(b"mixed", b"ab", [text(b"x"), text(b"y")]), text(b"z")]
        ),
    )
    yield (
        "dashed-boundary",
        HEAD
        + multipart(
            b"mixed", b"a", [multipart(b"mixed", b"a--", [text(b"x"), text(b"y")]), text(b"z")]
        ),
    )
    yield (
        "spaces-behind-boundary",
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b  \t\r\n\r\nx\r\n--b-- \r\n"),
    )
    yield (
        "words-behind-boundary",
        (
            HEAD
            + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b x\r\n\r\nx\r\n--b\r\n\r\ny\r\n"
        ),
    )
    yield "empty-parts", HEAD + multipart(b"mixed", b"b", [b"", CRLF, b"", CRLF])
    yield "no-empty-line-in-part", HEAD + multipart(b"mixed", b"b", [b"Content-Type: text/html"])
    yield (
        "preamble-and-epilogue",
        (
            HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\nThis is MIME.\r\n--b\r\n\r\n1"
            b"\r\n--b--\r\nThe epilogue\r\n--b\r\n\r\nnot a part\r\n"
        ),
    )
    yield "digest", HEAD + multipart(b"digest", b"b", [CRLF + HEAD + b"\r\n1\r\n", HEAD + b"\r\n2"])
    yield "rfc822", HEAD + b"Content-Type: message/rfc822\r\n\r\n" + HEAD + alternative
    yield (
        "rfc822-base64",
        (
            HEAD
            + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(HEAD + b"\r\nx").replace(b"\n", CRLF)
        ),
    )
    yield "rfc822-empty", HEAD + b"Content-Type: message/rfc822\r\n\r\n"
    yield (
        "rfc822-in-multipart",
        HEAD
        + multipart(
            b"mixed",
            b"b",
            [text(b"see below"), b"Content-Type: message/rfc822\r\n\r\n" + HEAD + alternative],
        ),
    )
    yield (
        "report",
        HEAD
        + multipart(
            b"report; report-type=delivery-status",
            b"b",
            [
                text(b"It did not work."),
                b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
                b"Status: 5.1.1\r\n",
                b"Content-Type: text/rfc822-headers\r\n\r\n" + HEAD,
            ],
        ),
    )
    yield (
        "signed",
        HEAD
        + multipart(
            b'signed; micalg=pgp-sha256; protocol="application/pgp-signature"',
            b"b",
            [text(b"signed text"), b"Content-Type: application/pgp-signature\r\n\r\nsignature\r\n"],
        ),
    )
    yield "parts-2000", HEAD + multipart(b"mixed", b"b", [CRLF + b"x"] * 2_000)
    yield (
        "false-delimiters",
        HEAD
        + (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + b"--bb\r\n" * 20_000),
    )
    for depth in (2, 10, 99, 101, 1000):
        yield f"nested-multiparts-{depth}", nested_multiparts(depth)
        yield f"nested-messages-{depth}", nested_messages(depth)
    yield (
        "nested-same-boundary-1000",
        HEAD + (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 1_000),
    )


_VALUES: dict[str, list[bytes]] = {
    "from": [
        b"",
        b" ",
        b"root",
        b"John Doe",
        b"<>",
        b"<",
        b">",
        b"@",
        b"a@",
        b"@b",
        b"a@b@c",
        b"<a@b",
        b"a@b>",
        b'"a',
        b'"a\\',
        b"(",
        b"(a",
        b"a (b (c) d) e <f@g>",
        b"a@b (Old Style)",
        b'"Doe, John" <j@d>',
        b"'single' <a@b>",
        b"a@b, c@d,, ,e@f",
        b"a@b; c@d",
        b"Group: a@b, c@d;",
        b"Group:;",
        b"Group: a@b",
        b"A: B: c@d;;",
        b"undisclosed-recipients:;",
        b"<@relay,@other:a@b>",
        b"<@relay:@>",
        b"a . b @ c . d",
        b"a@[192.0.2.1]",
        b"a@[IPv6:::1]",
        b'"quoted local"@b',
        b'"a\\"b"@c',
        b'""@b',
        b"=?utf-8?q?J=C3=BC?= <a@b>",
        b'"=?utf-8?q?J=C3=BC?=" <a@b>',
        b"a <b@c> d <e@f>",
        b"a <b> c",
        b"a,b,c",
        b"a b@c d@e",
        b"\xfc <\xfc@\xfc>",
        b"a" * 5000 + b"@b",
        b"a@b, " * 3000,
        b"(" * 5000,
        b'"' * 5000,
        b"<" * 5000,
        b"a:" * 3000,
        b"[" * 5000,
        b"\\" * 5000,
        b"a " * 5000,
        b";" * 5000,
        b"a@b\r\n ,\r\n\tc@d",
        b"x\r\n y <a@b>",
    ],
    "date": [
        b"",
        b"now",
        b"21 Nov 2023 10:11 GMT",
        b"Tue, 21 Nov 23 10:11:12 EST",
        b"Tue, 99 Nov 2023",
        b"Tue, 31 Feb 2023 10:11:12 +0000",
        b"Tue, 21 Nov 2023 25:61:61 +9999",
        b"Tue, 21 Nov 99999999999999999999 10:11:12 +0000",
        b"2023-11-21T10:11:12Z",
        b"Tue Nov 21 10:11:12 2023",
        b"Tue, 21 Nov 2023 10:11:12 (comment) +0100",
        b"Thu, 01 Jan 1970 00:00:00 -0000",
        b"Mon, 1 Jan 0001 00:00:00 +2359",
        b"1 Jan 1 0:0:0 Z",
    ],
    "subject": [
        b"",
        b"Re: Re: AW: Fwd: [list] x (fwd)",
        b"=?utf-8?b?w7w=?=",
        b"=?utf-8?b?w7w",
        b"=?",
        b"=?=",
        b"=?utf-8?q?a_b?= =?utf-8?q?c?=",
        b"=?utf-8?b?w7?= =?utf-8?b?w?=",
        b"=?x-none?q?=FF?=",
        b"=?utf-8?x?abc?=",
        b"=?utf-8*en?q?a?=",
        b"=?us-ascii?q?=FC?=",
        b"=?utf-7?q?+AGE-?=",
        b"=?iso-2022-jp?b?GyRCJUYlOSVIGyhC?=",
        b"=?gb2312?b?xOO6ww==?=",
        b"=?rot13?q?abc?=",
        b"=?unicode_escape?q?=5Cx41?=",
        b"=?idna?q?xn--a?=",
        b"=?utf-8?q?a\r\n b?=",
        b"\xff\xfe",
        b"=?utf-8?q?" + b"=C3=BC" * 2000 + b"?=",
        b"[fwd: " * 1000,
        b"[a]" * 1000,
        b"Re: " * 2000,
        b"a" * 50_000,
        b"folded\r\n\tonce\r\n and\r\n  again",
        b"\ttab\t",
    ],
    "message-id": [b"", b"<", b"<>", b"no brackets", b'<"a b"@c>', b"<a@b> <c@d>", b"<a b@c>"],
    "references": [b"<a@b>" * 3000, b"<a@b>\r\n\t<c@d>\r\n <e@f>", b"<" * 3000, b"junk <a@b> junk"],
    "in-reply-to": [b"Your message of Monday <a@b>", b"nothing"],
    "content-type": [
        b"",
        b"text",
        b"/",
        b"text/",
        b"/plain",
        b"text/plain/html",
        b"TEXT/PLAIN",
        b"text plain",
        b"text/plain;",
        b"text/plain;;;",
        b"text/plain; =",
        b"text/plain; charset",
        b"*/*",
        b"text/plain; charset=",
        b'text/plain; charset="',
        b'text/plain; charset="utf-8\\',
        b"text/plain (comment); charset=utf-8 (more)",
        b"text/plain; charset=unknown-8bit",
        b"text/plain; charset=idna",
        b"text/plain; charset=utf-16",
        b"text/plain; charset=utf-32",
        b"text/html; charset=\xff",
        b"text/\xff",
        b"text/plain; charset=" + b"a" * 3000,
        b"application/x; name*0=a; name*1=b",
        b"application/x; name*=utf-8''%C3%BC",
        b"application/x; name*0*=utf-8''%C3; name*1*=%BC; name*2=c",
        b"application/x; " + b"; ".join(b"a%d=b" % n for n in range(4000)),
        b"multipart/mixed; boundary=b; boundary=c",
        b"multipart/x-unknown; boundary=b",
        b"multipart/mixed; boundary=" + b"b" * 3000,
        b'multipart/mixed; boundary="b b"',
        b"message/partial; id=x; number=1",
        b"message/external-body; access-type=x",
        b"message/rfc822",
        b"message/global",
        b"message/",
        b"(((((text/plain",
        b"text/plain; a=(b",
        b"text/plain; format=flowed; delsp=yes",
        b'text/plain; x="\r\n y"',
    ],
    "content-disposition": [
        b"",
        b"attachment",
        b"ATTACHMENT; filename=x",
        b"inline; filename*=utf-8''%E2%82%AC",
        b";",
        b'attachment; filename="a\\"b\\\\c"',
        b'attachment; filename="\xfc"',
        b"=",
        b"a; b; c=d",
    ],
    "content-transfer-encoding": [
        b"",
        b"BASE64",
        b"base64 (comment)",
        b"x-uuencode",
        b"quoted-printable;",
        b'"base64"',
        b"8 bit",
    ],
    "content-id": [b"", b"<x@y>", b"no brackets", b"\xff"],
    "content-description": [b"", b"=?utf-8?q?=C3=BC?=", b'a "quoted" one', b"\0", b"x" * 5000],
    "content-language": [b"", b"en", b"en, de, fr", b",,,", b"en;q=1", b"a," * 3000],
    "content-location": [b"", b"http://example.org/\r\n  folded", b"\xff"],
    "content-md5": [b"", b"Q2hlY2sgSW50ZWdyaXR5IQ=="],
}


def _headers() -> Iterator[tuple[str, bytes]]:
    """One strange value in one field each, then fields that are repeated or huge."""
    for name, values in _VALUES.items():
        kept = [
            line for line in HEAD.splitlines(True) if not line.lower().startswith(name.encode())
        ]
        for number, value in enumerate(values):
            field = b"%b: %b\r\n" % (name.encode(), value)
            yield f"{name}-{number}", b"".join(kept) + field + b"\r\nbody\r\n--b\r\n\r\npart\r\n"
    for name in (b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Content-Type", b"Cc"):
        line = b"%b: text/plain <a@b>\r\n" % name
        yield f"twice-{name.decode().lower()}", HEAD + line + b"X: y\r\n" + line + b"\r\nbody\r\n"
    yield "to-1000-times", HEAD + b"To: a@b\r\n" * 1_000 + b"\r\nbody\r\n"
    yield "fields-20000", HEAD + b"X: y\r\n" * 20_000 + b"\r\nbody\r\n"
    yield "huge-field", HEAD + b"X: " + (b"y" * 76 + b"\r\n ") * 20_000 + b"z\r\n\r\nbody\r\n"
    yield "huge-header", HEAD + (b"X-Field: " + b"y" * 80 + CRLF) * 15_000 + b"\r\nbody\r\n"
    yield "space-before-colon", b"From : a@b\r\nSubject \t: x\r\n\r\nbody\r\n"
    yield "no-space-behind-colon", b"From:a@b\r\nSubject:x\r\n\r\nbody\r\n"
    yield "upper-case", HEAD.upper() + b"\r\nBODY\r\n"
    yield "space-line", HEAD + b" \r\n\r\nbody\r\n"


def _encodings() -> Iterator[tuple[str, bytes]]:
    """Bodies in every encoding and many charsets, right and wrong."""
    bodies = {
        "base64": base64.encodebytes("Grüße".encode() * 50).replace(b"\n", CRLF),
        "base64-broken": b"R3L8\r\n!!??\r\n=\r\nR3L8=R3L8\r\nA",
        "base64-empty": b"",
        "quoted-printable": b"Gr=C3=BC=C3=9Fe=20=\r\nund mehr  \r\n",
        "quoted-printable-broken": b"=\r\n=ZZ =4 = =C3\r\n=",
        "quoted-printable-spaces": b" " * 20_000 + b"=\r\n" + b"\t" * 20_000,
    }
    for name, body in bodies.items():
        encoding = name.replace("-broken", "").replace("-empty", "").replace("-spaces", "")
        fields = b"Content-Transfer-Encoding: %b\r\n" % encoding.encode()
        for kind in (b"plain", b"html"):
            yield f"{name}-{kind.decode()}", HEAD + text(body, kind=kind, fields=fields)
    samples = {
        "utf-8": "Grüße €", "iso-8859-1": "Grüße", "windows-1252": "Grüße €", "koi8-r": "Привет",
        "windows-1251": "Привет", "iso-2022-jp": "日本語のメール", "shift_jis": "日本語",
        "euc-jp": "日本語", "gb2312": "你好", "gb18030": "你好", "big5": "你好",
        "euc-kr": "안녕", "iso-8859-8": "שלום",
        "windows-1256": "مرحبا", "tis-620": "สวัสดี", "utf-16": "Grüße", "utf-7": "Grüße",
    }  # fmt: skip
    for charset, sample in samples.items():
        content = (sample * 20).encode(charset)
        head = HEAD + b"Content-Transfer-Encoding: base64\r\n"
        coded = base64.encodebytes(content).replace(b"\n", CRLF)
        declared = b"Content-Type: text/plain; charset=%b\r\n\r\n" % charset.encode()
        yield f"{charset}-declared", head + declared + coded
        yield f"{charset}-undeclared", head + CRLF + coded
        yield f"{charset}-wrong", head + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + coded
        yield f"{charset}-unknown", head + b"Content-Type: text/plain; charset=x-z\r\n\r\n" + coded
    pages = {
        "unclosed-script": b"<p>a<script>" + b"x" * 1000,
        "unclosed-comment": b"<p>a<!-- " + b"x" * 1000,
        "unclosed-tag": b"<p>a<p " + b"x=y " * 1000,
        "many-tags": b"<div>" * 20_000 + b"deep",
        "many-entities": b"&amp;&#65;&#x41;&nope;&#99999999999;" * 500,
        "brackets": b"<" * 20_000,
    }
    for name, page in pages.items():
        yield f"html-{name}", HEAD + text(page, kind=b"html")


def _trees() -> Iterator[tuple[str, bytes]]:
    """Random well-formed and badly closed trees of parts."""
    chance = random.Random(2822)
    for number in range(100):
        yield f"{number}", HEAD + _entity(chance, 4, f"t{number}") + CRLF


def _entity(chance: random.Random, depth: int, label: str) -> bytes:
    kind = chance.randrange(6 if depth else 3)
    if kind == 0:
        return text(b"text of " + label.encode() + b"\r\n" * chance.randrange(4))
    if kind == 1:
        return text(b"<p>html &amp; " + label.encode(), kind=b"html")
    if kind == 2:
        return attachment(chance.randbytes(chance.randrange(300)))
    if kind == 3:
        inner = HEAD + _entity(chance, depth - 1, label + "m")
        return b"Content-Type: message/rfc822\r\n\r\n" + inner
    parts = [_entity(chance, depth - 1, f"{label}{n}") for n in range(chance.randrange(4))]
    boundary = b"=_" + label.encode() if chance.random() < 0.9 else b"same"
    name = chance.choice((b"mixed", b"alternative", b"related", b"digest", b"x-other"))
    return multipart(name, boundary, parts, close=chance.random() < 0.8)


def _damaged() -> Iterator[tuple[str, bytes]]:
    """Good messages cut, with bytes changed, and with lines moved; line ends stay whole."""
    chance = random.Random(5322)
    good = [data for name, data in _written() if 400 < len(data) < 5_000 and b"boundary" in data]
    for number in range(150):
        lines = chance.choice(good).split(CRLF)
        fault = number % 3
        if fault == 0:
            lines = lines[: chance.randrange(1, len(lines))]
        elif fault == 1:
            for _ in range(5):
                at = chance.randrange(len(lines))
                line = bytearray(lines[at])
                if line:
                    line[chance.randrange(len(line))] = chance.choice(
                        b'";:=()<>@,\\ -?\x7f\xe4\xff'
                    )
                lines[at] = bytes(line)
        else:
            chance.shuffle(lines)
        yield f"{number}", CRLF.join(lines) + CRLF


def _bare() -> Iterator[tuple[str, bytes]]:
    """CR and LF that are no pair."""
    mixed = HEAD + multipart(b"mixed", b"b", [text(b"one"), text(b"two"), attachment(b"three")])
    for name, data in (("plain", HEAD + b"\r\nbody\r\nmore\r\n"), ("multipart", mixed)):
        yield f"{name}-lf", data.replace(CRLF, b"\n")
        yield f"{name}-cr", data.replace(CRLF, b"\r")
        yield f"{name}-lf-cr", data.replace(CRLF, b"\n\r")
        yield f"{name}-cr-cr-lf", data.replace(CRLF, b"\r\r\n")
        yield f"{name}-lf-header", data.replace(CRLF, b"\n", 7)
        yield (
            f"{name}-lf-body",
            data.replace(CRLF, b"\0").replace(b"\0", CRLF, 7).replace(b"\0", b"\n"),
        )
    yield "cr-in-header", HEAD + b"X-Cr: a\rb\r\nSubject: a\rb\r\n\r\nbody\r\n"
    yield "cr-at-end", HEAD + b"\r\nbody\r"
    yield "smuggled-dot", HEAD + b"\r\nbody\n.\nMAIL FROM:<a@b>\r\n"
    chance = random.Random(1)
    for number in range(30):
        yield f"random-{number}", chance.randbytes(chance.randrange(2_000))
    for number in range(30):
        alphabet = b'\r\n\n\n -:;="<>()ab\0\xff'
        yield f"noise-{number}", bytes(chance.choice(alphabet) for _ in range(1_000))
