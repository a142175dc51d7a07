"""Runs a Sieve script on a message, without any server: what it decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from email.message import EmailMessage

from mailhub.policy.sieve.bodies import Body
from mailhub.policy.sieve.fields import Fields
from mailhub.policy.sieve.outcome import Bounds, Filing, Outcome, Seen, Surroundings
from mailhub.policy.sieve.run import running
from mailhub.policy.sieve.state import Mail, Scope, State
from mailhub.wire import mime
from mailhub.wire.sieve.checks import compiled
from mailhub.wire.sieve.program import Include

AROUND = Surroundings(
    sender="ann@example.org",
    recipient="bob+detail@example.com",
    now=1763749800,
    mailboxes=frozenset({"INBOX", "Work", "Junk"}),
    uses=(("Junk", "\\Junk"),),
    items={"name": "mailhub", "version": "1"},
)
BOUNDS = Bounds()


def play(
    source: str,
    message: bytes,
    around: Surroundings = AROUND,
    bounds: Bounds = BOUNDS,
    includable: Mapping[Include, str] | None = None,
    marks: Collection[str] = (),
) -> Outcome:
    """The outcome of a run. `includable`: scripts that can be included; `marks`: keys of the
    duplicate test that are known."""
    root = mime.scan(message)
    programs = {name: compiled(text) for name, text in (includable or {}).items()}
    mail = Mail(Fields(message[: root.body]), Body(message, bounds.body), len(message))
    work = running(State(mail, around, bounds, programs, [Scope(compiled(source))]))
    answer: bool | None = None
    while True:
        try:
            question = work.send(answer)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome
        answer = question.key in marks if isinstance(question, Seen) else None


def letter(body: str = "Hello\n", **fields: str) -> bytes:
    """A plain message; `from_` is From, and underscores are hyphens."""
    message = EmailMessage()
    for name, value in fields.items():
        message[name.strip("_").replace("_", "-")] = value
    message.set_content(body)
    return message.as_bytes().replace(b"\n", b"\r\n")


def mailboxes(outcome: Outcome) -> list[str]:
    """Where copies go; the empty name is where mail goes by default."""
    return [filing.mailbox for filing in outcome.filings]


KEPT = Filing(implicit=True)
