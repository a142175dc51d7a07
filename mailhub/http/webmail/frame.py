"""What stands around every page of the webmail: the folders with what is unread in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailhub.core import preferences
from mailhub.core.mailboxes import INBOX, Mailboxes
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor
from mailhub.http.webmail.said import PREFIX, flash_of, said
from mailhub.model.errors import NotFound
from mailhub.model.mailbox import Mailbox

__all__ = ["PREFIX", "Folder", "Frame", "folder", "folders"]
HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
)
"""As the panel's; a message's HTML stands in a frame."""
USES: Mapping[str, int] = {
    "\\Drafts": 1,
    "\\Sent": 2,
    "\\Archive": 3,
    "\\Flagged": 4,
    "\\Junk": 5,
    "\\Trash": 6,
}
"""In which order folders stand that are for something."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A mailbox as people are shown it. `label`: the last part of its name. `use`: what it is for,
    as `inbox` or `trash`; empty for none. `depth`: levels above it. `unread`: what is worth a
    number beside its name."""

    id: str
    name: str
    label: str
    use: str
    depth: int
    messages: int
    unread: int
    subscribed: bool

    @property
    def path(self) -> str:
        """Where its list is."""
        return f"{PREFIX}/folders/{self.id}"


def folder(box: Mailbox) -> Folder:
    """One mailbox."""
    use = "inbox" if box.name == INBOX else box.special_use.removeprefix("\\").lower()
    above, _, label = box.name.rpartition("/")
    depth = 0 if use else box.name.count("/")
    unread = box.messages if use == "drafts" else 0 if use in ("sent", "trash") else box.unseen
    label = label if not use or not above else box.name
    return Folder(box.id, box.name, label, use, min(depth, 8), box.messages, unread, box.subscribed)


def folders(boxes: Sequence[Mailbox]) -> Sequence[Folder]:
    """All of them that are not hidden: INBOX, those for something, the others by name."""
    shown = sorted((box for box in boxes if not box.hidden), key=_order)
    return [folder(box) for box in shown]


def _order(box: Mailbox) -> tuple[int, list[str]]:
    if box.name == INBOX:
        return 0, []
    return USES.get(box.special_use, 9), box.name.lower().split("/")


class Frame:
    """For all pages of the webmail."""

    def __init__(self, mailboxes: Mailboxes) -> None:
        self._mailboxes = mailboxes

    async def box(self, visitor: Visitor, id: str) -> Mailbox:
        """A mailbox of theirs. Raises NotFound."""
        try:
            return await self._mailboxes.by_id(visitor.account.number, id)
        except NotFound:
            raise NotFound("This folder does not exist") from None

    async def shown(
        self,
        visitor: Visitor,
        template: str,
        status: int = 200,
        *,
        here: str = "",
        **values: object,
    ) -> Answer:
        """A page with the folders beside it. `here`: the id of the one that it is about."""
        call = visitor.call
        frame = {
            "account": visitor.account,
            "administers": visitor.administers,
            "csrf": visitor.csrf,
            "folders": folders(await self._mailboxes.all(visitor.account.number)),
            "here": here,
            "back": said(f"{call.path}?{call.query}"),
            "query": "",
            "wide": preferences.of(visitor.account).fixed_width,
            "flash": flash_of(call.fields()),
        }
        return pages.page_with(HEADERS, template, visitor.language, status, frame | values)
