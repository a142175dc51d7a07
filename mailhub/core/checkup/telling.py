"""Tells who answers for this server, by mail, when a look over it finds what it did not before.

Once a day, at another time each day, and only what changed; not at the first time, for then
everything is new. Nobody is told while there is no `administrator@HOSTNAME`: then somebody has to
look. What was told outlives the process. What is looked at is `looking`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailhub.core import trace
from mailhub.core.aliases import Aliases
from mailhub.core.checkup import changes
from mailhub.core.checkup.looking import Checkup
from mailhub.core.intake import Intake
from mailhub.core.required import administrator
from mailhub.model.account import Service
from mailhub.model.checkup import Change, Chapter, Light
from mailhub.model.envelope import Envelope, ForwardPath, Peer, ReversePath
from mailhub.model.errors import MailhubError, NotFound
from mailhub.ports import Clock, Log, Randomness
from mailhub.ports.backup import BackupMemory

OURSELVES = Peer("", 0)
DAY = 86400
SPREAD = 3600
"""Seconds that a day differs by, so that not all servers ask at the same time."""
PATIENCE = 3600.0
"""Seconds for a look at everything."""
WIDTH = 998
"""Octets of a line (RFC 5322 2.1.1)."""
MOST = 500
"""Changes that one message tells of; the others are on the status page."""
WORDS = {Light.OK: "well", Light.WARNING: "look", Light.ERROR: "wrong"}


class CheckupMail:
    """`memory`: outlives the process. `hostname`: this server's. `on`: whether anybody is told."""

    def __init__(
        self,
        checkup: Checkup,
        aliases: Aliases,
        intake: Intake,
        memory: BackupMemory,
        clock: Clock,
        randomness: Randomness,
        log: Log,
        hostname: str,
        *,
        on: bool = True,
    ) -> None:
        self._checkup = checkup
        self._aliases = aliases
        self._intake = intake
        self._memory = memory
        self._clock = clock
        self._randomness = randomness
        self._log = log
        self._hostname = hostname
        self._on = on

    async def round(self) -> None:
        """Looks, where it is time, and tells. What could not be told is told the next time."""
        if not self._on or not self._is_due():
            return
        try:
            await self._aliases.get(administrator(self._hostname))
        except NotFound:
            return
        found = await self._checkup.all(await self._aliases.domains(), patience=PATIENCE)
        news = self._checkup.news(found)
        if news:
            try:
                await self._send(news)
            except MailhubError as error:
                self._log.event("checkup", outcome="untold", reason=error.text, level="warn")
                return
        self._remember(found)

    def _is_due(self) -> bool:
        now, due = self._clock.now(), float(self._kept().get("next", 0))
        # A time that is far away was set by a clock that was wrong.
        return now >= due or due > now + 2 * DAY

    def _remember(self, found: Sequence[Chapter]) -> None:
        spread = int.from_bytes(self._randomness.token(4), "big") % SPREAD
        before = changes.read(self._kept().get("known"))
        self._memory.write(
            {
                "at": int(self._clock.now()),
                "next": int(self._clock.now()) + DAY - SPREAD // 2 + spread,
                "known": changes.remembered(found, before),
            }
        )

    def _kept(self) -> dict[str, Any]:
        kept = self._memory.read()
        return kept if isinstance(kept, dict) else {}

    async def _send(self, news: Sequence[Change]) -> None:
        address = administrator(self._hostname)
        path = ForwardPath(address, ("NEVER",))
        envelope = Envelope(
            transaction=self._intake.transaction(),
            reverse_path=ReversePath(""),
            forward_paths=(path,),
            service=Service.SMTP,
            peer=OURSELVES,
            trusted=True,
        )
        resolved = await self._intake.recipient(path, None, True)
        spool = self._intake.spool(envelope)
        try:
            spool.write(compose(news, address, self._hostname, int(self._clock.now())))
        except MailhubError:
            spool.abort()
            raise
        await self._intake.accept(envelope, [resolved], spool)
        self._log.event("checkup", outcome="told", changes=len(news))


def compose(news: Sequence[Change], address: str, hostname: str, now: int) -> bytes:
    """The whole message. Pure."""
    bad = sum(1 for one in news if one.now is not Light.OK)
    lines = [
        f"From: <{address}>",
        f"To: <{address}>",
        f"Subject: What changed on {hostname}: {bad} worse, {len(news) - bad} well again",
        f"Date: {trace.date(now)}",
        f"Message-ID: <checkup.{now}@{hostname}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
    ]
    title = ""
    for one in sorted(news[:MOST], key=lambda one: (one.title != "System", one.title)):
        if one.title != title:
            title = one.title
            lines += [_line(title), ""]
        lines += _told(one)
    if len(news) > MOST:
        lines += [f"And {len(news) - MOST} more: see the status page.", ""]
    return "\r\n".join(lines).encode()


def _told(one: Change) -> list[str]:
    if one.now is Light.OK:
        return [_line(f"- [well again] {one.text}"), ""]
    rows = [_line(f"- [{WORDS[one.now]}] {one.text}")]
    if one.mend:
        rows.append(_line(f"  {one.mend}"))
    return [*rows, ""]


def _line(text: str) -> str:
    start = len(text) - len(text.lstrip(" "))
    plain = text[:start] + " ".join(text.split())
    return plain.encode()[:WIDTH].decode("utf-8", "ignore")
