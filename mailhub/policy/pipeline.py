"""Runs the steps of a stage, and says what their findings lead to.

The only place that composes Authentication-Results, and that knows what to do when a step breaks:
mail flows on, and the finding says so. A refusal is a value here; faces have the words for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailhub.model.errors import Unavailable
from mailhub.policy import authres
from mailhub.policy.authres import Result
from mailhub.policy.consequences import FAILED, UNAVAILABLE, Consequence, Rules
from mailhub.policy.step import Facts, Finding, Stage, Step
from mailhub.ports import Log

FIELDS = 8 * 1024
"""Octets of header fields that steps may put before a message, and of their results."""
MOST = 100
"""Results that are told in short where they would be too long."""

FINAL = frozenset({Consequence.REJECT})
REFUSING = frozenset({Consequence.REJECT, Consequence.DEFER})


@dataclass(frozen=True, slots=True)
class Judgement:
    """`findings`: all, those of earlier stages too. `cause`: the one that decided, None where
    nothing did. `fields`: what is put before the message, Authentication-Results first."""

    findings: tuple[Finding, ...] = ()
    consequence: Consequence = Consequence.ADD
    cause: Finding | None = None
    fields: bytes = b""


class Pipeline:
    """`steps` in the order in which they run. `authserv_id`: our name in Authentication-Results
    (RFC 8601 2.5)."""

    def __init__(self, steps: Sequence[Step], rules: Rules, authserv_id: str, log: Log) -> None:
        self._steps = {
            stage: tuple(step for step in steps if step.stage is stage) for stage in Stage
        }
        self._rules = rules
        self._log = log
        self.authserv_id = authserv_id

    def has(self, stage: Stage) -> bool:
        """Whether anything would run: callers ask before they collect facts."""
        return bool(self._steps[stage])

    async def run(self, stage: Stage, facts: Facts) -> Judgement:
        """Runs the stage's steps one after the other; none runs behind one that refuses. About a
        whole message all are asked that only want it later: one may refuse it for good."""
        final = FINAL if stage is Stage.BODY else REFUSING
        for step in self._steps[stage]:
            found = await self._found(step, facts)
            if found:
                facts = replace(facts, findings=(*facts.findings, *found))
                if any(self._rules.of(one) in final for one in found):
                    break
        findings = facts.findings
        consequence, cause = self._rules.decide(findings)
        fields = self._fields(findings) if stage is Stage.BODY else b""
        return Judgement(findings, consequence, cause, fields)

    def consequence_of(self, finding: Finding) -> Consequence:
        """What this finding alone leads to."""
        return self._rules.of(finding)

    async def _found(self, step: Step, facts: Facts) -> Sequence[Finding]:
        try:
            return await step.run(facts)
        except Unavailable as error:
            return (Finding(step.name, UNAVAILABLE, error.text),)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self._log.event("step-failed", level="error", step=step.name, reason=reason)
            return (Finding(step.name, FAILED, reason),)

    def _fields(self, findings: Sequence[Finding]) -> bytes:
        results = [result for one in findings for result in one.results]
        fields = authres.field(self.authserv_id, results) if results else b""
        if len(fields) > FIELDS:
            short = [Result(one.method, one.result) for one in results[:MOST]]
            fields = authres.field(self.authserv_id, short)
        end = len(fields) + FIELDS
        for one in findings:
            if len(fields) + len(one.fields) > end:
                self._log.event("fields-left-out", step=one.step, level="warn")
            else:
                fields += one.fields
        return fields
