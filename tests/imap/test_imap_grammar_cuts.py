"""No rule of the grammar fails otherwise than by an error kind, whatever it is given."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from mailhub.imap.grammar import access, messages, search
from mailhub.imap.grammar import fetch as fetching
from mailhub.imap.grammar import mailboxes as boxes
from mailhub.imap.grammar.cursor import Cursor
from mailhub.model.errors import MailhubError
from tests.imap.test_imap_grammar_fetch import FETCH_ITEMS
from tests.imap.test_imap_grammar_search import SEARCH_KEYS

pytestmark = pytest.mark.thorough

ANY_RULE = [
    access.login,
    access.authenticate,
    access.id_,
    access.enable,
    access.compress,
    boxes.select,
    boxes.create,
    boxes.rename,
    boxes.list_,
    boxes.lsub,
    boxes.status,
    boxes.set_quota,
    fetching.uid_fetch,
    search.search,
    search.sort,
    search.thread,
    messages.store,
    messages.copy,
    messages.append,
    messages.upload,
    messages.uid_replace,
]
BAD_ENDS = [b" ", b"x", b" x", b")", b"(", b'"', b"{", b"{1}\r\n", b"\x00", b"\r", b"\n", b"\xff"]


@pytest.mark.parametrize("rule", ANY_RULE)
def test_no_rule_fails_otherwise_than_by_a_kind(rule: Any) -> None:
    """Each good text of the tables, cut anywhere and followed by nonsense, under every rule."""
    texts = [b" " + text for text, _ in SEARCH_KEYS] + [b" 1 " + text for text, _ in FETCH_ITEMS]
    texts += [b' (USE (\\Sent)) "a" {3}\r\nabc (QRESYNC (1 2 3:4 (5 6)))', b" joe {3}\r\nabc"]
    for text in texts:
        for cut in range(len(text)):
            for end in BAD_ENDS:
                cursor = Cursor(text[:cut] + end)
                with contextlib.suppress(MailhubError):
                    rule(cursor)
                assert cursor.at <= len(cursor.data)
