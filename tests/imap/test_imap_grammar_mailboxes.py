"""Commands on mailboxes and on the session, well and badly spelled."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.imap.grammar import access
from mailhub.imap.grammar import mailboxes as boxes
from mailhub.imap.grammar.values import (
    Authenticate,
    Compress,
    Create,
    Enable,
    Extension,
    GetQuota,
    GetQuotaRoot,
    Id,
    List,
    ListExtra,
    ListReturn,
    ListSelection,
    ListSubscribed,
    Login,
    Rename,
    ResyncParameter,
    Select,
    SetQuota,
    Status,
    StatusItem,
    Subscribe,
)
from mailhub.model.errors import Invalid, LimitReached
from mailhub.model.sequence import SequenceSet
from tests.imap.parsing import ONE, parsed

# -- mailboxes

QRESYNC = ResyncParameter(67890007, 20050715194045000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b" INBOX", Select("INBOX")),
        (b' "a b"', Select("a b")),
        (b" b&AOQ-r", Select("bär")),
        (b" Q&-A", Select("Q&A")),
        (b" {4}\r\nb\xc3\xa4r", Select("bär")),
        (b" INBOX (CONDSTORE)", Select("INBOX", condstore=True)),
        (
            b" INBOX (QRESYNC (67890007 20050715194045000))",
            Select("INBOX", False, True, QRESYNC),
        ),
        (
            b" INBOX (QRESYNC (67890007 20050715194045000 1:9))",
            Select(
                "INBOX",
                False,
                True,
                ResyncParameter(67890007, 20050715194045000, SequenceSet(((1, 9),))),
            ),
        ),
        (
            b" INBOX (QRESYNC (67890007 20050715194045000 1:9 (1 5)) CONDSTORE)",
            Select(
                "INBOX",
                False,
                True,
                ResyncParameter(
                    67890007,
                    20050715194045000,
                    SequenceSet(((1, 9),)),
                    (ONE, SequenceSet(((5, 5),))),
                ),
            ),
        ),
        (
            b" INBOX (QRESYNC (1 1 (1 5)))",
            Select(
                "INBOX",
                False,
                True,
                ResyncParameter(1, 1, None, (ONE, SequenceSet(((5, 5),)))),
            ),
        ),
    ],
)
def test_select_is_read(text: bytes, expected: Select) -> None:
    assert parsed(boxes.select, text) == expected
    assert parsed(boxes.examine, text).read_only


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b" a b",
        b" INBOX ()",
        b" INBOX (BOGUS)",
        b" INBOX (QRESYNC)",
        b" INBOX (QRESYNC ())",
        b" INBOX (QRESYNC (1))",
        b" INBOX (QRESYNC (0 1))",
        b" INBOX (QRESYNC (1 0))",
        b" INBOX (QRESYNC (1 1 1:*))",
        b" INBOX (QRESYNC (1 1 $))",
        b" INBOX (QRESYNC (1 1 1 (1)))",
        b" INBOX (CONDSTORE",
        b" &AOQ",
        b" &AGE-",
        b" {2}\r\n\xff\xfe",
        b" {1}\r\n\x00",
    ],
)
def test_bad_selects_are_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        parsed(boxes.select, text)


def test_names_are_utf8_once_that_is_enabled() -> None:
    assert parsed(boxes.select, b' "b\xc3\xa4r"', utf8=True) == Select("bär")
    assert parsed(boxes.select, b" &AOQ-", utf8=True) == Select("&AOQ-")


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (boxes.create, b" a", Create("a")),
        (boxes.create, b" a/b/", Create("a/b", (), folder=True)),
        (boxes.create, b" a (USE (\\Sent \\Drafts))", Create("a", ("\\Sent", "\\Drafts"))),
        (boxes.create, b" a (USE ())", Create("a")),
        (boxes.rename, b" a b", Rename("a", "b")),
        (boxes.subscribe, b" a", Subscribe("a")),
        (boxes.unsubscribe, b" a", Subscribe("a", False)),
        (
            boxes.status,
            b" a (MESSAGES SIZE messages)",
            Status("a", (StatusItem.MESSAGES, StatusItem.SIZE)),
        ),
        (boxes.list_, b' "" ""', List(("",), root=True)),
        (boxes.list_, b' "" *', List(("*",))),
        (boxes.list_, b' a/ "%"', List(("a/%",))),
        (boxes.list_, b' "" {2}\r\na%', List(("a%",))),
        (boxes.list_, b' "" a]*', List(("a]*",))),
        (
            boxes.list_,
            b' (SUBSCRIBED RECURSIVEMATCH) "" (a "b c") RETURN (CHILDREN STATUS (UNSEEN))',
            List(
                ("a", "b c"),
                ListSelection.SUBSCRIBED | ListSelection.RECURSIVEMATCH,
                ListReturn.CHILDREN,
                (StatusItem.UNSEEN,),
                extended=True,
            ),
        ),
        (boxes.list_, b' () "" *', List(("*",), extended=True)),
        (boxes.list_, b' "" * RETURN ()', List(("*",), extended=True)),
        (
            boxes.list_,
            b' (special-use) "" * return (special-use subscribed)',
            List(
                ("*",),
                ListSelection.SPECIAL_USE,
                ListReturn.SPECIAL_USE | ListReturn.SUBSCRIBED,
                extended=True,
            ),
        ),
        (boxes.lsub, b' "" %', ListSubscribed("%")),
        (boxes.xlist, b' "" ""', ListExtra("", root=True)),
        (boxes.get_quota, b' ""', GetQuota("")),
        (boxes.get_quota_root, b" INBOX", GetQuotaRoot("INBOX")),
        (
            boxes.set_quota,
            b' "" (STORAGE 512 message 5)',
            SetQuota("", (("STORAGE", 512), ("MESSAGE", 5))),
        ),
        (boxes.set_quota, b" a ()", SetQuota("a", ())),
    ],
)
def test_mailbox_commands_are_read(rule: Any, text: bytes, expected: Any) -> None:
    assert parsed(rule, text) == expected


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (boxes.create, b" a (BOGUS (x))"),
        (boxes.create, b" a (USE \\Sent)"),
        (boxes.create, b" a (USE (\\Sent)"),
        (boxes.delete, b""),
        (boxes.delete, b" a b"),
        (boxes.delete, b" *"),
        (boxes.rename, b" a"),
        (boxes.status, b" a"),
        (boxes.status, b" a ()"),
        (boxes.status, b" a (BOGUS)"),
        (boxes.status, b" a (MESSAGES"),
        (boxes.list_, b' ""'),
        (boxes.list_, b" *"),
        (boxes.list_, b' "" ()'),
        (boxes.list_, b' (BOGUS) "" *'),
        (boxes.list_, b' (RECURSIVEMATCH) "" *'),
        (boxes.list_, b' "" * RETURN'),
        (boxes.list_, b' "" * RETURN (BOGUS)'),
        (boxes.list_, b' "" * RETURN (STATUS)'),
        (boxes.list_, b' "" * BOGUS (CHILDREN)'),
        (boxes.list_, b' "" {2}\r\n\xff\xff'),
        (boxes.get_quota, b""),
        (boxes.set_quota, b" a (STORAGE)"),
        (boxes.set_quota, b" a (STORAGE x)"),
    ],
)
def test_bad_mailbox_commands_are_refused(rule: Any, text: bytes) -> None:
    with pytest.raises(Invalid):
        parsed(rule, text)


# -- the session


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        (access.login, b' joe "a b"', Login("joe", "a b")),
        (access.login, b" {3}\r\njoe {4+}\r\np\xc3\xa4x", Login("joe", "päx")),
        (access.login, b' "" ""', Login("", "")),
        (access.authenticate, b" plain", Authenticate("PLAIN")),
        (access.authenticate, b" PLAIN =", Authenticate("PLAIN", b"")),
        (access.authenticate, b" PLAIN AGEAYg==", Authenticate("PLAIN", b"\0a\0b")),
        (access.authenticate, b" SCRAM-SHA-256-PLUS", Authenticate("SCRAM-SHA-256-PLUS")),
        (access.id_, b" NIL", Id()),
        (access.id_, b" ()", Id()),
        (
            access.id_,
            b' ("Name" "x" "OS" NIL "y" {1}\r\n\xff)',
            Id((("name", "x"), ("os", None), ("y", "\ufffd"))),
        ),
        (access.enable, b" CONDSTORE", Enable(frozenset({Extension.CONDSTORE}))),
        (
            access.enable,
            b" imap4REV2 X-GOOD-IDEA utf8=accept",
            Enable(frozenset({Extension.REV2, Extension.UTF8})),
        ),
        (access.enable, b" X", Enable(frozenset())),
        (access.compress, b" deflate", Compress("DEFLATE")),
    ],
)
def test_session_commands_are_read(rule: Any, text: bytes, expected: Any) -> None:
    assert parsed(rule, text) == expected


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (access.login, b" joe"),
        (access.login, b" joe a b"),
        (access.login, b' joe "a'),
        (access.login, b' joe "\xff"'),
        (access.login, b" joe {1}\r\n\x00"),
        (access.authenticate, b""),
        (access.authenticate, b" PLAIN a"),
        (access.authenticate, b" PLAIN AGE AYg=="),
        (access.authenticate, b" PLAIN ===="),
        (access.id_, b""),
        (access.id_, b' ("name")'),
        (access.id_, b' ("name" "x"'),
        (access.id_, b" (name x)"),
        (access.enable, b""),
        (access.enable, b" (CONDSTORE)"),
        (access.compress, b""),
    ],
)
def test_bad_session_commands_are_refused(rule: Any, text: bytes) -> None:
    with pytest.raises(Invalid):
        parsed(rule, text)


def test_an_endless_id_is_refused() -> None:
    with pytest.raises(LimitReached):
        parsed(access.id_, b" (%b)" % b" ".join([b'"a" "b"'] * 31))
