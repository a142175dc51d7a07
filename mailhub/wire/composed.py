"""Writes a new message (RFC 5322, RFC 2045): header fields and the frame of its parts.

What is enclosed is no part of the frame: it says where each content goes, so that large ones pass
through nobody's memory. No value can add a field or a line: what could is refused.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from email import policy
from email.message import EmailMessage, MIMEPart
from hashlib import sha256

from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar
from mailhub.wire import text as texts

MESSAGE = "message/rfc822"
WIDTH = 76
LONG = 16 * 1024
"""Characters past which a text is poured in like what is enclosed: in quoted-printable it would
hold others up for more than five milliseconds."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[!-9;-~]{1,76}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_MEDIA = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")
_CHARSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,39}")
_ID = re.compile(r"[!-;=?-~]{1,250}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_WORD = 39
"""Octets of one encoded word: 52 characters of base64, within the 75 of RFC 2047 section 2."""
_OURS = frozenset(
    {
        *("from", "sender", "reply-to", "to", "cc", "bcc", "subject", "date", "mime-version"),
        *("return-path", "received", "delivered-to", "dkim-signature", "authentication-results"),
    }
)
_OURS_BEGIN = ("content-", "resent-", "arc-")


@dataclass(frozen=True, slots=True)
class Person:
    """A mailbox. `address`: canonical."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Enclosed:
    """What is known of a content. `cid`: without brackets. `inline`: shown within the text.
    `transfer`: of a message that stands here as it is, `7bit` or `8bit`; empty for base64."""

    media: str = "application/octet-stream"
    filename: str = ""
    cid: str = ""
    inline: bool = False
    charset: str = ""
    transfer: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be written. `fields`: further ones, by name. `message_id`, `references`: with
    angle brackets. `html` without `text` gets a text of its own. `flowed`: the lines of `text` may
    be joined again (RFC 3676)."""

    sender: Person | None
    date: str
    message_id: str
    to: Sequence[Person] = ()
    cc: Sequence[Person] = ()
    bcc: Sequence[Person] = ()
    reply_to: Person | None = None
    subject: str = ""
    text: str = ""
    html: str = ""
    fields: Sequence[tuple[str, str]] = ()
    references: Sequence[str] = ()
    answered: str = ""
    """The message id for In-Reply-To."""
    enclosed: Sequence[Enclosed] = ()
    flowed: bool = False

    @property
    def recipients(self) -> Sequence[str]:
        """Everybody that it names, once."""
        named = (*self.to, *self.cc, *self.bcc)
        return list({grammar.key(one.address, delimiter=""): one.address for one in named}.values())


@dataclass(frozen=True, slots=True)
class Poured:
    """A content that stands here, in base64. `number`: of `enclosed`; None: it is `octets`.
    `as_it_is`: not in base64."""

    number: int | None
    octets: bytes = b""
    as_it_is: bool = False


def person(address: str, name: str = "", field: str = "") -> Person:
    """A mailbox with a canonical address. Raises Invalid."""
    try:
        canonical = grammar.join(*grammar.split(address))
    except Invalid as error:
        raise Invalid(error.text, field) from None
    return Person(canonical, line(name, field).strip())


def line(value: str, field: str) -> str:
    """`value`, which a header can hold: no end of a line, no control character. Raises Invalid."""
    if _CONTROL.search(value):
        raise Invalid("Line ends and control characters are not possible here", field)
    return value


def tidy(value: str) -> str:
    """A text as one line that a header can hold."""
    return " ".join(_CONTROL.sub(" ", value).split())


def harmless(one: Enclosed) -> Enclosed:
    """The same without what cannot stand in a header: a media type, an id that is none."""
    media = one.media.lower()
    return replace(
        one,
        media=media if _MEDIA.fullmatch(media) else "application/octet-stream",
        filename=tidy(one.filename),
        cid=one.cid if _ID.fullmatch(one.cid) else "",
        charset=one.charset if _CHARSET.fullmatch(one.charset) else "",
    )


def frame(letter: Letter, mark: bytes) -> Sequence[bytes | Poured]:
    """The message, with a place for each content. `mark`: 16 octets that nobody can guess.

    Raises Invalid, with the field at fault.
    """
    body, poured = _body(letter, mark)
    return [head(letter), *_split(body.as_bytes(), mark, poured)]


# -- the header


def head(letter: Letter) -> bytes:
    """The fields that are no part's. Raises Invalid, with the field at fault."""
    own = {name.lower() for name, _ in letter.fields}
    lines = [f"Date: {letter.date}"] if "date" not in own else []
    if letter.sender is not None:
        lines.append(_people("From", [letter.sender]))
    if letter.reply_to is not None:
        lines.append(_people("Reply-To", [letter.reply_to]))
    for name, named in (("To", letter.to), ("Cc", letter.cc), ("Bcc", letter.bcc)):
        if named:
            lines.append(_people(name, named))
    if letter.subject:
        lines.append(_unstructured("Subject", line(letter.subject, "subject")))
    if "message-id" not in own:
        lines.append(f"Message-ID: {letter.message_id}")
    if letter.answered and "in-reply-to" not in own:
        lines.append(_unstructured("In-Reply-To", line(letter.answered, "reference")))
    if letter.references and "references" not in own:
        lines.append(_unstructured("References", line(" ".join(letter.references), "reference")))
    lines += [_further(name, value) for name, value in letter.fields]
    return "".join(f"{one}\r\n" for one in lines).encode()


def _further(name: str, value: str) -> str:
    folded = name.lower()
    if _NAME.fullmatch(name) is None or folded in _OURS or folded.startswith(_OURS_BEGIN):
        raise Invalid(f"{name[:40]!r} is no field that can be set so", "headers")
    value = line(value, "headers").strip()
    if folded == "message-id" and _MESSAGE_ID.fullmatch(value) is None:
        raise Invalid("A Message-ID is one id in angle brackets", "headers")
    return _unstructured(name, value)


def _people(name: str, people: Sequence[Person]) -> str:
    """One mailbox a line, so that no folding ever takes a name apart."""
    return f"{name}: " + ",\r\n ".join(map(_mailbox, people))


def _mailbox(one: Person) -> str:
    name = line(one.name, "name")
    if not name:
        return one.address
    if len(name) <= WIDTH - 16 and name.isascii() and "=?" not in name:
        quoted = name if _ATOMS.fullmatch(name) else '"' + re.sub(r'["\\]', r"\\\g<0>", name) + '"'
        return f"{quoted}\r\n <{one.address}>"
    return "\r\n ".join((*_encoded(name), f"<{one.address}>"))


def _unstructured(name: str, value: str) -> str:
    words = value.split(" ")
    if not value.isascii() or "=?" in value or max(map(len, words)) > 900:
        return f"{name}: " + "\r\n ".join(_encoded(value))
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > WIDTH and word and lines[-1].strip():
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)


def _encoded(value: str) -> Iterator[str]:
    """Encoded words (RFC 2047), each of whole characters (its section 5)."""
    held = b""
    for character in value:
        octets = character.encode()
        if len(held) + len(octets) > _WORD:
            yield f"=?utf-8?b?{b64encode(held).decode()}?="
            held = b""
        held += octets
    yield f"=?utf-8?b?{b64encode(held).decode()}?="


# -- the parts


def _body(letter: Letter, mark: bytes) -> tuple[EmailMessage, list[Poured]]:
    made = EmailMessage(policy.SMTP)
    poured: list[Poured] = []
    inside = [number for number, one in enumerate(letter.enclosed) if one.inline and letter.html]
    plain = letter.text
    if letter.html and not plain and len(letter.html) <= LONG:
        plain = texts.from_html(letter.html)
    if plain or not letter.html:
        _set_text(made, plain, "plain", mark, poured, flowed=letter.flowed)
    if letter.html:
        if plain:
            made.make_alternative()
            page = EmailMessage(policy.SMTP)
            made.attach(page)
        else:
            page = made
        _set_text(page, letter.html, "html", mark, poured)
        for number in inside:
            _enclose(page, "related", letter.enclosed[number], _place(mark, poured, Poured(number)))
    for number, one in enumerate(letter.enclosed):
        if one.transfer and one.media.lower() == MESSAGE:
            _attach(made, one, _place(mark, poured, Poured(number, as_it_is=True)))
        elif number not in inside:
            _enclose(made, "attachment", one, _place(mark, poured, Poured(number)))
    if "MIME-Version" not in made:
        made["MIME-Version"] = "1.0"
    for number, part in enumerate(made.walk()):
        if part.is_multipart():  # nobody whose message is enclosed can know it
            secret = sha256(mark + b"boundary %d" % number).hexdigest()
            part.set_boundary(f"=_{secret[:32]}")
    return made, poured


def _place(mark: bytes, poured: list[Poured], one: Poured) -> bytes:
    poured.append(one)
    return mark + len(poured).to_bytes(2, "big")


def _set_text(
    part: MIMEPart,
    value: str,
    kind: str,
    mark: bytes,
    poured: list[Poured],
    *,
    flowed: bool = False,
) -> None:
    told = {"format": "flowed"} if flowed else {}
    value = value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    value = value if value.endswith("\n") else value + "\n"
    if len(value) <= LONG:
        longest = max(map(len, value.split("\n")))
        plain = value.isascii() and longest < 900
        cte = "7bit" if plain else "quoted-printable"
        part.set_content(value, subtype=kind, cte=cte, params=told)
        return
    octets = value.replace("\n", "\r\n").encode()
    place = _place(mark, poured, Poured(None, octets))
    params = {"charset": "utf-8"} | told
    part.set_content(place, maintype="text", subtype=kind, params=params)


def _enclose(part: MIMEPart, how: str, one: Enclosed, place: bytes) -> None:
    media = one.media.lower()
    if _MEDIA.fullmatch(media) is None:
        raise Invalid("Not a media type", "attachments")
    if media.startswith(("message/", "multipart/")):
        media = "application/octet-stream"  # RFC 2045 6.4 forbids base64 for those
    filename = line(one.filename, "attachments")
    if one.charset and _CHARSET.fullmatch(one.charset) is None:
        raise Invalid("Not a charset", "attachments")
    if one.cid and _ID.fullmatch(one.cid) is None:
        raise Invalid("Not a content id", "attachments")
    main, _, sub = media.partition("/")
    add: Callable[..., None] = part.add_related if how == "related" else part.add_attachment
    add(
        place,
        main,
        sub,
        disposition="inline" if one.inline else "attachment",
        filename=filename or None,
        cid=f"<{one.cid}>" if one.cid else None,
        params={"charset": one.charset} if one.charset else None,
    )


def _attach(made: EmailMessage, one: Enclosed, place: bytes) -> None:
    """A message as it is: RFC 2046 section 5.2.1 forbids to encode it."""
    part = EmailMessage(policy.SMTP)
    part["Content-Type"] = MESSAGE
    part["Content-Transfer-Encoding"] = one.transfer
    name = line(one.filename, "attachments")
    part.add_header("Content-Disposition", "attachment", **({"filename": name} if name else {}))
    part.set_payload(b64encode(place).decode("ascii"))
    if made.get_content_type() != "multipart/mixed":
        made.make_mixed()
    made.attach(part)


def _split(data: bytes, mark: bytes, poured: Sequence[Poured]) -> Iterator[bytes | Poured]:
    """`data` around its marks; the contents come in the order in which they stand there."""
    places = {}
    for number, one in enumerate(poured, 1):
        written = b64encode(mark + number.to_bytes(2, "big"))
        places[data.index(written)] = (len(written), one)
    at = 0
    for start in sorted(places):
        length, one = places[start]
        yield data[at:start].removeprefix(b"\r\n") if at else data[:start]
        yield one  # whose last line has its end
        at = start + length
    yield data[at:].removeprefix(b"\r\n") if at else data
