"""ENVELOPE: RFC 9051's rules, and data that any client can read whatever the header held."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import datum, envelope, mime
from mailhub.wire.envelope import EnvelopeAddress
from mailhub.wire.nstring import nstring, string
from tests import corpus
from tests.wire import strict


def rendered(header: bytes) -> bytes:
    return envelope.envelope(mime.scan(header + b"\r\n").fields)


def test_the_example_of_rfc_9051() -> None:
    header = (
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
        b"From: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Subject: IMAP4rev2 WG mtg summary and minutes\r\n"
        b"To: imap@cac.washington.edu\r\n"
        b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        b"Message-Id: <B27397-0100000@cac.washington.ed>\r\n"
    )
    assert rendered(header) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) '
        b'NIL NIL "<B27397-0100000@cac.washington.ed>")'
    )


_PIECES = [
    "a",
    "b.c",
    "=?utf-8?q?d?=",
    "e'f",
    '"',
    " ",
    "  ",
    "\t",
    "<",
    ">",
    "@",
    ",",
    ":",
    ";",
    "(",
]


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([*_PIECES, ")", "\\", "[", "]", "\xe9", "\x01", "<a@b>"]), max_size=9)
)
def test_the_usual_address_reads_as_by_the_general_rules(pieces: list[str]) -> None:
    """A second field of the same name keeps the quick way from being taken."""
    field = b"To: " + "".join(pieces).encode() + b"\r\n"
    assert rendered(field) == rendered(field + b"To:\r\n")


@pytest.mark.parametrize(
    "value",
    ["a@b", "<a@b>", "A <a@b>", "A B <a@b>", '"A, B" <a@b>', '"A"<a@b>', '"" <a@b>', "A  B <a@b>"],
)
def test_both_ways_agree_on_the_usual_forms(value: str) -> None:
    field = b"From: " + value.encode() + b"\r\n"
    assert rendered(field) == rendered(field + b"From:\r\n")


FIELDS = (b"date", b"subject", b"from", b"to", b"cc", b"in-reply-to", b"message-id")
ANN = b"Ann Lee <ann@far.example>"
ODD = (
    b'"A \\"B\\"" <a@b>',
    b"friends: a@b, c@d;",
    b"=?utf-8?q?J=C3=BC?= <j@b>, <@r:a@b>",
    b"\xfc <u@b>",
)


@pytest.mark.parametrize("named", FIELDS)
@pytest.mark.parametrize("value", [b"", b" ", ANN, b"a@b, " + ANN, b'say "hi"', *ODD])
def test_the_usual_envelope_reads_as_by_the_general_rules(named: bytes, value: bytes) -> None:
    usual = {**{name: [ANN] for name in FIELDS}, b"date": [b"Sat, 21 Nov 2026 10:00:00 +0000"]}
    for fields in (usual, {}, {b"from": [ANN]}, usual | {b"sender": [b"x@y"]}):
        made = envelope.envelope({**fields, named: [value]})
        assert envelope.parse(made) == envelope._parse(made, False)
    assert envelope._ORDINARY.fullmatch(envelope.envelope(usual))


A = b'((NIL NIL "a" "b"))'
C = b'((NIL NIL "c" "d"))'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
        (b"Subject:\r\n", b'(NIL "" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        (b"From: a@b\r\n", b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (A, A, A)),
        (
            b"From: a@b\r\nSender: c@d\r\nReply-To:\r\n",
            b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (A, C, A),
        ),
        (b"Sender: c@d\r\n", b"(NIL NIL NIL %b NIL NIL NIL NIL NIL NIL)" % C),
        (
            b"To: a@b\r\nTo: c@d\r\n",
            b'(NIL NIL NIL NIL NIL ((NIL NIL "a" "b")(NIL NIL "c" "d")) NIL NIL NIL NIL)',
        ),
        (b"Subject: one\r\nSubject: two\r\n", b'(NIL "one" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        (
            b"To: undisclosed-recipients:;\r\n",
            b'(NIL NIL NIL NIL NIL ((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)) '
            b"NIL NIL NIL NIL)",
        ),
        (b'Subject: a "b" \\c\r\n', b'(NIL "a \\"b\\" \\\\c" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        (b"Subject: a\r\n\tb\r\n", b'(NIL "a b" NIL NIL NIL NIL NIL NIL NIL NIL)'),
        (b"Subject: \xc3\xbc\r\n", b"(NIL {2}\r\n\xc3\xbc NIL NIL NIL NIL NIL NIL NIL NIL)"),
        (b"Subject: a\rb\r\n", b"(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)"),
        (b"Subject: a\0b\r\n", b"(NIL {3}\r\na?b NIL NIL NIL NIL NIL NIL NIL NIL)"),
        (
            b"Subject: " + b"x" * 1001 + b"\r\n",
            b"(NIL {1001}\r\n" + b"x" * 1001 + b" NIL NIL NIL NIL NIL NIL NIL NIL)",
        ),
        (b"Cc: root\r\n", b'(NIL NIL NIL NIL NIL NIL ((NIL NIL "root" "")) NIL NIL NIL)'),
        (b"Bcc: ,\r\n", b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
        (b"In-Reply-To: <a@b>\r\n", b'(NIL NIL NIL NIL NIL NIL NIL NIL "<a@b>" NIL)'),
    ],
)
def test_fields(header: bytes, expected: bytes) -> None:
    assert rendered(header) == expected
    strict.check_envelope(strict.read(expected))


def test_parse_decodes() -> None:
    header = (
        b"From: =?utf-8?q?J=C3=BC?= <a@b>\r\nTo: Team: c@d;, J\xfc <e@f>\r\n"
        b"Subject: =?utf-8?b?w7w=?=\r\nDate: now\r\nMessage-ID: <x@y>\r\nIn-Reply-To: <z>\r\n"
    )
    found = envelope.parse(rendered(header))
    assert found.from_ == found.sender == found.reply_to == (EnvelopeAddress("Jü", "a", "b"),)
    assert found.to == (
        EnvelopeAddress("", "Team", ""),
        EnvelopeAddress("", "c", "d"),
        EnvelopeAddress("Jü", "e", "f"),
    )
    assert (found.subject, found.date, found.message_id, found.in_reply_to) == (
        "ü",
        "now",
        "<x@y>",
        "<z>",
    )
    assert (found.cc, found.bcc) == ((), ())


def test_addresses_are_counted_over_all_fields() -> None:
    header = b"To: " + b"a@b, " * 6_000 + b"\r\nCc: " + b"a@b, " * 6_000 + b"\r\nBcc: a@b\r\n"
    found = envelope.parse(rendered(header))
    assert (len(found.to), len(found.cc), len(found.bcc)) == (6_000, 4_000, 0)


@pytest.mark.parametrize(
    "data", [b"", b"(", b")", b"()", b"NIL", b'("x")', b"(NIL NIL))", b"({5}\r\nab)", b"(x)", b'("']
)
def test_parse_refuses_other_data(data: bytes) -> None:
    with pytest.raises(Invalid):
        envelope.parse(data)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(corpus._VALUES)), st.binary(max_size=80)))
def test_any_values_give_the_grammar(values: dict[str, bytes]) -> None:
    fields = {name.encode(): [value] for name, value in values.items()}
    made = envelope.envelope(fields)
    value = strict.read(made)
    strict.check_envelope(value)
    assert datum.read(made) == value
    assert isinstance(envelope.parse(made).subject, str)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.binary(max_size=80))
def test_strings_survive(value: bytes) -> None:
    assert strict.read(string(value)) == value.replace(b"\0", b"?")
    assert datum.read(b"(" + nstring(value) + b" NIL 7)") == [value.replace(b"\0", b"?"), None, 7]


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text('()"\\{}NIL 12\r\n', max_size=40).map(str.encode)))
def test_any_bytes_are_data_or_invalid(data: bytes) -> None:
    try:
        datum.read(data)
    except Invalid:
        return
