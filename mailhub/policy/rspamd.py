"""Asks rspamd what to do with a message: its `/checkv2`, with the envelope in header fields.

Without an answer the step is unavailable: what that leads to, the settings say.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import Invalid, Unavailable
from mailhub.model.settings import RspamdSettings
from mailhub.policy import scored
from mailhub.policy.filters import points
from mailhub.policy.scanning import looks_at, pieces
from mailhub.policy.step import Content, Facts, Finding, Stage
from mailhub.ports import Post
from mailhub.wire import rspamd
from mailhub.wire.networks import plain

PATH = "/checkv2"


class Rspamd:
    """One question for each message. `hostname`: of this server."""

    name = "rspamd"
    stage = Stage.BODY

    def __init__(self, settings: RspamdSettings, post: Post, hostname: str) -> None:
        self._settings = settings
        self._post = post
        self._hostname = hostname

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """Its action, or `unscanned` for what is too large. Raises Unavailable."""
        content = looks_at(self._settings.scan, facts)
        if content is None:
            return ()
        if content.size > self._settings.size:
            return (Finding(self.name, "unscanned", f"{content.size} octets"),)
        answer = await self._post.post(PATH, self._headers(facts, content), pieces(content))
        try:
            return (self._finding(rspamd.verdict(answer)),)
        except Invalid as error:
            raise Unavailable(error.text) from None

    def _finding(self, verdict: rspamd.Verdict) -> Finding:
        settings = self._settings
        outcome = getattr(settings, verdict.action, 0.0)
        spam = verdict.action not in ("no_action", "greylist")
        field = scored.field(spam, verdict.score, verdict.needed, verdict.tests)
        return Finding(
            self.name,
            verdict.action,
            f"{verdict.score:g}/{verdict.needed:g} {' '.join(verdict.tests)}"[:1000],
            points(outcome) + settings.weight * verdict.score,
            fields=field + b"".join(verdict.fields if settings.headers else ()),
            said=verdict.said,
        )

    def _headers(self, facts: Facts, content: Content) -> Sequence[tuple[str, str]]:
        """What it asks of the envelope; a field's value holds nothing that could end it."""
        peer = facts.peer
        name = next((one.text for one in facts.findings if one.step == "iprev"), "")
        found = [
            ("IP", "" if peer.address == "unix" else plain(peer.address)),
            ("Helo", facts.helo),
            ("Hostname", name),
            ("From", facts.sender or ""),
            *(("Rcpt", recipient) for recipient in facts.recipients),
            ("User", facts.principal.username if facts.principal is not None else ""),
            ("Queue-Id", facts.transaction),
            ("MTA-Name", self._hostname),
            ("TLS-Version", peer.tls.version if peer.tls is not None else ""),
            ("TLS-Cipher", peer.tls.cipher if peer.tls is not None else ""),
            ("Password", self._settings.password),
            ("Content-Type", "application/octet-stream"),
        ]
        return [(name, _plain(value)) for name, value in found if value]


def _plain(value: str) -> str:
    return "".join(mark for mark in value if mark >= " " and mark != "\x7f")
