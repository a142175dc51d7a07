"""Tells who answers for this server, by mail, when a look over it finds what it did not before.

Once a day, and only what changed. Nobody is told while there is no `administrator@HOSTNAME`: then
somebody has to look. What is looked at is `core.checkup`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core import trace
from mailhub.core.aliases import Aliases
from mailhub.core.checkup import Checkup
from mailhub.core.intake import Intake
from mailhub.core.required import administrator
from mailhub.model.account import Service
from mailhub.model.checkup import Chapter, Light
from mailhub.model.envelope import Envelope, ForwardPath, Peer, ReversePath
from mailhub.model.errors import MailhubError, NotFound
from mailhub.ports import Clock, Log
from mailhub.ports.backup import BackupMemory

OURSELVES = Peer("", 0)
DAY = 86400
WIDTH = 998
"""Octets of a line (RFC 5322 2.1.1)."""


class CheckupMail:
    """`memory`: outlives the process. `hostname`: this server's."""

    def __init__(
        self,
        checkup: Checkup,
        aliases: Aliases,
        intake: Intake,
        memory: BackupMemory,
        clock: Clock,
        log: Log,
        hostname: str,
    ) -> None:
        self._checkup = checkup
        self._aliases = aliases
        self._intake = intake
        self._memory = memory
        self._clock = clock
        self._log = log
        self._hostname = hostname

    async def round(self) -> None:
        """Looks, where the last time is a day ago, and tells. What could not be told is told the
        next time."""
        kept = self._memory.read()
        kept = kept if isinstance(kept, dict) else {}
        now = int(self._clock.now())
        if now - int(kept.get("at", 0)) < DAY:
            return
        try:
            await self._aliases.get(administrator(self._hostname))
        except NotFound:
            return
        found = _troubles(await self._checkup.all(await self._aliases.domains()))
        before = [str(one) for one in kept.get("found", ())]
        if sorted(found) != sorted(before):
            try:
                await self._send(before, found, now)
            except MailhubError as error:
                self._log.event("checkup", outcome="untold", reason=error.text, level="warn")
                return
        self._memory.write({"at": now, "found": found})

    async def _send(self, before: Sequence[str], found: Sequence[str], now: int) -> None:
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
            spool.write(compose(before, found, address, self._hostname, now))
        except MailhubError:
            spool.abort()
            raise
        await self._intake.accept(envelope, [resolved], spool)
        self._log.event("checkup", outcome="told", found=len(found))


def _troubles(chapters: Sequence[Chapter]) -> list[str]:
    """What is not well, a line each."""
    return [
        f"{chapter.title}: {one.text}"
        for chapter in chapters
        for one in chapter.findings
        if one.light is not Light.OK
    ]


def compose(
    before: Sequence[str], found: Sequence[str], address: str, hostname: str, now: int
) -> bytes:
    """The whole message. Pure."""
    new = [one for one in found if one not in before]
    mended = [one for one in before if one not in found]
    lines = [
        f"From: <{address}>",
        f"To: <{address}>",
        f"Subject: What changed on {hostname}",
        f"Date: {trace.date(now)}",
        f"Message-ID: <checkup.{now}@{hostname}>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
    ]
    for title, rows in (("New:", new), ("No longer so:", mended)):
        if rows:
            lines += [title, "", *(f"- {_line(row)}" for row in rows), ""]
    return "\r\n".join(lines).encode()


def _line(text: str) -> str:
    plain = " ".join(text.split())
    return plain.encode()[: WIDTH - 2].decode("utf-8", "ignore")
