"""FETCH of RFC 3501, RFC 9051 and the extensions, well and badly spelled."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.imap.grammar import fetch as fetching
from mailhub.imap.grammar.values import (
    Attribute,
    Binary,
    BinarySize,
    Fetch,
    Section,
    SectionText,
)
from mailhub.model.errors import Invalid, LimitReached
from mailhub.model.sequence import SAVED, SequenceSet
from tests.imap.parsing import ONE, parsed


def section(
    label: bytes,
    text: SectionText = SectionText.ALL,
    path: tuple[int, ...] = (),
    fields: tuple[bytes, ...] = (),
    partial: tuple[int, int] | None = None,
    *,
    peek: bool = True,
) -> Section:
    return Section(path, text, fields, peek, partial, label)


FROM_TO = (b"From", b"X-To")
FETCH_ITEMS: list[tuple[bytes, Any]] = [
    (b"FLAGS", Attribute.FLAGS),
    (b"flags", Attribute.FLAGS),
    (b"UID", Attribute.UID),
    (b"INTERNALDATE", Attribute.INTERNALDATE),
    (b"RFC822.SIZE", Attribute.SIZE),
    (b"ENVELOPE", Attribute.ENVELOPE),
    (b"BODY", Attribute.BODY),
    (b"BODYSTRUCTURE", Attribute.BODYSTRUCTURE),
    (b"MODSEQ", Attribute.MODSEQ),
    (b"EMAILID", Attribute.EMAILID),
    (b"THREADID", Attribute.THREADID),
    (b"SAVEDATE", Attribute.SAVEDATE),
    (b"PREVIEW", Attribute.PREVIEW),
    (b"PREVIEW (LAZY)", Attribute.PREVIEW),
    (b"RFC822", section(b"RFC822", peek=False)),
    (b"RFC822.HEADER", section(b"RFC822.HEADER", SectionText.HEADER)),
    (b"RFC822.TEXT", section(b"RFC822.TEXT", SectionText.TEXT, peek=False)),
    (b"BODY[]", section(b"BODY[]", peek=False)),
    (b"BODY.PEEK[]", section(b"BODY[]")),
    (b"body.peek[header]", section(b"BODY[HEADER]", SectionText.HEADER)),
    (b"BODY.PEEK[TEXT]", section(b"BODY[TEXT]", SectionText.TEXT)),
    (b"BODY.PEEK[1]", section(b"BODY[1]", path=(1,))),
    (b"BODY.PEEK[1.2.MIME]", section(b"BODY[1.2.MIME]", SectionText.MIME, (1, 2))),
    (b"BODY.PEEK[3.HEADER]", section(b"BODY[3.HEADER]", SectionText.HEADER, (3,))),
    (b"BODY.PEEK[3.TEXT]", section(b"BODY[3.TEXT]", SectionText.TEXT, (3,))),
    (
        b'BODY.PEEK[HEADER.FIELDS (From "X-To")]',
        section(b"BODY[HEADER.FIELDS (From X-To)]", SectionText.HEADER_FIELDS, (), FROM_TO),
    ),
    (
        b"BODY.PEEK[2.HEADER.FIELDS.NOT (From X-To)]",
        section(
            b"BODY[2.HEADER.FIELDS.NOT (From X-To)]", SectionText.HEADER_FIELDS_NOT, (2,), FROM_TO
        ),
    ),
    (b"BODY.PEEK[]<0.100>", section(b"BODY[]<0>", partial=(0, 100))),
    (b"BODY[1]<5.1>", section(b"BODY[1]<5>", path=(1,), partial=(5, 1), peek=False)),
    (b"BINARY[1]", Binary((1,), False, None, b"BINARY[1]")),
    (b"BINARY.PEEK[1.2]<3.4>", Binary((1, 2), True, (3, 4), b"BINARY[1.2]<3>")),
    (b"BINARY[]", Binary((), False, None, b"BINARY[]")),
    (b"BINARY.SIZE[2]", BinarySize((2,), b"BINARY.SIZE[2]")),
]


@pytest.mark.parametrize(("text", "item"), FETCH_ITEMS)
def test_a_fetch_item_is_read_alone_and_in_a_list(text: bytes, item: Any) -> None:
    assert parsed(fetching.fetch, b" 1 " + text) == Fetch(False, ONE, (item,))
    expected = Fetch(False, ONE, tuple(dict.fromkeys((Attribute.UID, item, Attribute.FLAGS))))
    assert parsed(fetching.fetch, b" 1 (UID %b FLAGS)" % text) == expected


def test_macros_are_expanded() -> None:
    fast = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE)
    assert parsed(fetching.fetch, b" 1 fast").items == fast
    assert parsed(fetching.fetch, b" 1 ALL").items == (*fast, Attribute.ENVELOPE)
    assert parsed(fetching.fetch, b" 1 FULL").items == (*fast, Attribute.ENVELOPE, Attribute.BODY)


def test_uid_fetch_and_changedsince_add_what_their_answers_need() -> None:
    assert parsed(fetching.uid_fetch, b" 1:* (FLAGS)") == Fetch(
        True, SequenceSet(((1, 0),)), (Attribute.UID, Attribute.FLAGS)
    )
    items = (Attribute.UID, Attribute.FLAGS, Attribute.MODSEQ)
    assert parsed(fetching.uid_fetch, b" 1 FLAGS (CHANGEDSINCE 12345 VANISHED)") == Fetch(
        True, ONE, items, changed_since=12345, vanished=True
    )
    assert parsed(fetching.fetch, b" $ FLAGS (PARTIAL -1:-100)") == Fetch(
        False, SAVED, (Attribute.FLAGS,), partial=(-1, -100)
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b" 1",
        b" 1 ",
        b" 1 BOGUS",
        b" 1 ()",
        b" 1 (FLAGS",
        b" 1 (FLAGS FAST)",
        b" 1 FLAGS UID",
        b" 0 FLAGS",
        b" 1 BODY[",
        b" 1 BODY[BOGUS]",
        b" 1 BODY[MIME]",
        b" 1 BODY[0]",
        b" 1 BODY[1.]",
        b" 1 BODY[1.0]",
        b" 1 BODY[HEADER.FIELDS]",
        b" 1 BODY[HEADER.FIELDS ()]",
        b' 1 BODY[HEADER.FIELDS ("")]',
        b" 1 BODY[]<0>",
        b" 1 BODY[]<0.0>",
        b" 1 BODY[]<-1.5>",
        b" 1 BODY[]<.5>",
        b" 1 BINARY[TEXT]",
        b" 1 BINARY.SIZE[1]<0.5>",
        b" 1 FLAGS[1]",
        b" 1 FLAGS (CHANGEDSINCE)",
        b" 1 FLAGS (CHANGEDSINCE x)",
        b" 1 FLAGS (CHANGEDSINCE 9223372036854775808)",
        b" 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        b" 1 FLAGS (VANISHED)",
        b" 1 FLAGS (BOGUS)",
        b" 1 FLAGS (PARTIAL 1:-5)",
        b" 1 FLAGS (PARTIAL 0:5)",
        b" 1 FLAGS ()",
    ],
)
def test_bad_fetches_are_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        parsed(fetching.fetch, text)


def test_endless_fetch_items_are_refused() -> None:
    parts = b" ".join(b"BODY.PEEK[%d]" % number for number in range(1, 1000))
    with pytest.raises(LimitReached):
        parsed(fetching.fetch, b" 1 (%b)" % parts)
    with pytest.raises(LimitReached):
        parsed(fetching.fetch, b" 1 BODY[%b]" % b".".join([b"1"] * 1000))
    names = b" ".join(b"X%d" % number for number in range(1000))
    with pytest.raises(LimitReached):
        parsed(fetching.fetch, b" 1 BODY[HEADER.FIELDS (%b)]" % names)
