"""What a session is told of a mailbox that others change (RFC 9051 7.5.1, 5.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import selected_log
from mailhub.core.selected import SelectedView, Selections
from mailhub.core.selected_view import chunks, take
from mailhub.core.watch import Watch
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import NotFound
from mailhub.model.flags import DELETED, FLAGGED, SEEN, FlagMode, Flags
from mailhub.model.mailbox import Mailbox
from mailhub.model.sequence import SAVED, SequenceSet
from mailhub.model.settings import StoreSettings
from mailhub.model.uids import UidSet
from mailhub.model.update import Changed, Exists, FlagsGrew, Recent, Removed
from mailhub.store.memory import MemoryStore
from mailhub.wire.rendering import render
from tests.support import run
from tests.world import World, world

ACTOR = Actor()
MESSAGE = b"Subject: x\r\n\r\nbody\r\n"
RENDERED = render(MESSAGE)


@dataclass
class Mail:
    """A mailbox with sessions on it."""

    made: World = field(default_factory=world)
    memory: int = 1 << 20

    def __post_init__(self) -> None:
        self.store: MemoryStore = self.made.store
        self.account: Account = self.made.people["joe@example.org"]
        settings = StoreSettings(index_memory=self.memory)
        self.selections = Selections(self.store, Watch(self.store), settings)

    def mailbox(self, name: str = "INBOX") -> Mailbox:
        found = run(self.store.mailboxes.get(self.account.number, name))
        assert found is not None
        return found

    def select(self, name: str = "INBOX", *, recent: bool = False, **more: bool) -> SelectedView:
        more.setdefault("read_only", False)
        return run(self.selections.select(self.mailbox(name), recent=recent, **more))

    def append(self, count: int = 1, flags: Flags | None = None) -> None:
        spools = self.store.spools
        messages = []
        for _ in range(count):
            spool = spools.open()
            spool.write(MESSAGE)
            messages.append((spool.finish(), RENDERED, flags or Flags(), 1_700_000_000))
        box = self.mailbox()
        run(self.store.messages.append(box.account, box.number, messages, ACTOR))

    def flag(self, uids: list[int], flags: Flags, mode: FlagMode = FlagMode.ADD) -> int:
        box = self.mailbox()
        return run(
            self.store.messages.store_flags(
                box.account, box.number, UidSet.from_any(uids), mode, flags, ACTOR
            )
        ).modseq

    def expunge(self, uids: list[int]) -> None:
        box = self.mailbox()
        run(
            self.store.messages.expunge(
                box.account, box.number, UidSet.from_any(uids), ACTOR, only_deleted=False
            )
        )


@pytest.fixture
def mail() -> Mail:
    made = Mail()
    made.append(5)
    return made


def test_a_new_view_has_nothing_to_be_told(mail: Mail) -> None:
    view = mail.select()
    assert (view.count, list(view.uids), view.behind) == (5, [1, 2, 3, 4, 5], False)
    assert view.sync() == []


def test_arrivals_are_told_as_a_count(mail: Mail) -> None:
    view = mail.select()
    mail.append(2)
    assert view.behind
    assert view.count == 5, "numbers stand still until the session is told"
    assert view.sync() == [Exists(7)]
    assert view.sync() == []


def test_removals_are_told_highest_first(mail: Mail) -> None:
    view = mail.select()
    mail.expunge([1, 4, 5])
    (removed,) = view.sync()
    assert isinstance(removed, Removed)
    assert (list(removed.numbers), list(removed.uids)) == ([5, 4, 1], [1, 4, 5])
    assert (view.count, list(view.uids)) == (2, [2, 3])


def test_a_message_that_came_and_went_unseen_is_not_told(mail: Mail) -> None:
    view = mail.select()
    mail.append(1)
    mail.expunge([6])
    assert view.sync() == []
    assert view.count == 5


def test_removals_come_before_arrivals_before_flags(mail: Mail) -> None:
    view = mail.select()
    mail.expunge([2])
    mail.append(1)
    mail.flag([3], Flags(SEEN))
    removed, exists, changed = view.sync()
    assert isinstance(removed, Removed)
    assert exists == Exists(5)
    assert isinstance(changed, Changed)
    ((number, uid, names, modseq),) = changed.rows
    assert (number, uid, names, modseq) == (2, 3, b"(\\Seen)", view.modseq)


def test_nothing_is_told_while_numbers_must_stay_and_messages_went(mail: Mail) -> None:
    view = mail.select()
    before = view.modseq
    mail.expunge([1])
    mail.append(1)
    mail.flag([3], Flags(SEEN))
    assert view.sync(removals=False) == []
    assert (view.count, view.modseq) == (5, before)
    assert [type(update) for update in view.sync()] == [Removed, Exists, Changed]


def test_numbers_that_must_stay_let_all_else_through(mail: Mail) -> None:
    view = mail.select()
    mail.append(1)
    mail.flag([3], Flags(SEEN))
    assert [type(update) for update in view.sync(removals=False)] == [Exists, Changed]


def test_a_new_message_is_not_told_with_its_flags(mail: Mail) -> None:
    view = mail.select()
    mail.append(1)
    mail.flag([6], Flags(SEEN))
    assert view.sync() == [Exists(6)]


def test_own_changes_are_not_told_but_others_on_the_same_message_are(mail: Mail) -> None:
    view = mail.select()
    view.skip_own(mail.flag([1, 2], Flags(SEEN)))
    assert view.sync() == []
    mail.flag([1], Flags(FLAGGED))
    view.skip_own(mail.flag([1, 2], Flags(SEEN), FlagMode.REMOVE))
    (changed,) = view.sync()
    assert isinstance(changed, Changed)
    assert [row[:3] for row in changed.rows] == [(1, 1, b"(\\Flagged)")]


def test_a_new_keyword_is_told_once_and_before_it_is_used(mail: Mail) -> None:
    view = mail.select()
    mail.flag([1], Flags(0, ("work",)))
    grown, changed = view.sync()
    assert isinstance(grown, FlagsGrew)
    assert tuple(grown.names)[-1] == "work"
    assert isinstance(changed, Changed)
    mail.flag([2], Flags(0, ("Work",)))
    assert [type(update) for update in view.sync()] == [Changed]


def test_recent_goes_to_the_first_session_that_may_write(mail: Mail) -> None:
    looking = mail.select(recent=True, read_only=True)
    first = mail.select(recent=True)
    second = mail.select(recent=True)
    modern = mail.select()
    assert [view.recent for view in (looking, first, second, modern)] == [5, 5, 0, 0]
    mail.append(1)
    assert first.sync() == [Exists(6), Recent(6)]
    assert second.sync() == [Exists(6), Recent(1)]
    assert modern.sync() == [Exists(6)]
    rows = second.rows([(4, 6)])
    assert second.flag_texts(rows) == [b"()", b"(\\Recent)"]


def test_sessions_share_arrays(mail: Mail) -> None:
    first, second = mail.select(), mail.select()
    assert first.box is second.box
    assert first.uids is second.uids
    mail.expunge([1])
    second.sync()
    assert first.uids is not second.uids
    first.sync()
    assert first.uids is second.uids


def test_rows_of_a_session_that_was_not_told_leave_out_what_went(mail: Mail) -> None:
    view = mail.select()
    mail.expunge([2, 4])
    mail.flag([5], Flags(SEEN))
    rows = view.rows([(0, 5)])
    assert list(rows.numbers) == [1, 3, 5]
    assert list(rows.uids) == [1, 3, 5]
    assert view.flag_texts(rows) == [b"()", b"()", b"(\\Seen)"]
    assert list(view.pending_removals()) == [2, 4]


@pytest.mark.parametrize(
    ("ranges", "uid", "spans"),
    [
        (((1, 5),), False, [(0, 5)]),
        (((0, 0),), False, [(4, 5)]),
        (((3, 0),), False, [(2, 5)]),
        (((5, 3), (1, 1)), False, [(0, 1), (2, 5)]),
        (((1, 6),), False, None),
        (((6, 0),), False, None),
        (((1, 4294967295),), True, [(0, 5)]),
        (((3, 3), (8, 9)), True, [(2, 3)]),
        (((9, 0),), True, [(4, 5)]),
    ],
)
def test_sets_of_numbers(
    mail: Mail, ranges: tuple[tuple[int, int], ...], uid: bool, spans: list[tuple[int, int]] | None
) -> None:
    assert mail.select().spans(SequenceSet(ranges), uid=uid) == spans


def test_an_empty_mailbox_has_no_last_number() -> None:
    view = Mail().select()
    assert view.spans(SequenceSet(((1, 0),)), uid=False) is None
    assert view.spans(SequenceSet(((1, 0),)), uid=True) == []


def test_numbers_stop_at_what_the_session_was_told(mail: Mail) -> None:
    view = mail.select()
    mail.append(1)
    assert view.spans(SequenceSet(((1, 0),)), uid=True) == [(0, 5)]
    assert view.spans(SequenceSet(((6, 6),)), uid=False) is None


def test_a_saved_result_loses_what_went(mail: Mail) -> None:
    view = mail.select()
    view.saved = UidSet.of([(2, 4)])
    mail.expunge([3])
    view.sync()
    assert view.spans(SAVED, uid=False) == [(1, 3)]


def test_changes_long_ago_are_found_by_comparing(
    mail: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selected_log, "RANGES", 2)
    view = mail.select()
    for uid in (1, 3):
        mail.flag([uid], Flags(SEEN))
    mail.expunge([2])
    mail.flag([5], Flags(FLAGGED))
    mail.expunge([4])
    removed, changed = view.sync()
    assert isinstance(removed, Removed)
    assert list(removed.uids) == [2, 4]
    assert isinstance(changed, Changed)
    assert [(number, uid) for number, uid, _, _ in changed.rows] == [(1, 1), (2, 3), (3, 5)]


def test_a_deleted_mailbox_is_gone_for_its_sessions(mail: Mail) -> None:
    view = mail.select("Archive")
    heard: list[bool] = []
    view.listen(lambda: heard.append(view.gone))
    box = mail.mailbox("Archive")
    run(mail.store.mailboxes.remove(box.account, box.number, ACTOR))
    assert (view.gone, heard) == (True, [True])
    with pytest.raises(NotFound):
        run(mail.selections.select(box, read_only=False, recent=False))
    view.close()


def test_listeners_hear_until_they_stop(mail: Mail) -> None:
    view = mail.select()
    heard: list[int] = []
    stop = view.listen(lambda: heard.append(1))
    mail.append(1)
    stop()
    stop()
    mail.append(1)
    assert heard == [1]


def test_unused_mailboxes_are_kept_until_memory_is_wanted() -> None:
    mail = Mail(memory=3000)
    archive, inbox = mail.select("Archive"), mail.select()
    kept = inbox.box
    archive.close()
    inbox.close()
    inbox.close()
    assert mail.select().box is kept, "the last one used fits"
    assert mail.select("Archive").box is not archive.box, "the other one was dropped"


def test_a_dropped_mailbox_no_longer_follows_its_account() -> None:
    mail = Mail(memory=0)
    view = mail.select()
    view.close()
    mail.append(1)
    assert len(view.box) == 0
    assert mail.select().count == 1


def test_first_unseen(mail: Mail) -> None:
    mail.flag([1, 2], Flags(SEEN))
    assert mail.select().first_unseen() == 3
    mail.flag([3, 4, 5], Flags(SEEN | DELETED))
    assert mail.select().first_unseen() == 0


@pytest.mark.parametrize(
    ("first", "last", "taken"),
    [
        (1, 2, [(0, 2)]),
        (3, 4, [(2, 3), (5, 6)]),
        (6, 9, [(7, 8)]),
        (7, 9, []),
        (-1, -2, [(6, 8)]),
        (-5, -9, [(0, 2)]),
        (1, 99, [(0, 3), (5, 8)]),
    ],
)
def test_take(first: int, last: int, taken: list[tuple[int, int]]) -> None:
    assert take([(0, 3), (5, 8)], first, last) == taken


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=6), st.integers(1, 7))
def test_chunks_are_the_spans_in_small(widths: list[tuple[int, int]], size: int) -> None:
    spans, at = [], 0
    for gap, width in widths:
        spans.append((at + gap, at + gap + width))
        at += gap + width
    pieces = list(chunks(spans, size))
    flat = [place for piece in pieces for start, stop in piece for place in range(start, stop)]
    assert flat == [place for start, stop in spans for place in range(start, stop)]
    counts = [sum(stop - start for start, stop in piece) for piece in pieces]
    assert all(count == size for count in counts[:-1])
    assert all(0 < count <= size for count in counts)


# -- any interleaving: a client that believes only what it is told ends up with the truth


class Client:
    """An IMAP client's mirror of a mailbox: a list by number, of UID (once asked) and flags."""

    def __init__(self, view: SelectedView) -> None:
        self.view = view
        self.rows: list[list[object]] = [[None, None] for _ in range(view.count)]
        self.ask()

    def ask(self) -> None:
        """FETCH 1:* (UID FLAGS)."""
        rows = self.view.rows([(0, self.view.count)])
        texts = self.view.flag_texts(rows)
        for number, uid, text in zip(rows.numbers, rows.uids, texts, strict=True):
            self.rows[number - 1] = [uid, text]

    def hear(self, *, removals: bool) -> None:
        for update in self.view.sync(removals=removals):
            match update:
                case Removed(numbers, uids):
                    gone = [self.rows.pop(number - 1)[0] for number in numbers]
                    assert sorted(uid for uid in gone if uid is not None) == [
                        uid for uid in uids if uid in gone
                    ]
                    assert removals
                case Exists(count):
                    assert count > len(self.rows)
                    known = len(self.rows)
                    self.rows += [[None, None] for _ in range(count - known)]
                    rows = self.view.rows([(known, count)])
                    for number, uid, text in zip(
                        rows.numbers, rows.uids, self.view.flag_texts(rows), strict=True
                    ):
                        self.rows[number - 1] = [uid, text]
                case Changed(rows):
                    for number, uid, text, _ in rows:
                        assert self.rows[number - 1][0] in (uid, None)
                        self.rows[number - 1] = [uid, text]
                case _:
                    assert isinstance(update, FlagsGrew)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 3)),
        st.tuples(
            st.just("flag"),
            st.sets(st.integers(1, 14), max_size=5),
            st.sampled_from([Flags(SEEN), Flags(FLAGGED), Flags(0, ("work",))]),
            st.sampled_from(list(FlagMode)),
        ),
        st.tuples(st.just("own flag"), st.integers(0, 1), st.sets(st.integers(1, 14), max_size=5)),
        st.tuples(st.just("expunge"), st.sets(st.integers(1, 14), max_size=4)),
        st.tuples(st.just("sync"), st.integers(0, 1), st.booleans()),
    ),
    max_size=14,
)


@pytest.mark.parametrize("ranges", [selected_log.RANGES, 1])
@settings(max_examples=50, deadline=None)
@given(steps=STEPS)
def test_every_client_ends_up_with_the_truth(steps: list[tuple], ranges: int) -> None:
    before, selected_log.RANGES = selected_log.RANGES, ranges
    try:
        _play(steps)
    finally:
        selected_log.RANGES = before


def _play(steps: list[tuple]) -> None:
    mail = Mail()
    mail.append(3)
    clients = [Client(mail.select()), Client(mail.select())]
    for step in steps:
        match step:
            case ("append", count):
                mail.append(count)
            case ("flag", uids, flags, mode):
                mail.flag(sorted(uids), flags, mode)
            case ("own flag", who, uids):
                client = clients[who]
                modseq = mail.flag(sorted(uids), Flags(SEEN))
                client.view.skip_own(modseq)
                rows = client.view.rows(client.view.uid_spans(UidSet.from_any(uids)))
                texts = client.view.flag_texts(rows)
                for number, uid, text in zip(rows.numbers, rows.uids, texts, strict=True):
                    client.rows[number - 1] = [uid, text]
            case ("expunge", uids):
                mail.expunge(sorted(uids))
            case ("sync", who, removals):
                clients[who].hear(removals=removals)
    truth = Client(mail.select()).rows
    for client in clients:
        client.hear(removals=True)
        assert client.rows == truth
        assert not client.view.behind
