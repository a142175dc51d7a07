"""Copies one account's mail and keeps it as it is there, as often as it is run.

Whatever is done is noted after it is done; what was done and not noted is asked again, and the
store takes each message once. What has to be done is decided by `folders` and `following`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mailhub.switching import folders, following
from mailhub.switching.faults import Refusal
from mailhub.switching.fetched import Body, Facts, Opened
from mailhub.switching.folders import BoxHere, Folder, Place
from mailhub.switching.following import Noted
from mailhub.switching.house import House
from mailhub.switching.ledger import Ledger, Seen
from mailhub.switching.remote import Damaged, Remote

WINDOW = 64
"""Messages under way before an answer is read."""
WINDOW_OCTETS = 8 << 20
SAVED = 200
"""Messages after which it is on the disk how far it came."""
AT_ONCE = 1000
"""Messages of one act."""
FULL = frozenset({"OverQuota", "StorageFull"})
"""What stands in the way of every message."""


@dataclass(slots=True)
class Copied:
    """What was done: messages taken in, changed and taken out; folders that could not be copied."""

    taken: int = 0
    known: int = 0
    reflagged: int = 0
    dropped: int = 0
    renumbered: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """A folder on its way. `number`: the ledger's; `validity`: UIDVALIDITY there."""

    user: str
    folder: Folder
    number: int
    validity: int


class Copying:
    """One account. `user`: its name here; `told`: is called after each message. `late`: it lives
    here by now, and only new messages are taken in, in what folders there were."""

    def __init__(
        self,
        house: House,
        remote: Remote,
        ledger: Ledger,
        user: str,
        told: Callable[[int], None],
        *,
        late: bool = False,
    ) -> None:
        self._house = house
        self._remote = remote
        self._ledger = ledger
        self._user = user
        self._told = told
        self._late = late
        self._waiting: deque[tuple[Target, int, Noted]] = deque()
        self._octets = 0
        self._unsaved = 0
        self._full = ""
        self.done = Copied()

    def all(self) -> Copied:
        """Every folder. Raises Away, SwitchFault, and Refusal where there is no room."""
        listed, subscribed, prefix = self._remote.folders()
        wanted = folders.arranged(listed, subscribed, prefix)
        if not any(one.ours == folders.INBOX for one in wanted):
            # An account has one always; without it the list is not to be believed.
            raise Refusal("the server lists no INBOX")
        for place in self._placed(wanted):
            try:
                if not self._late:
                    self._prepare(place)
                self._folder(place.folder)
            except Damaged as error:
                self.done.notes.append(f"{place.folder.theirs}: {error}")
            except Refusal as error:
                if error.kind in FULL or not error.kind:
                    raise
                self.done.notes.append(f"{place.folder.theirs}: {error}")
            finally:
                self._ledger.save()
        if not self._late:
            self._leave_gone({one.theirs for one in wanted})
            self._ledger.save()
        return self.done

    # -- folders

    def _placed(self, wanted: Sequence[Folder]) -> Sequence[Place]:
        """Where each goes: where it went before, while that is there."""
        rows = self._house.ask("mailbox-list", user=self._user)
        here = [BoxHere(row["name"], row["special_use"], row["messages"]) for row in rows]
        names = {box.name for box in here}
        known = {theirs: ours for _, theirs, ours in self._ledger.folders() if ours in names}
        old = [Place(_at(one, known[one.theirs])) for one in wanted if one.theirs in known]
        taken = {place.folder.ours for place in old}
        left = [box for box in here if box.name not in taken]
        fresh = folders.placed([one for one in wanted if one.theirs not in known], left)
        both = {place.folder.theirs: place for place in (*old, *fresh)}
        return old if self._late else [both[one.theirs] for one in wanted]

    def _prepare(self, place: Place) -> None:
        folder = place.folder
        if place.rename:
            self._house.ask("mailbox-set", user=self._user, name=place.rename, new_name=folder.ours)
        elif place.make:
            try:
                self._house.ask(
                    "mailbox-add", user=self._user, name=folder.ours, special_use=place.use
                )
            except Refusal as error:
                if error.kind != "AlreadyExists":
                    raise
        self._house.ask(
            "mailbox-set", user=self._user, name=folder.ours, subscribed=folder.subscribed
        )

    def _folder(self, folder: Folder) -> None:
        opened = self._remote.open(folder.theirs)
        if not opened.validity:
            raise Damaged("the server numbers its messages anew all the time (no UIDVALIDITY)")
        box = self._house.ask(
            "import-open", user=self._user, mailbox=folder.ours, uidvalidity=opened.validity
        )
        number = self._ledger.folder(folder.theirs, folder.ours, box["id"])
        target = Target(self._user, folder, number, opened.validity)
        now = Seen(opened.validity, opened.uidnext, opened.modseq, opened.messages)
        seen = self._ledger.seen(number)
        if opened.modseq and now == seen and not self._ledger.is_damaged(number):
            return  # RFC 7162: nothing changes without a greater MODSEQ
        self._follow(target, opened, seen)
        if opened.uidnext and not self._late:
            self._house.ask(
                "import-close",
                user=self._user,
                mailbox=folder.ours,
                uidvalidity=opened.validity,
                uidnext=opened.uidnext,
            )
        self._ledger.see(number, now)

    def _follow(self, target: Target, opened: Opened, seen: Seen) -> None:
        noted = self._ledger.noted(target.number, target.validity)
        uids = self._remote.uids()
        self._ledger.mend(target.number, uids)
        if self._late:
            self._take(target, following.steps(uids, {}, noted).take)
            return
        since = seen.modseq if opened.modseq and seen.validity == target.validity else 0
        flags = self._remote.flags([uid for uid in uids if uid in noted], since)
        todo = following.steps(uids, flags, noted)
        self._take(target, todo.take)
        for change in todo.reflag:
            self._reflag(target, change)
        if todo.flags:
            self._ledger.reflag(target.number, target.validity, todo.flags)
        self.done.reflagged += len(todo.flags or ())
        self._drop(target, [(target.validity, uid, noted[uid].here) for uid in todo.drop])
        # What is left of an older numbering is there no more, or is what cannot be read.
        if not self._ledger.is_damaged(target.number):
            rest = self._ledger.former(target.number, target.validity)
            self._drop(target, [(validity, uid, one.here) for validity, uid, one in rest])

    def _reflag(self, target: Target, change: following.Reflag) -> None:
        for at in range(0, len(change.uids), AT_ONCE):
            self._house.ask(
                "switch-flags",
                user=self._user,
                mailbox=target.folder.ours,
                uids=list(change.uids[at : at + AT_ONCE]),
                add=list(change.add),
                remove=list(change.remove),
            )

    def _drop(self, target: Target, gone: Sequence[tuple[int, int, int]]) -> None:
        """(UIDVALIDITY, UID there, UID here) of what goes."""
        for at in range(0, len(gone), AT_ONCE):
            some = gone[at : at + AT_ONCE]
            self.done.dropped += self._house.ask(
                "switch-drop",
                user=self._user,
                mailbox=target.folder.ours,
                uids=[here for _, _, here in some],
            )
            self._ledger.drop(target.number, [(validity, uid) for validity, uid, _ in some])

    def _leave_gone(self, there: set[str]) -> None:
        """Folders that are there no more: their messages go, and what is empty then goes too."""
        for number, theirs, ours in self._ledger.folders():
            if theirs in there:
                continue
            target = Target(self._user, Folder(theirs, ours), number, 0)
            rest = self._ledger.former(number, 0)
            try:
                self._drop(target, [(validity, uid, one.here) for validity, uid, one in rest])
                boxes = self._house.ask("mailbox-list", user=self._user)
                if any(box["name"] == ours and not box["messages"] for box in boxes):
                    self._house.ask("mailbox-remove", user=self._user, name=ours)
            except Refusal as error:
                if error.kind not in ("NotFound", "NotPermitted"):
                    raise
            self._ledger.forget(number)

    # -- messages

    def _take(self, target: Target, uids: Sequence[int]) -> None:
        old = {
            one.digest: (validity, uid, one)
            for validity, uid, one in self._ledger.former(target.number, target.validity)
        }
        try:
            for at in range(0, len(uids), AT_ONCE):
                facts = self._remote.facts(uids[at : at + AT_ONCE])
                for uid in uids[at : at + AT_ONCE]:
                    if uid not in facts:
                        self._ledger.damage(target.number, uid, "the server does not describe it")
                for body in self._remote.bodies(uids[at : at + AT_ONCE], facts):
                    try:
                        self._one(target, body, facts[body.uid], old)
                    finally:
                        body.close()
        finally:
            while self._waiting:
                self._settle()
        if self._full:
            raise Refusal(self._full, "OverQuota")

    def _one(
        self,
        target: Target,
        body: Body,
        facts: Facts,
        old: dict[bytes, tuple[int, int, Noted]],
    ) -> None:
        if body.why:
            self._ledger.damage(target.number, body.uid, body.why)
            return
        digest = body.digest()
        if digest in old:  # the same message under a new number
            validity, uid, known = old.pop(digest)
            self._adopt(target, body.uid, facts, known)
            self._ledger.drop(target.number, [(validity, uid)])
            return
        # Among mail that came here since, a late message has no claim to its number.
        self._house.pour(
            "take" if self._late else "import-place",
            body.size,
            body.pieces(),
            user=self._user,
            mailbox=target.folder.ours,
            flags=[name for name in facts.names if name.lower() != "\\recent"],
            date=max(0, facts.date),
            uidvalidity=target.validity,
            uid=body.uid,
        )
        self._waiting.append((target, body.uid, Noted(0, facts.flags, body.size, digest)))
        self._octets += body.size
        while len(self._waiting) > WINDOW or (self._waiting and self._octets > WINDOW_OCTETS):
            self._settle()
        if self._full:
            raise Refusal(self._full, "OverQuota")

    def _adopt(self, target: Target, uid: int, facts: Facts, known: Noted) -> None:
        noted = {uid: Noted(known.here, known.flags, known.size, known.digest)}
        for change in following.steps([uid], {uid: facts.flags}, noted).reflag:
            self._reflag(target, change)
        one = Noted(known.here, facts.flags, known.size, known.digest)
        self._ledger.note(target.number, target.validity, uid, one)
        self.done.known += 1

    def _settle(self) -> None:
        target, uid, one = self._waiting.popleft()
        self._octets -= one.size
        try:
            placed = self._house.result()
        except Refusal as error:
            if error.kind in FULL:
                self._full = str(error)
            else:
                self._ledger.damage(target.number, uid, f"refused here: {error}")
            return
        self.done.taken += placed["new"]
        self.done.known += not placed["new"]
        self.done.renumbered += not placed.get("kept", self._late)
        noted = Noted(placed["uid"], one.flags, one.size, one.digest)
        self._ledger.note(target.number, target.validity, uid, noted)
        self._told(1)
        self._unsaved += 1
        if self._unsaved >= SAVED:
            self._unsaved = 0
            self._ledger.save()


def _at(folder: Folder, ours: str) -> Folder:
    return Folder(folder.theirs, ours, folder.use, folder.subscribed)


def verified(
    house: House, remote: Remote, ledger: Ledger, user: str, *, encrypted: bool
) -> Mapping[str, following.Verdict]:
    """Each folder, by its name there, compared with its mailbox. `encrypted`: what is stored is
    larger than what came; sizes are those that came. Raises Away, Damaged, Refusal, SwitchFault."""
    found = {}
    for number, theirs, ours in ledger.folders():
        opened = remote.open(theirs)
        noted = ledger.noted(number, opened.validity)
        facts = remote.facts(remote.uids())
        here: dict[int, following.Message] = {}
        for item in house.items("switch-listing", user=user, mailbox=ours):
            here.update((uid, (size, following.folded(fl))) for uid, size, fl in item["messages"])
        if encrypted:
            sizes = {one.here: one.size for one in noted.values()}
            here = {uid: (sizes.get(uid, size), flags) for uid, (size, flags) in here.items()}
        there = {uid: (one.size, one.flags) for uid, one in facts.items()}
        found[theirs] = following.compared(there, here, {u: one.here for u, one in noted.items()})
    return found
