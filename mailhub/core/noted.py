"""Writes logins into the journal, the log of logins and the text log, and makes nobody wait.

A line is a commit, and a client that polls every second would fill the journal: the same login is
written once a minute, with how often it was. Lines that come while others are written go together
in the next commit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from mailhub.core.background import spawn
from mailhub.core.credential import Credential, Visit
from mailhub.model.account import Account
from mailhub.model.identity import AuthEvent, LoginNote
from mailhub.ports import Clock, Log, Storage

INTERVAL = 60.0
"""Seconds for which the same login is not written again."""
CAPACITY = 10_000
PENDING = 1000
"""Lines that wait past which more are left out; the text log has them all."""
BATCH = 200
RESULTS = {"wrong": "fail", "foreign-identity": "fail", "scope": "invalid scope"}
"""What the log of logins calls an outcome, where that is another word."""

Key = tuple[str, AuthEvent, int]


class Noted:
    """The record of who came in and who did not."""

    def __init__(self, storage: Storage, clock: Clock, log: Log) -> None:
        self._storage = storage
        self._clock = clock
        self._log = log
        self._until: dict[tuple[int, Key], float] = {}
        self._again: dict[int, dict[Key, LoginNote]] = {}
        self._kept = 0
        self._queue: list[LoginNote] = []
        self._writing = False

    def admitted(self, account: Account, credential: Credential, visit: Visit) -> None:
        """A login that was let in."""
        self._tell("ok", account, visit)
        self._note("login", "success", account, visit, credential)

    def refused(
        self,
        account: Account | None,
        visit: Visit,
        why: str,
        credential: Credential | None = None,
    ) -> None:
        """A login that was not: names that belong to nobody are not written down anywhere, as
        people type passwords into the wrong field."""
        self._tell(why, account, visit)
        if account is not None:
            self._note("login-refused", RESULTS.get(why, why), account, visit, credential)

    def held(self, account: Account | None, visit: Visit) -> None:
        """A guess that a limit stopped; only the text log has it, as it may come in thousands."""
        self._tell("limited", account, visit)

    async def flush(self, account: int | None = None) -> None:
        """Writes what waits, of all accounts or one: for who is about to read, and at the end."""
        gone = list(self._again) if account is None else [account]
        waiting = [note for one in gone for note in self._again.pop(one, {}).values()]
        notes, self._queue = [*self._queue, *waiting], []
        self._kept -= len(waiting)
        if notes or self._writing:  # an empty commit still comes after the one under way
            await self._storage.authlog.note(notes)

    def _tell(self, outcome: str, account: Account | None, visit: Visit) -> None:
        self._log.event(
            "login",
            outcome=outcome,
            account=account.id if account is not None else None,
            service=visit.service.value,
            scope=visit.scope.value,
            peer=visit.peer.address,
        )

    def _note(
        self,
        kind: str,
        result: str,
        account: Account,
        visit: Visit,
        credential: Credential | None,
    ) -> None:
        note = _login(kind, result, account, visit, credential)
        key = (kind, note.event, note.app_password)
        now = self._clock.seconds()
        if self._until.get((account.number, key), 0.0) > now:
            self._wait(note, key)
            return
        if len(self._queue) >= PENDING:
            return
        if len(self._until) >= CAPACITY:
            for old in list(islice(self._until, CAPACITY // 4)):
                del self._until[old]
        self._until[account.number, key] = now + INTERVAL
        before = self._again.get(account.number, {}).pop(key, None)
        if before is not None:
            self._kept -= 1
            note = replace(note, count=note.count + before.count)
        self._queue.append(note)
        if not self._writing:
            spawn(self._write(), self._log, "login log")

    def _wait(self, note: LoginNote, key: Key) -> None:
        """Counts a login that was written a moment ago; what waits needs no journal line."""
        mine = self._again.setdefault(note.account, {})
        before = mine.get(key)
        mine[key] = replace(note, kind="", count=before.count + 1 if before is not None else 1)
        self._kept += before is None
        if self._kept >= CAPACITY:
            spawn(self.flush(), self._log, "login log")

    async def _write(self) -> None:
        self._writing = True
        try:
            while self._queue:
                batch: Sequence[LoginNote] = self._queue[:BATCH]
                del self._queue[:BATCH]
                await self._storage.authlog.note(batch)
        finally:
            self._writing = False


def _login(
    kind: str, result: str, account: Account, visit: Visit, credential: Credential | None
) -> LoginNote:
    app = credential.app if credential is not None else None
    service, address = visit.service.value, visit.peer.address
    detail = {"service": service, "address": address, "scope": visit.scope.value}
    return LoginNote(
        account.number,
        AuthEvent(
            "authentication",
            result,
            source=f"{service} {address}",
            protocol=visit.protocol,
            ip=visit.address,
            session=visit.session,
            target=app.id if app is not None else "",
            target_name=app.description if app is not None else "",
        ),
        kind=kind,
        detail=json.dumps(detail | ({"app_password": app.id} if app is not None else {})),
        app_password=app.number if app is not None and kind == "login" else 0,
    )
