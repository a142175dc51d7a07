"""Who is told what: from outcomes to notifications that can be committed with them.

One message's recipients that fared alike are told of together. What a notification says and how
it looks is `queue.report`'s; whether one is wanted was decided in `queue.plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailhub.core.ids import Ids
from mailhub.core.intake import Intake
from mailhub.core.plan import Plan, plan
from mailhub.core.rendered import rendered
from mailhub.model.account import Service
from mailhub.model.envelope import Envelope, ForwardPath, Peer, ReversePath
from mailhub.model.errors import Corrupt, MailhubError, OverQuota, StorageFull, Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.queue import Action, Onward, Outcome, QueueMessage, QueueSender
from mailhub.model.settings import QueueSettings
from mailhub.ports import Body, Clock, Log, Notice, Storage
from mailhub.queue.report import HEADER, Maker, Occasion, Report, compose
from mailhub.queue.wording import Wording

NEVER = ("NEVER",)
"""No notification is asked for about a notification (RFC 3461 6.1)."""
OURSELVES = Peer("", 0)


class ReportNotices:
    """`core.queue.Notices`. `wording`: the words as they are now."""

    def __init__(
        self,
        storage: Storage,
        intake: Intake,
        ids: Ids,
        clock: Clock,
        log: Log,
        settings: QueueSettings,
        *,
        hostname: str,
        wording: Callable[[], Wording],
    ) -> None:
        self._storage = storage
        self._intake = intake
        self._ids = ids
        self._clock = clock
        self._log = log
        self._settings = settings
        self._hostname = hostname
        self._wording = wording

    async def of(self, outcomes: Sequence[Outcome], *, patient: bool = False) -> Sequence[Notice]:
        """See `core.queue.Notices.of`. Raises StorageFull, Unavailable."""
        alike: dict[tuple[int, Action], list[Outcome]] = {}
        for outcome in outcomes:
            if outcome.action is not None:
                alike.setdefault((outcome.entry.message, outcome.action), []).append(outcome)
        numbers = list(dict.fromkeys(number for number, _ in alike))
        messages = {one.number: one for one in await self._storage.queue.messages(numbers)}
        notices: list[Notice] = []
        try:
            for (number, action), group in alike.items():
                if number in messages:
                    notice = await self._notice(messages[number], action, group, patient)
                    if notice is not None:
                        notices.append(notice)
        except BaseException:
            for notice in notices:
                notice.body.close()
            raise
        return notices

    async def _notice(
        self, message: QueueMessage, action: Action, outcomes: Sequence[Outcome], patient: bool
    ) -> Notice | None:
        """None where the sender cannot be told: it is unknown here, or cannot be written to."""
        made = await self._addressed(message.sender.address, patient)
        if made is None:
            return None
        original, whole = await self._original(message)
        now = int(self._clock.now())
        maker = Maker(
            self._hostname,
            self._wording(),
            self._ids.transaction(),
            now,
            message.created + self._settings.lifetime,
        )
        report = compose(Occasion(message, action, outcomes, original, whole), maker)
        body = self._body(report)
        try:
            shown = await rendered(body, self._clock)
        except BaseException:
            body.close()
            raise
        sender = QueueSender(
            "",
            body=report.body,
            utf8=report.utf8,
            transaction=maker.boundary,
            message_id=shown.message_id,
            # What is told of a protected message is protected alike (RFC 8689 section 5).
            require_tls=message.sender.require_tls,
            tls_optional=message.sender.tls_optional,
            local=True,
        )
        return Notice(maker.boundary, body, shown, made.copies, sender, made.onward)

    async def _addressed(self, sender: str, patient: bool) -> Plan | None:
        now = int(self._clock.now())
        later = Plan((), (Onward(sender, NEVER, due=now),), {}, {})
        if patient:
            return later
        path = ForwardPath(sender, NEVER)
        envelope = Envelope(
            transaction="",
            reverse_path=ReversePath(""),
            forward_paths=(path,),
            service=Service.SMTP,
            peer=OURSELVES,
        )
        try:
            recipient = await self._intake.recipient(path, None, True)
            made = plan(envelope, [recipient], frozenset(), now)
            made.check()
            if await self._intake.is_ruled(made):
                return later  # rules of its reader decide when it comes home
        except OverQuota:
            return later
        except (StorageFull, Unavailable):
            raise
        except MailhubError as error:
            self._log.event("notice", outcome="nobody", sender=sender, reason=error.text)
            return None
        return made if made.any else None

    async def _original(self, message: QueueMessage) -> tuple[bytes, bool]:
        """The message, or its beginning where it is large; and whether it is all of it."""
        blob = message.blob
        whole = message.size <= self._settings.notice_size
        length = message.size if whole else min(message.size, HEADER)
        try:
            [data] = await self._storage.blobs.read([BlobRef(blob.segment, blob.offset, length)])
        except Corrupt:
            # The sender is told all the same, without the message.
            return b"", False
        return data, whole

    def _body(self, report: Report) -> Body:
        spool = self._storage.spools.open(report.data)
        try:
            return spool.finish()
        except BaseException:
            spool.abort()
            raise
