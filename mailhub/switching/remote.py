"""Mail on the other server, read over IMAP: folders, flags, and messages that may be large.

Nothing is changed there: folders are opened with EXAMINE, bodies read with PEEK. What the library
raises becomes one of three: `Away` (try again later), `Damaged` (this message cannot be read), or
SwitchFault (nobody should try again). What is to be done with mail is decided elsewhere.
"""

from __future__ import annotations

import imaplib
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any

from mailhub.switching.faults import SwitchFault
from mailhub.switching.fetched import (
    PIECE,
    RUN,
    TOGETHER,
    Body,
    Facts,
    Opened,
    attributes,
    date_of,
    modseq_of,
    names_of,
    runs,
    text_of,
)
from mailhub.switching.folders import ListedThere
from mailhub.switching.following import FlagNames, folded
from mailhub.switching.pace import Pace
from mailhub.switching.source import Imap, Login, Tls

LONGEST_LINE = 64 << 20
"""Octets of one line of the protocol: the list of a large folder's UIDs is one."""
IN_MEMORY = 4 << 20
"""Octets of a message from which on it is on the disk."""
NOTHING = "the server gives nothing of it"


class Away(Exception):
    """The connection broke, or the server cannot answer at the moment."""


class Damaged(Exception):
    """The server does not give this message."""


Suspects = Counter[tuple[str, str, int]]
"""How often a connection broke while this was asked of that folder's UID. Dovecot says BYE at a
message that it cannot read: asked for together with others, it would be in their way for ever."""


class Remote:
    """A connection of one account. `secret`: its password or token, where it has one of its own.
    `suspects`: what former connections of this account broke at."""

    def __init__(self, imap: Imap, login: str, secret: str, pace: Pace, suspects: Suspects) -> None:
        self._suspects = suspects
        self._folder = ""
        self._imap = imap
        self._login = login
        self._secret = secret
        self._pace = pace
        self._client: Any = None

    # -- the connection

    def connect(self) -> None:
        """Logs in. Raises Away, SwitchFault (it is refused)."""
        from imapclient import IMAPClient
        from imapclient.exceptions import LoginError

        imaplib._MAXLINE = LONGEST_LINE  # type: ignore[attr-defined]
        context = ssl.create_default_context()
        if self._imap.ca:
            context.load_verify_locations(cafile=self._imap.ca)
        where = f"{self._imap.host}:{self._imap.door}"
        try:
            self._client = IMAPClient(
                self._imap.host,
                self._imap.door,
                ssl=self._imap.tls is Tls.IMPLICIT,
                ssl_context=context if self._imap.tls is Tls.IMPLICIT else None,
                timeout=self._imap.timeout,
            )
            self._client.normalise_times = False
            if self._imap.tls is Tls.STARTTLS:
                self._client.starttls(ssl_context=context)
            self._log_in()
        except ssl.SSLCertVerificationError as error:
            raise SwitchFault(f"{where}: {error.verify_message}") from None
        except imaplib.IMAP4.abort as error:
            raise Away(f"{where}: {error}") from None
        except LoginError as error:
            said = str(error)
            # RFC 5530: it may be another time; any other refusal stays one.
            if "[UNAVAILABLE]" in said or "[INUSE]" in said or "[LIMIT]" in said:
                raise Away(f"{where}: {said}") from None
            raise SwitchFault(f"{where}: the login of {self._login} is refused: {said}") from None
        except (OSError, imaplib.IMAP4.error) as error:
            raise Away(f"{where}: {error}") from None

    def _log_in(self) -> None:
        imap = self._imap
        match imap.login:
            case Login.EACH:
                self._client.login(self._login, self._secret)
            case Login.MASTER:
                self._client.login(f"{self._login}{imap.separator}{imap.master}", imap.password)
            case Login.PROXY:
                self._client.plain_login(imap.master, imap.password, self._login)
            case Login.XOAUTH2:
                self._client.oauth2_login(self._login, self._secret)

    def close(self) -> None:
        """Ends the connection; never raises."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.logout()
            except (OSError, imaplib.IMAP4.error):
                _shut(client)

    # -- folders

    def folders(self) -> tuple[Sequence[ListedThere], frozenset[str], str]:
        """All of the user's own, the names of those that are subscribed, and the prefix of their
        names. Raises Away."""
        with self._speaking():
            own = ""
            others: tuple[str, ...] = ()
            if self._client.has_capability("NAMESPACE"):
                spaces = self._client.namespace()
                own = text_of(spaces.personal[0][0]) if spaces.personal else ""
                others = tuple(
                    text_of(one[0]) for some in (spaces.other, spaces.shared) for one in some or ()
                )
            listed = [
                ListedThere(text_of(name), text_of(separator or b""), attributes(flags))
                for flags, separator, name in self._client.list_folders()
            ]
            wanted = {text_of(name) for _, _, name in self._client.list_sub_folders()}
        foreign = tuple(one for one in others if one)
        mine = [one for one in listed if not (foreign and one.name.startswith(foreign))]
        return mine, frozenset(wanted), own

    def open(self, name: str) -> Opened:
        """Opens a folder to read it. Raises Away, Damaged (it cannot be opened)."""
        with self._speaking():
            found = self._client.select_folder(name, readonly=True)
        self._folder = name
        return Opened(
            validity=int(found.get(b"UIDVALIDITY") or 0),
            uidnext=int(found.get(b"UIDNEXT") or 0),
            modseq=modseq_of(found.get(b"HIGHESTMODSEQ")),
            messages=int(found.get(b"EXISTS") or 0),
        )

    # -- messages of the open folder

    def uids(self) -> Sequence[int]:
        """All, sorted. Raises Away."""
        with self._speaking():
            return sorted(set(self._client.search("ALL")))

    def flags(self, uids: Sequence[int], since: int = 0) -> Mapping[int, FlagNames]:
        """Of these. `since`: a MODSEQ after which they changed (RFC 7162); the others are left out
        then. Raises Away."""
        found: dict[int, FlagNames] = {}
        modifiers = [f"CHANGEDSINCE {since}"] if since else None
        for at in range(0, len(uids), RUN):
            with self._speaking():
                rows = self._client.fetch(uids[at : at + RUN], ["FLAGS"], modifiers)
            found.update(
                (uid, folded(names_of(row))) for uid, row in rows.items() if b"FLAGS" in row
            )
        return found

    def facts(self, uids: Sequence[int]) -> Mapping[int, Facts]:
        """Of those that are still there. Raises Away."""
        found: dict[int, Facts] = {}
        plain = [uid for uid in uids if not self._suspects["facts", self._folder, uid]]
        for at in range(0, len(plain), RUN):
            some = plain[at : at + RUN]
            try:
                found.update(self._facts(some))
            except Damaged:  # one of them makes the server refuse all
                for uid in some:
                    with _unless_damaged():
                        found.update(self._facts([uid]))
        for uid in uids:
            if self._suspects["facts", self._folder, uid] == 1:
                with _unless_damaged():
                    found.update(self._facts([uid]))
        return found

    def _facts(self, uids: Sequence[int]) -> Mapping[int, Facts]:
        with self._suspecting("facts", uids), self._speaking():
            rows = self._client.fetch(uids, ["FLAGS", "RFC822.SIZE", "INTERNALDATE"])
        return {
            uid: Facts(names_of(row), int(row[b"RFC822.SIZE"]), date_of(row.get(b"INTERNALDATE")))
            for uid, row in rows.items()
            if b"RFC822.SIZE" in row
        }

    def bodies(self, uids: Sequence[int], facts: Mapping[int, Facts]) -> Iterator[Body]:
        """Messages in order, each whole or damaged; those that went meanwhile are left out. Raises
        Away."""
        for some in runs(uids, facts, {uid for uid in uids if self._times(uid)}):
            if self._times(some[0]) > 1:
                yield Body(some[0], b"", 0, "the server breaks the connection at it")
                continue
            if len(some) == 1 and facts[some[0]].size > TOGETHER:
                yield self._large(some[0])
                continue
            try:
                yield from self._small(some)
            except Damaged as error:
                if len(some) == 1:
                    yield Body(some[0], b"", 0, str(error))
                    continue
                for uid in some:
                    try:
                        yield from self._small([uid])
                    except Damaged as alone:
                        yield Body(uid, b"", 0, str(alone))

    def _small(self, uids: Sequence[int]) -> Sequence[Body]:
        with self._suspecting("body", uids), self._speaking():
            rows = self._client.fetch(uids, ["BODY.PEEK[]"])
        found = []
        for uid in uids:
            if uid not in rows:
                continue
            data = rows[uid].get(b"BODY[]")
            if not data:
                found.append(Body(uid, b"", 0, NOTHING))
                continue
            self._pace.spend(len(data))
            found.append(Body(uid, data, len(data)))
        return found

    def _large(self, uid: int) -> Body:
        """In pieces, so that no more of it than one is in memory."""
        spool: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(  # noqa: SIM115
            max_size=IN_MEMORY
        )
        size = 0
        try:
            while True:
                with self._suspecting("body", [uid]), self._speaking():
                    rows = self._client.fetch([uid], [f"BODY.PEEK[]<{size}.{PIECE}>"])
                row = rows.get(uid)
                data = b"" if row is None else row.get(f"BODY[]<{size}>".encode()) or b""
                if row is None or (not data and not size):
                    spool.close()
                    return Body(uid, b"", 0, NOTHING)
                self._pace.spend(len(data))
                spool.write(data)
                size += len(data)
                if len(data) < PIECE:
                    break
        except Damaged as error:
            spool.close()
            return Body(uid, b"", 0, str(error))
        except BaseException:
            spool.close()
            raise
        return Body(uid, spool, size)

    def _times(self, uid: int) -> int:
        """How often a connection broke while the body of this was asked for."""
        return self._suspects["body", self._folder, uid]

    @contextmanager
    def _suspecting(self, what: str, uids: Sequence[int]) -> Iterator[None]:
        """Remembers at what a connection breaks."""
        try:
            yield
        except Away:
            self._suspects.update((what, self._folder, uid) for uid in uids)
            raise
        for uid in uids:
            del self._suspects[what, self._folder, uid]

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Raises Away, Damaged for what the library raises."""
        if self._client is None:
            raise Away("there is no connection")
        try:
            yield
        except imaplib.IMAP4.abort as error:
            raise Away(str(error)) from None
        except imaplib.IMAP4.error as error:
            raise Damaged(str(error)) from None
        except OSError as error:
            raise Away(str(error) or type(error).__name__) from None
        except (ValueError, KeyError, IndexError, TypeError) as error:
            # The library's parser on what no grammar has.
            raise Damaged(f"the answer cannot be read ({type(error).__name__})") from None


def _shut(client: Any) -> None:
    """Closes the socket of a connection that is gone already."""
    try:
        client.shutdown()
    except (OSError, imaplib.IMAP4.error):
        return


@contextmanager
def _unless_damaged() -> Iterator[None]:
    try:
        yield
    except Damaged:
        return
