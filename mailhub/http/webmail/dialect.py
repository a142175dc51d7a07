"""The webmail as a whole: its pages, and who may see them. Signing in is the panel's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from mailhub.core.accounts import Accounts
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.mailroom import Mailroom
from mailhub.core.sign_ins import SignIns
from mailhub.core.tokens import Tokens
from mailhub.http.call import Answer
from mailhub.http.panel.door import Door
from mailhub.http.panel.keeping import failed, routes_behind
from mailhub.http.routing import Route
from mailhub.http.webmail.frame import PREFIX, Frame
from mailhub.http.webmail.lists import Lists
from mailhub.model.errors import MailhubError


class Parts(Protocol):
    """What the webmail stands on."""

    @property
    def accounts(self) -> Accounts: ...
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


class Webmail:
    """`routing.Dialect`."""

    name = "webmail"
    prefix = PREFIX

    def __init__(self, parts: Parts) -> None:
        room, mailboxes = parts.mailroom, parts.mailboxes
        self._door = Door(parts.tokens, parts.sign_ins, parts.accounts, parts.panel_secret)
        frame = Frame(mailboxes)
        self._kept: tuple[object, ...] = (Lists(frame, mailboxes, room.listings),)

    def routes(self) -> Iterable[Route]:
        """Every page."""
        return routes_behind(self._door, self._kept, f"{PREFIX}/")

    def failure(self, error: MailhubError | None) -> Answer:
        """An error where nobody's language is known."""
        return failed(error, "en", f"{PREFIX}/")
