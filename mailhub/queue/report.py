"""Delivery status notifications as messages: RFC 3461 section 6, RFC 3462, RFC 3464, RFC 6533.

Pure: what happened in, bytes out. Who is told, and how the notification gets there, is
`queue.notices`'.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import quoprimime
from email.base64mime import body_encode as base64_encode
from email.header import Header

from mailhub.core import trace
from mailhub.model.errors import Invalid
from mailhub.model.queue import Action, Outcome, QueueMessage
from mailhub.queue.wording import Wording
from mailhub.wire import address as grammar
from mailhub.wire import header, words

SMALL = 64 * 1024
"""Octets of a message that goes back whole though nobody asked for that."""
HEADER = 64 * 1024
"""Octets of a header that goes back."""
LINE = 900
"""Octets of the longest line that is written as it is; RFC 5322 2.1.1 allows 998."""
SUBJECT = 200
"""Characters of the original's subject that are quoted."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_WRITTEN = re.compile(rb"\n([^\s:]++[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+)")
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\x00")
_LONG = re.compile(rb"[^\n]{999}")
"""A line that no server has to take, with its CR (RFC 5321 4.5.3.1.6)."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What one notification tells: outcomes of one message with one action. `original`: its
    bytes, or as many from its start as were read; `whole`: whether these are all."""

    message: QueueMessage
    action: Action
    outcomes: Sequence[Outcome]
    original: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class Maker:
    """Who tells. `boundary`: never the same twice, and not to be guessed; `now`: epoch seconds;
    `until`: when mail of this kind is given up."""

    hostname: str
    wording: Wording
    boundary: str
    now: int
    until: int


@dataclass(frozen=True, slots=True)
class Report:
    """A notification, complete. `body`, `utf8`: as MAIL has to say."""

    data: bytes
    body: str
    utf8: bool


def compose(occasion: Occasion, maker: Maker) -> Report:
    """The notification for the message's envelope sender."""
    sender = occasion.message.sender
    raw = not grammar.is_ascii(sender.address)
    # RFC 6533: other forms where an address needs them. To an ASCII sender they go encoded, as
    # nobody knows whether its server takes SMTPUTF8.
    wide = raw or sender.utf8 or not _addresses(occasion).isascii()
    subject, text = _human(occasion, maker)
    fence = f"--{maker.boundary}".encode()
    data = b"\r\n".join(
        [
            _head(occasion, maker, subject, raw),
            fence,
            _text(text),
            fence,
            _status(occasion, maker, wide, raw),
            fence,
            _returned(occasion, wide, raw),
            fence + b"--\r\n",
        ]
    )
    return Report(data, "7BIT" if data.isascii() else "8BITMIME", raw)


def _addresses(occasion: Occasion) -> str:
    return "".join(one.entry.recipient + one.entry.orcpt for one in occasion.outcomes)


# -- the header, and what people read


def _head(occasion: Occasion, maker: Maker, subject: str, raw: bool) -> bytes:
    message_id = occasion.message.sender.message_id
    fields = [
        f"From: Mail Delivery System <MAILER-DAEMON@{maker.hostname}>",
        f"To: <{written(occasion.message.sender.address)}>",
        f"Subject: {subject if raw else Header(subject, header_name='Subject').encode()}",
        f"Date: {trace.date(maker.now)}",
        f"Message-ID: <{maker.boundary}@{maker.hostname}>",
    ]
    if message_id and len(message_id) < LINE and message_id.isascii():
        fields += [f"In-Reply-To: {message_id}", f"References: {message_id}"]
    if occasion.message.sender.tls_optional:
        fields.append("TLS-Required: No")  # as the message that it tells of (RFC 8689 5)
    fields += [
        # RFC 3834 5: an answer to a message, made by a program.
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{maker.boundary}"',
        "",
        "",
    ]
    return "\r\n".join("\r\n".join(field.splitlines()) for field in fields).encode()


def _human(occasion: Occasion, maker: Maker) -> tuple[str, str]:
    """Subject and text."""
    found = header.values(occasion.original[:HEADER], b"subject")
    subject = _line(words.decode(words.unfold(found[0]))) if found else ""
    lines = []
    for outcome in occasion.outcomes:
        said = outcome.attempt.reply.splitlines() or [outcome.attempt.status]
        remote = f"{outcome.attempt.remote} said:" if outcome.attempt.remote else ""
        lines.append(f"  <{_line(outcome.entry.recipient)}>")
        lines += [f"    {_line(line)}" for line in (remote, *said) if line]
    values = {
        "hostname": maker.hostname,
        "sender": _line(occasion.message.sender.address),
        "arrived": trace.date(occasion.message.created),
        "until": trace.date(maker.until),
        "subject": subject[:SUBJECT] or "(no subject)",
        "count": str(len(occasion.outcomes)),
        "recipients": "\n".join(lines),
    }
    subject, text = maker.wording[occasion.action].filled(values)
    return _line(subject), text


def _text(text: str) -> bytes:
    """The first part, as it is where every server takes it so."""
    lines = text.splitlines()
    if text.isascii() and all(len(line) <= LINE for line in lines):
        encoding, body = "7bit", "\r\n".join(lines)
    else:
        octets = "\n".join(lines).encode().decode("latin-1")
        encoding = "quoted-printable"
        body = quoprimime.body_encode(octets, eol="\r\n")
    return (
        "Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n"
    ).encode()


# -- what machines read


def _status(occasion: Occasion, maker: Maker, wide: bool, raw: bool) -> bytes:
    """RFC 3464 section 2; message/global-delivery-status where an address needs it."""
    sender = occasion.message.sender
    about = []
    if sender.envid:
        about.append(("Original-Envelope-Id", sender.envid))
    about.append(("Reporting-MTA", f"dns; {maker.hostname}"))
    about.append(("Arrival-Date", trace.date(occasion.message.created)))
    groups = [about, *(_recipient(one, maker) for one in occasion.outcomes)]
    text = "\r\n".join("".join(_field(name, value, wide) for name, value in one) for one in groups)
    if not wide:
        return _part("message/delivery-status", text.encode("ascii"), False)
    return _part("message/global-delivery-status", text.encode(), not raw)


def _recipient(outcome: Outcome, maker: Maker) -> list[tuple[str, str]]:
    """RFC 3464 section 2.3."""
    entry, attempt = outcome.entry, outcome.attempt
    action = outcome.action
    assert action is not None
    fields = []
    if entry.orcpt:
        fields.append(("Original-Recipient", entry.orcpt))
    kind = "rfc822" if grammar.is_ascii(entry.recipient) else "utf-8"
    fields.append(("Final-Recipient", f"{kind}; {written(entry.recipient)}"))
    fields.append(("Action", action.value))
    fields.append(("Status", attempt.status))
    host = attempt.remote.partition(" ")[0]
    if host:
        fields.append(("Remote-MTA", f"dns; {host}"))
    if attempt.reply:
        # What a server said begins with its reply code; our own words are no SMTP.
        kind = "smtp" if attempt.reply[:3].isdecimal() else "X-mailhub"
        fields.append(("Diagnostic-Code", f"{kind}; {attempt.reply}"))
    fields.append(("Last-Attempt-Date", trace.date(attempt.at)))
    if action is Action.DELAYED:
        fields.append(("Will-Retry-Until", trace.date(maker.until)))
    return fields


def _field(name: str, value: str, wide: bool) -> str:
    """One field; the lines of a reply, and what is too long for one line, are folded.

    `wide`: UTF-8 is possible; where it is not, what it cannot say is escaped, and is longer then.
    """
    pieces = []
    for line in value.splitlines():
        clean = _line(line)
        if not wide:
            clean = clean.encode("ascii", "backslashreplace").decode("ascii")
        pieces += [clean[at : at + LINE // 4] for at in range(0, len(clean), LINE // 4)]
    return f"{name}: " + "\r\n ".join(piece for piece in pieces if piece.strip()) + "\r\n"


# -- what goes back of the message


def _returned(occasion: Occasion, wide: bool, raw: bool) -> bytes:
    """The message, or its header (RFC 3461 4.3: whole only where it failed)."""
    block = occasion.original
    if _goes_whole(occasion):
        kind = "message/global" if wide else "message/rfc822"
        return _part(kind, block, wide and not raw)
    kind = "message/global-headers" if wide else "text/rfc822-headers"
    end = block.find(b"\r\n\r\n")
    fields = b"".join(_fields(block[: end + 2] if end >= 0 else block))
    return _part(kind, fields, wide and not raw)


def _goes_whole(occasion: Occasion) -> bool:
    sender = occasion.message.sender
    if occasion.action is not Action.FAILED or not occasion.whole or sender.ret == "HDRS":
        return False
    if sender.require_tls:  # whatever RET said (RFC 8689 section 5)
        return False
    if sender.ret != "FULL" and len(occasion.original) > SMALL:
        return False
    # A composite part cannot be encoded, so what is binary cannot go through every server.
    return not (
        sender.body == "BINARYMIME"
        or _BARE.search(occasion.original)
        or _LONG.search(occasion.original)
    )


def _fields(block: bytes) -> list[bytes]:
    """Whole fields within HEADER octets, as they were written."""
    kept = []
    left = HEADER
    for field in _WRITTEN.findall(b"\n" + block):
        whole = field.rstrip(b"\r") + b"\r\n"
        left -= len(whole)
        if left < 0:
            break
        if not (_BARE.search(whole) or _LONG.search(whole)):
            kept.append(whole)
    return kept


def _part(kind: str, content: bytes, encoded: bool) -> bytes:
    """A part; `encoded`: in base64, which only the `global` kinds allow (RFC 6532 3.7)."""
    if encoded and not content.isascii():
        encoding = "base64"
        content = base64_encode(content, eol="\r\n").encode("ascii")
    else:
        encoding = "7bit" if content.isascii() else "8bit"
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + content


def written(address: str) -> str:
    """An address as it may stand in a field: its domain as A-label, nothing that ends a line."""
    try:
        return grammar.join(*grammar.split(address))
    except Invalid:
        return _line(address)


def _line(text: str) -> str:
    """One line of anything: control characters are spaces."""
    return _CONTROL.sub(" ", text).strip()
