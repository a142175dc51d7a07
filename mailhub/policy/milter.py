"""Filters of others that speak the milter protocol, asked along with the session.

One connection to the filter lasts as long as the client's (`policy.milter_talk`). A filter may
put, change and remove header fields, and quarantine; it may not change the body, the envelope's
sender or its recipients. What its findings lead to is `policy.filters`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailhub.model.errors import Invalid, Unavailable
from mailhub.model.settings import MilterSettings
from mailhub.policy.filters import milter_step, points
from mailhub.policy.milter_talk import Conversation
from mailhub.policy.step import Facts, Finding, Stage, Step
from mailhub.ports import Dial
from mailhub.wire.milter import Answer, Kind

STAGES = (Stage.CONNECT, Stage.HELLO, Stage.SENDER, Stage.RECIPIENT, Stage.BODY)
_FOLD = re.compile(rb"\r?\n[ \t]*|\r")
_NO_VALUE = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


def steps(settings: MilterSettings, dial: Dial, hostname: str) -> Sequence[Step]:
    """A step for each stage, over one filter."""
    shared = Milter(settings, dial, hostname)
    return [MilterStep(shared, stage) for stage in STAGES]


class Milter:
    """One filter, for all sessions."""

    def __init__(self, settings: MilterSettings, dial: Dial, hostname: str) -> None:
        self.name = milter_step(settings)
        self.settings = settings
        self._dial = dial
        self._hostname = hostname

    async def run(self, stage: Stage, facts: Facts) -> Sequence[Finding]:
        """What the filter says at this stage. Raises Unavailable."""
        if self.settings.scan != "all" and not facts.stranger:
            return ()
        if facts.content is not None and facts.content.size > self.settings.size:
            return (Finding(self.name, "unscanned", f"{facts.content.size} octets"),)
        visit = facts.visit
        kept = visit.kept.get(self.name) if visit is not None else None
        talk = kept if isinstance(kept, Conversation) else self._conversation()
        if visit is not None:
            visit.kept[self.name] = talk
        try:
            return self._findings(talk, await self._asked(talk, stage, facts))
        finally:
            if visit is None:
                talk.close()

    def _conversation(self) -> Conversation:
        return Conversation(self._dial, self.settings.timeout, self._hostname)

    async def _asked(self, talk: Conversation, stage: Stage, facts: Facts) -> Answer:
        """A connection that lay idle may have ended meanwhile: then a new one is told all."""
        idle = talk.dialogue is not None
        try:
            return await talk.tell(stage, facts)
        except (Unavailable, Invalid) as error:
            talk.close()
            if not idle or isinstance(error, Invalid):
                raise Unavailable(error.text) from None
        try:
            return await talk.tell(stage, facts)
        except (Unavailable, Invalid) as error:
            talk.close()
            raise Unavailable(error.text) from None

    def _findings(self, talk: Conversation, said: Answer) -> Sequence[Finding]:
        edits, talk.edits = talk.edits, []
        found = []
        quarantined = [one.value for one in edits if one.kind is Kind.QUARANTINE]
        if quarantined:
            found.append(self._finding("quarantine", quarantined[-1].decode("utf-8", "replace")))
        fields, changes = _fields(edits), _changes(edits)
        if said.kind is Kind.REJECT:
            found.append(Finding(self.name, "reject"))
        elif said.kind is Kind.DEFER:
            found.append(Finding(self.name, "defer"))
        elif said.kind is Kind.DISCARD:
            found.append(self._finding("discard"))
        elif said.kind is Kind.REPLY:
            text = said.value.decode("utf-8", "replace")
            name = "reject" if text.startswith("5") else "defer"
            found.append(Finding(self.name, name, text, said=text))
        if fields or changes:
            found.append(Finding(self.name, "edited", fields=fields, edits=changes))
        return found

    def _finding(self, name: str, text: str = "") -> Finding:
        return Finding(self.name, name, text, points(getattr(self.settings, name)))


@dataclass(frozen=True, slots=True)
class MilterStep:
    """A filter at one stage."""

    milter: Milter
    stage: Stage

    @property
    def name(self) -> str:
        """As its findings call it."""
        return self.milter.name

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """See `Milter.run`."""
        return await self.milter.run(self.stage, facts)


def _fields(edits: Iterable[Answer]) -> bytes:
    """What is put before the message: inserted fields at their places, then added ones."""
    inserted: list[bytes] = []
    added: list[bytes] = []
    for one in edits:
        if one.kind is Kind.INSERT_HEADER:
            inserted.insert(one.index, b"%b:%b\r\n" % (one.name, _value(one.value)))
        elif one.kind is Kind.ADD_HEADER:
            added.append(b"%b:%b\r\n" % (one.name, _value(one.value)))
    return b"".join(inserted + added)


def _changes(edits: Iterable[Answer]) -> tuple[tuple[bytes, int, bytes], ...]:
    return tuple(
        (one.name, one.index, _value(one.value) if one.value else b"")
        for one in edits
        if one.kind is Kind.CHANGE_HEADER
    )


def _value(text: bytes) -> bytes:
    """A field's raw value: folded as the filter folded it, and nothing that could end it."""
    lines = [_NO_VALUE.sub(b"", line) for line in _FOLD.split(text)]
    value = b"\r\n\t".join(line for line in lines if line.strip())
    return value if value[:1] in (b" ", b"\t") else b" " + value
