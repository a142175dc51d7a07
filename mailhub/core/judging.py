"""Asks the steps of `policy` about a client and its message, and says what comes of it.

Faces ask at CONNECT, HELLO, SENDER and RECIPIENT with `Judging.ask`, and hand what was found to
`Intake.accept` as `Met`; intake asks at BODY with `Judging.message`, and tells with `done` that
the message was taken. A refusal is PolicyRefused, whatever step wanted it. Which steps there are,
the composition root says (`mailhub.judging`); where judged mail goes is `core.placing`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mailhub.model.account import Service
from mailhub.model.dmarcreport import Disposition, Override
from mailhub.model.envelope import Envelope
from mailhub.model.errors import PolicyRefused
from mailhub.policy import authres, refusals
from mailhub.policy.consequences import Consequence, Rules
from mailhub.policy.pipeline import Judgement, Pipeline
from mailhub.policy.step import Content, Facts, Finding, Stage, Visit
from mailhub.ports import Body, Log, Tally
from mailhub.wire.header import edited
from mailhub.wire.networks import Networks

GROWTH = 8 * 1024
"""Octets that a header may grow by as steps change it."""
REFUSED = frozenset({Consequence.REJECT, Consequence.DEFER})
_DISPOSITIONS = {
    Consequence.REJECT: Disposition.REJECT,
    Consequence.QUARANTINE: Disposition.QUARANTINE,
    Consequence.JUNK: Disposition.QUARANTINE,
}


@dataclass(frozen=True, slots=True)
class Met:
    """What a face found before the message came. `visit`: of the connection."""

    findings: tuple[Finding, ...] = ()
    visit: Visit | None = None


NOTHING = Met()


class Judging:
    """`exempt`: clients whose mail is not judged. `tally`: is told what DMARC came to."""

    def __init__(
        self, pipeline: Pipeline, log: Log, *, exempt: Networks, tally: Tally | None = None
    ) -> None:
        self._pipeline = pipeline
        self._log = log
        self._exempt = exempt
        self._tally = tally

    @property
    def authserv_id(self) -> str:
        """Our name in Authentication-Results."""
        return self._pipeline.authserv_id

    def has(self, stage: Stage) -> bool:
        """Whether there is anything to ask."""
        return self._pipeline.has(stage)

    def exempts(self, address: str) -> bool:
        """Whether mail of this client is not judged: `Facts.trusted`."""
        return address in self._exempt

    async def ask(self, stage: Stage, facts: Facts, *, later: bool = False) -> tuple[Finding, ...]:
        """All that was found so far. `later`: a refusal waits for the next stage, as the client may
        turn out to be a user. Raises PolicyRefused."""
        if not (self.has(stage) or facts.findings):
            return ()
        judged = await self._pipeline.run(stage, facts)
        if not later and judged.consequence in REFUSED:
            raise self._refusal(stage, facts, judged)
        return judged.findings

    async def message(self, envelope: Envelope, met: Met, header: bytes, body: Body) -> Judgement:
        """At BODY. `header`: what `body` begins with. Raises PolicyRefused."""
        if not self.has(Stage.BODY) and not met.findings:
            return Judgement()
        facts = self._facts(envelope, met, Content(header, body.view()[len(header) :]))
        judged = await self._pipeline.run(Stage.BODY, facts)
        if judged.consequence in REFUSED:
            if judged.consequence is Consequence.REJECT:
                self.done(judged)
            raise self._refusal(Stage.BODY, facts, judged)
        if judged.findings:
            self._note(facts, judged)
        return judged

    def cleaned(self, envelope: Envelope, header: bytes, judged: Judgement) -> bytes:
        """The header as steps want it changed, and without results that strangers or users wrote
        in our name (RFC 8601 5). What a trusted client or an agent of our own writes may be ours.
        """
        edits = [edit for finding in judged.findings for edit in finding.edits]
        changed = edited(header, edits) if edits else header
        if len(changed) > len(header) + GROWTH:
            self._log.event("edits-left-out", transaction=envelope.transaction, level="warn")
            changed = header
        if envelope.principal is not None or self.is_strange(envelope):
            return authres.without_claims(changed, self.authserv_id)
        return changed

    def is_strange(self, envelope: Envelope) -> bool:
        """Whether another server brings this, and none that is trusted: `Facts.stranger`."""
        return (
            envelope.service is Service.SMTP
            and envelope.principal is None
            and not self._trusts(envelope)
        )

    def _trusts(self, envelope: Envelope) -> bool:
        return envelope.trusted or self.exempts(envelope.peer.address)

    def _facts(self, envelope: Envelope, met: Met, content: Content) -> Facts:
        return Facts(
            peer=envelope.peer,
            service=envelope.service,
            helo=envelope.helo,
            principal=envelope.principal,
            sender=envelope.reverse_path.address,
            recipients=tuple(path.address for path in envelope.forward_paths),
            content=content,
            findings=met.findings,
            trusted=self._trusts(envelope),
            visit=met.visit,
            transaction=envelope.transaction,
            size=envelope.reverse_path.size,
        )

    def done(self, judged: Judgement) -> None:
        """The message's fate is final: it was taken or refused for good."""
        if self._tally is None:
            return
        for finding in judged.findings:
            if finding.seen is not None:
                self._count(self._tally, finding)

    def _count(self, tally: Tally, finding: Finding) -> None:
        seen = finding.seen
        assert seen is not None
        consequence = self._pipeline.consequence_of(finding)
        applied = _DISPOSITIONS.get(consequence)
        if applied is not None:
            seen = replace(seen, disposition=applied)
        if finding.name in ("reject", "quarantine") and (applied or Disposition.NONE) is not (
            Disposition(finding.name)
        ):
            override = Override("local_policy", "other settings of this server")
            seen = replace(seen, overrides=(*seen.overrides, override))
        tally.dmarc(seen)

    def _refusal(self, stage: Stage, facts: Facts, judged: Judgement) -> PolicyRefused:
        permanent = judged.consequence is Consequence.REJECT
        self._note(facts, judged, stage)
        words = refusals.words(judged.cause, permanent=permanent)
        return PolicyRefused(words.text, permanent=permanent, status=words.status, code=words.code)

    def _note(self, facts: Facts, judged: Judgement, stage: Stage = Stage.BODY) -> None:
        cause = judged.cause
        self._log.event(
            "judged",
            stage=stage.value,
            peer=facts.peer.address,
            session=facts.visit.id if facts.visit is not None else None,
            transaction=facts.transaction or None,
            outcome=judged.consequence.value,
            cause=f"{cause.step}={cause.name}" if cause is not None else None,
            reason=cause.text if cause is not None else None,
            found=" ".join(f"{one.step}={one.name}" for one in judged.findings),
        )


class _NoLog:
    """`ports.Log` of steps that do not exist."""

    def event(self, verb: str, **fields: object) -> None:
        """Nothing."""


def unasked(authserv_id: str) -> Judging:
    """Judging without any step."""
    return Judging(Pipeline((), Rules(), authserv_id, _NoLog()), _NoLog(), exempt=Networks(()))
