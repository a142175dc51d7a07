"""What an SMTP client reads and writes, as values: replies, capabilities, commands.

Pure: bytes to values and back. Which command comes when is `machine` and `transaction`; nothing
here knows a connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mailhub.model.queue import QueueEntry, QueueSender

LINE_LIMIT = 2048
"""Octets of a reply line. RFC 5321 4.5.3.1.5 allows 512; more is common in long refusals."""
REPLY_LIMIT = 65536
"""Octets of a whole reply."""

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})(?= |\Z)")
_KEYWORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:[ =]+(.*))?")
_TO_XTEXT = re.compile(r"[^!-*,-<>-~]")
_TO_UNITEXT = re.compile(r"[^!-*,-<>-\[\]-~\x80-\U0010ffff]")
_TO_UTF8_XTEXT = re.compile(r"[^!-*,-<>-\[\]-~]")
_NOT_IN_COMMAND = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Broken(Exception):
    """The other side said something that is no reply; nothing after it can be trusted. `text`:
    what, for people."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply. `lines`: what stands behind the code of each line, verbatim; octets that are no
    UTF-8 as `\\xNN`."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines, joined by newlines."""
        return "\n".join(self.lines)

    @property
    def status(self) -> str:
        """The enhanced code (RFC 2034), or one made of the reply code's class.

        One whose class contradicts the reply code is not believed (RFC 2034 section 4).
        """
        found = _ENHANCED.match(self.lines[0])
        kind = str(self.code)[0]
        if found is not None and found[1] == kind:
            return found[0]
        return f"{kind}.0.0" if kind != "3" else "4.5.0"

    @property
    def positive(self) -> bool:
        """2yz."""
        return 200 <= self.code < 300

    @property
    def closing(self) -> bool:
        """Whether the other side ends the session with it (RFC 5321 4.2.1)."""
        return self.code == 421


def read_line(line: bytes) -> tuple[int, str, bool]:
    """(code, text, whether it is the last) of a reply line without its end. Raises Broken.

    RFC 5321 4.2 allows a code with nothing behind it.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        raise Broken(f"not a reply: {_shown(line)}")
    text = found[3]
    return int(found[1]), _decoded(text) if text else "", found[2] != b"-"


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


def _shown(line: bytes) -> str:
    """The beginning of what was received, safe to print."""
    return _decoded(line[:80]).encode("unicode_escape").decode("ascii")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server offered with EHLO. `size`: largest message, 0 for no word of it.
    `recipients`, `domains`, `messages`: its LIMITS (RFC 9422), 0 for none."""

    pipelining: bool = False
    chunking: bool = False
    eight_bit: bool = False
    binary: bool = False
    utf8: bool = False
    dsn: bool = False
    starttls: bool = False
    require_tls: bool = False
    has_size: bool = False
    size: int = 0
    mechanisms: tuple[str, ...] = ()
    recipients: int = 0
    domains: int = 0
    messages: int = 0


NO_CAPABILITIES = Capabilities()
"""After HELO."""


def capabilities(reply: Reply) -> Capabilities:
    """Reads the lines behind the first of an EHLO reply. Lines that name nothing are passed over.

    `AUTH=LOGIN` instead of `AUTH LOGIN` is what Microsoft's and Netscape's servers said before
    RFC 2554; some still say both.
    """
    said: dict[str, str] = {}
    for line in reply.lines[1:]:
        found = _KEYWORD.match(line)
        if found is not None:
            name, value = found[1].upper(), found[2] or ""
            said[name] = f"{said[name]} {value}" if name in said else value
    limits = _limits(said.get("LIMITS", ""))
    return Capabilities(
        pipelining="PIPELINING" in said,
        chunking="CHUNKING" in said,
        eight_bit="8BITMIME" in said,
        binary="BINARYMIME" in said and "CHUNKING" in said,
        utf8="SMTPUTF8" in said,
        dsn="DSN" in said,
        starttls="STARTTLS" in said,
        require_tls="REQUIRETLS" in said,
        has_size="SIZE" in said,
        size=_number(said.get("SIZE", "")),
        mechanisms=tuple(dict.fromkeys(said.get("AUTH", "").upper().split())),
        recipients=limits.get("RCPTMAX", 0),
        domains=limits.get("RCPTDOMAINMAX", 0),
        messages=limits.get("MAILMAX", 0),
    )


def _limits(text: str) -> Mapping[str, int]:
    """`NAME=value` pairs; RFC 9422 section 4 asks to ignore what is not understood."""
    pairs = (word.partition("=") for word in text.upper().split())
    return {name: _number(value) for name, _, value in pairs}


def _number(text: str) -> int:
    word = text.split(" ", 1)[0]
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 20 else 0


# -- commands


def hello(verb: bytes, name: str) -> bytes:
    """EHLO, HELO or LHLO."""
    return b"%b %b\r\n" % (verb, name.encode("ascii"))


def mail(
    sender: QueueSender, path: str, offered: Capabilities, *, size: int, body: str, utf8: bool
) -> bytes:
    """MAIL with what the server offered. `path`: the sender as it goes on the wire. `body`:
    `8BITMIME`, `BINARYMIME` or empty."""
    words = [f"MAIL FROM:<{path}>"]
    if offered.has_size and size:
        words.append(f"SIZE={size}")
    if body:
        words.append(f"BODY={body}")
    if utf8:
        words.append("SMTPUTF8")
    if sender.require_tls and offered.require_tls:
        words.append("REQUIRETLS")
    if offered.dsn:
        if sender.ret:
            words.append(f"RET={sender.ret}")
        if sender.envid:
            words.append(f"ENVID={xtext(sender.envid)}")
    return _command(words)


def submitted_by(sender: QueueSender, path: str) -> bytes:
    """The AUTH parameter of MAIL (RFC 4954 section 5): who vouches for the sender. We do where
    the message was submitted here by an account, else nobody does."""
    return b" AUTH=" + (xtext(path).encode() if sender.account is not None and path else b"<>")


def rcpt(entry: QueueEntry, path: str, offered: Capabilities, *, utf8: bool) -> bytes:
    """RCPT; with the wishes for notification where the server takes them over (RFC 3461)."""
    words = [f"RCPT TO:<{path}>"]
    if offered.dsn:
        if entry.notify:
            words.append(f"NOTIFY={','.join(entry.notify)}")
        if entry.orcpt:
            words.append(f"ORCPT={_original(entry.orcpt, utf8)}")
    return _command(words)


def bdat(size: int, *, last: bool) -> bytes:
    """The line before a chunk (RFC 3030)."""
    return b"BDAT %d LAST\r\n" % size if last else b"BDAT %d\r\n" % size


def auth(mechanism: str, initial: bytes | None) -> bytes:
    """AUTH. `initial`: the first response in base64; None: the server speaks first."""
    if initial is None:
        return b"AUTH %b\r\n" % mechanism.encode()
    return b"AUTH %b %b\r\n" % (mechanism.encode(), initial or b"=")


def _command(words: list[str]) -> bytes:
    return " ".join(words).encode() + b"\r\n"


def speakable(path: str) -> bool:
    """Whether a path can stand in a command: no control character would end or hide it."""
    return path.isprintable() or _NOT_IN_COMMAND.search(path) is None


def xtext(text: str) -> str:
    """RFC 3461 section 4: what is not printable ASCII, `+` and `=` as `+XX`."""
    return _TO_XTEXT.sub(_plus, text)


def _plus(found: re.Match[str]) -> str:
    return "".join(f"+{octet:02X}" for octet in found[0].encode())


def _original(orcpt: str, utf8: bool) -> str:
    """ORCPT. A `utf-8` address in raw form needs SMTPUTF8, else `\\x{}` (RFC 6533 section 3)."""
    kind, _, address = orcpt.partition(";")
    if kind.lower() != "utf-8":
        return f"{kind};{xtext(address)}"
    pattern = _TO_UNITEXT if utf8 else _TO_UTF8_XTEXT
    return f"{kind};{pattern.sub(_scalar, address)}"


def _scalar(found: re.Match[str]) -> str:
    return f"\\x{{{ord(found[0]):X}}}"
