"""A message's HTML as a document of its own, for a frame that can do nothing.

Three walls stand between what a stranger wrote and the reader: it was cleaned (`wire.sanitized`),
the frame and the document itself are sandboxed (no scripts, no forms, an origin that is nobody's),
and the content security policy lets nothing be fetched but pictures of the message, and those of
other servers where the reader asked for them. Without an origin the document is sent no cookie, so
pictures of the message are asked for with a proof in their path.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from mailhub.core.accounts import Accounts
from mailhub.core.turns import Turns
from mailhub.core.viewing import Address, Views
from mailhub.http import downloads
from mailhub.http.call import Answer, Call
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.routing import route
from mailhub.http.webmail.frame import PREFIX, Frame
from mailhub.http.webmail.links import marked
from mailhub.http.webmail.lists import READS
from mailhub.model.account import Account
from mailhub.model.errors import NotFound, NotPermitted
from mailhub.ports import Clock

IMAGES = frozenset(
    f"image/{kind}" for kind in ("png", "gif", "jpeg", "jpg", "pjpeg", "webp", "bmp", "avif")
)
"""Pictures that are nothing else; SVG is a document."""
HOURS = 4
"""Hours that a picture of a page can be asked for, at most."""
_STYLE = (
    "html{color-scheme:light;background:#fff;color:#1c2330}"
    "body{margin:0;padding:8px;font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "img{max-width:100%;height:auto}table{max-width:100%}pre{white-space:pre-wrap}"
    "blockquote{margin:0 0 0 8px;padding-left:8px;border-left:3px solid #d5dae3}"
)


def uid_of(text: str) -> int:
    """A message's number in a path. Raises NotFound."""
    if text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 1 << 32:
        return int(text)
    raise NotFound("This message does not exist")


class Pictures:
    """Pictures inside messages. `secret`: of this server."""

    def __init__(self, accounts: Accounts, views: Views, secret: bytes, clock: Clock) -> None:
        self._accounts = accounts
        self._views = views
        self._secret = secret
        self._clock = clock

    def path(self, account: Account, at: Address) -> str:
        """What ids of attachments are put behind. It is good for some hours, and no longer than
        the account's password is."""
        until = int(self._clock.now()) // 3600 + HOURS
        return (
            f"{PREFIX}/pictures/{at.account}/{at.mailbox}/{at.number}"
            f"/{until}-{self._proof(account, at, until)}"
        )

    def _proof(self, account: Account, at: Address, until: int) -> str:
        said = f"picture {at.account} {account.auth_version} {at.mailbox} {at.number} {until}"
        return hmac.digest(self._secret, said.encode(), hashlib.sha256).hex()

    @route("GET", "/pictures/<holder>/<box>/<uid>/<proof>/<attachment>")
    async def picture(self, call: Call) -> Answer:
        """One of them, for whoever has the proof."""
        given = call.arguments
        numbers = [given[name] for name in ("holder", "box", "uid")]
        until, _, proof = given["proof"].partition("-")
        if not all(one.isascii() and one.isdigit() and len(one) < 19 for one in (*numbers, until)):
            raise NotPermitted("This picture cannot be seen any more")
        at = Address(*map(int, numbers))
        try:
            account = await self._accounts.get(at.account)
        except NotFound:
            raise NotPermitted("This picture cannot be seen any more") from None
        wanted = self._proof(account, at, int(until)).encode()
        over = int(until) * 3600 < self._clock.now() or account.disabled or account.suspended
        if not hmac.compare_digest(wanted, proof.encode()) or over or not at.mailbox:
            raise NotPermitted("This picture cannot be seen any more")
        found = await self._views.attachment(at, given["attachment"])
        media = found.attachment.media.lower() if found.attachment is not None else ""
        if media not in IMAGES:
            await found.pieces.aclose()  # type: ignore[attr-defined]  # it is a generator
            raise NotPermitted("This is no picture")
        headers = (("Cache-Control", "private, max-age=3600"), *downloads.HARMLESS)
        return Answer(200, type=media, headers=headers, stream=found.pieces, length=found.size)


class Documents:
    """The documents."""

    def __init__(self, frame: Frame, views: Views, pictures: Pictures, clock: Clock) -> None:
        self._frame = frame
        self._views = views
        self._pictures = pictures
        self._clock = clock

    @kept("GET", "/folders/<mailbox>/<message>/html", READS)
    async def document(self, visitor: Visitor) -> Answer:
        """One message's HTML; with `images` of a query, and pictures of other servers."""
        call = visitor.call
        box = await self._frame.box(visitor, call.arguments["mailbox"])
        at = Address(visitor.account.number, box.number, uid_of(call.arguments["message"]))
        path = self._pictures.path(visitor.account, at)
        view = await self._views.view(at, path, digests=False)
        return await self._made(visitor, view.html)

    @kept("GET", "/folders/<mailbox>/<message>/attachments/<attachment>/html", READS)
    async def inside(self, visitor: Visitor) -> Answer:
        """The HTML of a message that is attached."""
        given = visitor.call.arguments
        box = await self._frame.box(visitor, given["mailbox"])
        at = Address(visitor.account.number, box.number, uid_of(given["message"]))
        found = await self._views.inside(at, given["attachment"])
        return await self._made(visitor, found.html)

    async def _made(self, visitor: Visitor, html: Sequence[str]) -> Answer:
        turns = Turns(self._clock)
        body = "\n<hr>\n".join([await marked(one, turns) for one in html])
        made = (
            f'<!doctype html>\n<html lang="{visitor.language}"><head><meta charset="utf-8">'
            '<meta name="referrer" content="no-referrer"><base target="_blank">'
            f"<title>HTML</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
        )
        remote = visitor.call.fields().get("images") == "1"
        return Answer(200, made.encode("utf-8", "replace"), pages.HTML, headers(remote))


def headers(remote: bool) -> tuple[tuple[str, str], ...]:
    """What the document may do. `remote`: pictures of other servers are fetched."""
    return (
        (
            "Content-Security-Policy",
            "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';"
            f" style-src 'unsafe-inline'; img-src 'self' data:{' https:' if remote else ''};"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        ),
        ("Referrer-Policy", "no-referrer"),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("X-DNS-Prefetch-Control", "off"),
    )
