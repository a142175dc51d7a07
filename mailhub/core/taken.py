"""What the journal notes of a message that was taken: from whom it came and how, for whom, and what
was found about it. Its story is told from that long after the message is gone.

One row with the commit that takes the message, however many recipients it has. Never its text or
subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub.model.envelope import Envelope
from mailhub.model.message import Note
from mailhub.policy.authres import Result
from mailhub.policy.consequences import Consequence
from mailhub.policy.pipeline import Judgement
from mailhub.ports import Besides

RECIPIENTS = 200
"""That are noted by name; of the others the queue and the mailboxes have rows."""
RESULTS = 20
_DOMAINS = frozenset({"smtp.mailfrom", "smtp.helo", "header.d", "header.i", "header.from"})


def beside(
    besides: Besides | None,
    envelope: Envelope,
    token: str,
    message_id: str,
    size: int,
    judged: Judgement,
) -> Besides:
    """What goes into the commit with the message, and the note of it. `token`: of the hand-over,
    which ends with a recipient's place where that one is taken alone."""
    note = Note(None, "accepted", _detail(envelope, token, message_id, size, judged))
    if besides is None:
        return Besides(notes=(note,))
    return replace(besides, notes=(*besides.notes, note))


def _detail(
    envelope: Envelope, token: str, message_id: str, size: int, judged: Judgement
) -> dict[str, object]:
    paths = envelope.forward_paths
    place = token.partition(".")[2]
    if place.isdecimal() and int(place) < len(paths):
        paths = (paths[int(place)],)
    detail: dict[str, object] = {
        "transaction": token,
        "message_id": message_id,
        "sender": envelope.reverse_path.address,
        "recipients": [path.address for path in paths[:RECIPIENTS]],
        "size": size,
        "protocol": envelope.protocol,
    }
    if len(paths) > RECIPIENTS:
        detail["more"] = len(paths) - RECIPIENTS
    if envelope.helo:
        detail["helo"] = envelope.helo
    if envelope.peer.local_port:
        detail["port"] = envelope.peer.local_port
    tls = envelope.peer.tls
    if tls is not None:
        detail["tls"] = f"{tls.version} {tls.cipher}"
    if envelope.principal is not None:
        detail["user"] = envelope.principal.username
    if judged.findings:
        detail |= _judged(judged)
    return detail


def _judged(judged: Judgement) -> dict[str, object]:
    found = judged.findings
    told: dict[str, object] = {"found": [f"{one.step}={one.name}" for one in found]}
    results = [_words(one) for finding in found for one in finding.results]
    if results:
        told["results"] = results[:RESULTS]
    score = sum(one.score for one in found)
    if score:
        told["score"] = round(score, 2)
    if judged.consequence is not Consequence.ADD:
        told["consequence"] = judged.consequence.value
    return told


def _words(result: Result) -> Sequence[str]:
    """Method, result, and the domain or address it is about."""
    for name, value in result.properties:
        if name in _DOMAINS:
            return (result.method, result.result, value)
    return (result.method, result.result, "")
