"""The webmail as a whole: its pages, and who may see them. Signing in is the panel's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from mailhub.core.accounts import Accounts
from mailhub.core.desk import Desk
from mailhub.core.elsewhere import Elsewheres
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.mailroom import Mailroom
from mailhub.core.sign_ins import SignIns
from mailhub.core.tokens import Tokens
from mailhub.http.call import Answer, Call
from mailhub.http.feeds import Feeds
from mailhub.http.panel import pages
from mailhub.http.panel.door import Door, language
from mailhub.http.panel.keeping import failed, routes_behind
from mailhub.http.routing import Route, routes_of
from mailhub.http.webmail.acting import Acting
from mailhub.http.webmail.compose import Compose
from mailhub.http.webmail.document import Documents, Pictures
from mailhub.http.webmail.frame import PREFIX, Frame
from mailhub.http.webmail.lists import Lists
from mailhub.http.webmail.live import Live
from mailhub.http.webmail.posting import Posting
from mailhub.http.webmail.reading import Reading
from mailhub.http.webmail.searching import Searching
from mailhub.http.webmail.settings import Settings
from mailhub.http.webmail.shelves import Shelves
from mailhub.model.errors import MailhubError
from mailhub.ports import Clock


class Parts(Protocol):
    """What the webmail stands on."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def elsewheres(self) -> Elsewheres: ...
    @property
    def mailboxes(self) -> Mailboxes: ...
    @property
    def mailroom(self) -> Mailroom: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def sign_ins(self) -> SignIns: ...
    @property
    def panel_secret(self) -> bytes: ...
    @property
    def feeds(self) -> Feeds: ...
    @property
    def desk(self) -> Desk: ...
    @property
    def clock(self) -> Clock: ...


class Webmail:
    """`routing.Dialect`."""

    name = "webmail"
    prefix = PREFIX

    def __init__(self, parts: Parts) -> None:
        room, mailboxes = parts.mailroom, parts.mailboxes
        self._door = Door(
            parts.tokens, parts.sign_ins, parts.accounts, parts.panel_secret, parts.elsewheres
        )
        frame = Frame(mailboxes)
        pictures = Pictures(parts.accounts, room.views, parts.panel_secret, parts.clock)
        compose = Compose(frame, parts.desk, parts.clock)
        self._most = parts.desk.most
        self._posting = Posting(self._door, compose, parts.desk, parts.clock)
        self._open: tuple[object, ...] = (pictures,)
        self._kept: tuple[object, ...] = (
            Lists(frame, mailboxes, room.listings),
            Reading(
                frame,
                mailboxes,
                room.listings,
                room.views,
                room.finds,
                room.messages,
                parts.clock,
            ),
            Documents(frame, room.views, pictures, parts.clock),
            Searching(frame, mailboxes, room.listings, room.finds),
            Acting(frame, mailboxes, room.listings, room.finds, room.arranging, room.messages),
            Shelves(frame, mailboxes, room.arranging),
            Live(parts.feeds, parts.tokens),
            compose,
            Settings(frame, parts.accounts, parts.desk),
        )

    def routes(self) -> Iterable[Route]:
        """Every page."""
        for part in self._open:
            yield from routes_of(part)
        yield from self._posting.routes()
        yield from routes_behind(self._door, self._kept, f"{PREFIX}/")

    def failure(self, error: MailhubError | None) -> Answer:
        """An error where nobody's language is known."""
        return failed(error, "en", f"{PREFIX}/")

    def overflow(self, call: Call) -> Answer:
        """A form that is larger than any may be."""
        return pages.page("mail/too-large.html", language(call), 413, most=self._most)
