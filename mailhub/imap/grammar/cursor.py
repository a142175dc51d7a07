"""A place in one complete command, and the lexical rules of RFC 9051 section 9.

A command's literals stand in the same bytes, in place: `{5}` CRLF and five octets. Every rule is
one precompiled pattern matched where the cursor stands, so no byte is looked at in Python. What
does not match raises Invalid; a rule never reads past the bytes it was given.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

from mailhub.model.errors import Invalid
from mailhub.model.sequence import SAVED, SequenceSet
from mailhub.model.uids import MAX_UID
from mailhub.wire import utf7

ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
ASTRING = re.compile(rb'(?!~\{)[^\x00-\x20\x7f-\xff(){%*"\\]+')
LIST_CHARS = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]+')
NUMBER = re.compile(rb"\d{1,20}")
QUOTED = re.compile(rb'"((?:[^\x00\r\n"\\]|\\["\\])*)"')
LITERAL = re.compile(rb"(~?)\{(\d{1,20})\+?\}\r\n")
SEQUENCE = re.compile(rb"[0-9*][0-9*:,]*")
RANGE = re.compile(rb"([1-9]\d{0,9}|\*)(?::([1-9]\d{0,9}|\*))?(?:,|$)")
FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
DATE = re.compile(rb'"?(\d{1,2})-([A-Za-z]{3})-(\d{4})"?')
DATE_TIME = re.compile(
    rb'"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)
ESCAPED = re.compile(rb"\\(.)")
MONTHS = {
    name: number
    for number, name in enumerate(
        b"JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), start=1
    )
}
MAX_NUMBER64 = (1 << 63) - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cursor:
    """`data`: a whole command without its final CRLF. `utf8`: the client enabled UTF-8 names and
    quoted strings (RFC 6855, RFC 9051); otherwise names are modified UTF-7 (RFC 3501 5.1.3)."""

    __slots__ = ("at", "data", "utf8")

    def __init__(self, data: bytes, at: int = 0, utf8: bool = False) -> None:
        self.data = data
        self.at = at
        self.utf8 = utf8

    # -- punctuation

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self.data)

    def peek(self) -> bytes:
        """The next octet; empty at the end."""
        return self.data[self.at : self.at + 1]

    def take(self, token: bytes) -> bool:
        """Steps over `token` where it comes next, byte for byte."""
        if self.data.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def expect(self, token: bytes) -> None:
        """Steps over `token`. Raises Invalid where something else comes."""
        if not self.take(token):
            raise Invalid(f"{_shown(token)} expected")

    def space(self) -> None:
        """One SP. More than one is taken too: Outlook and hand-written scripts send them."""
        if not self.take(b" "):
            raise Invalid("Space expected" if not self.ended else "An argument is missing")
        while self.take(b" "):
            pass

    def end(self) -> None:
        """Nothing but the trailing spaces that some clients send may be left."""
        if self.data[self.at :].strip(b" "):
            raise Invalid("Unexpected text at the end of the command")
        self.at = len(self.data)

    # -- words

    def match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        """`pattern` where the cursor stands. Raises Invalid, naming `what`."""
        found = pattern.match(self.data, self.at)
        if found is None:
            raise Invalid(f"{what} expected")
        self.at = found.end()
        return found

    def atom(self, what: str = "Atom") -> bytes:
        """An atom, as spelled."""
        return self.match(ATOM, what)[0]

    def word(self, what: str = "Keyword") -> bytes:
        """An atom that names something of the protocol: upper case."""
        return self.match(ATOM, what)[0].upper()

    def number(self, maximum: int = MAX_UID) -> int:
        """Digits, up to `maximum`."""
        value = int(self.match(NUMBER, "Number")[0])
        if value > maximum:
            raise Invalid("The number is too large")
        return value

    def number64(self) -> int:
        """A number64 or mod-sequence-valzer (RFC 9051, RFC 7162): 63 bits."""
        return self.number(MAX_NUMBER64)

    # -- strings

    def astring(self) -> bytes:
        """The octets of an astring."""
        found = ASTRING.match(self.data, self.at)
        if found is not None:
            self.at = found.end()
            return found[0]
        return self.string()

    def string(self) -> bytes:
        """The octets of a quoted string or a literal (a literal8 too)."""
        found = QUOTED.match(self.data, self.at)
        if found is not None:
            self.at = found.end()
            text = found[1]
            return ESCAPED.sub(rb"\1", text) if b"\\" in text else text
        found = LITERAL.match(self.data, self.at)
        if found is None:
            raise Invalid("String expected")
        start = found.end()
        stop = start + int(found[2])
        if stop > len(self.data):
            raise Invalid("The literal is cut off")
        self.at = stop
        return self.data[start:stop]

    def nstring(self) -> bytes | None:
        """A string, or None for NIL."""
        if self.data[self.at : self.at + 3].upper() == b"NIL":
            self.at += 3
            return None
        return self.string()

    def text(self) -> str:
        """An astring in UTF-8, NUL-free. Raises Invalid for other octets."""
        return decoded(self.astring())

    def mailbox(self) -> str:
        """A mailbox name in Unicode, `/` between levels."""
        return self.name(self.astring())

    def name(self, raw: bytes) -> str:
        """The Unicode of a mailbox name's octets in this session's encoding. 8-bit octets in a
        modified UTF-7 session are read as UTF-8, as RFC 9051 appendix A.1 permits."""
        if self.utf8 or not raw.isascii():
            return decoded(raw)
        if b"&" not in raw:
            return decoded(raw)
        return utf7.decode(raw)

    # -- numbers of messages

    def sequence_set(self) -> SequenceSet:
        """A sequence-set, `$` included."""
        if self.take(b"$"):
            return SAVED
        text = self.match(SEQUENCE, "Sequence set")[0]
        ranges: list[tuple[int, int]] = []
        at, length = 0, len(text)
        while at < length:
            found = RANGE.match(text, at)
            if found is None:
                raise Invalid("The sequence set is malformed")
            first = 0 if found[1] == b"*" else int(found[1])
            last = first if found[2] is None else 0 if found[2] == b"*" else int(found[2])
            if first > MAX_UID or last > MAX_UID:
                raise Invalid("A message number is too large")
            ranges.append((first, last))
            at = found.end()
        if text.endswith(b","):
            raise Invalid("The sequence set is malformed")
        return SequenceSet(tuple(ranges))

    # -- flags and dates

    def flag(self) -> str:
        """A flag, as spelled."""
        return self.match(FLAG, "Flag")[0].decode("ascii")

    def flag_list(self) -> list[str]:
        """A parenthesized flag list, possibly empty."""
        self.expect(b"(")
        flags: list[str] = []
        while not self.take(b")"):
            if flags:
                self.space()
            flags.append(self.flag())
        return flags

    def date(self) -> date:
        """A date, quoted or not."""
        found = self.match(DATE, "Date")
        try:
            return date(int(found[3]), MONTHS[found[2].upper()], int(found[1]))
        except (KeyError, ValueError):
            raise Invalid("There is no such date") from None

    def date_time(self) -> int:
        """A date-time, as seconds since the epoch."""
        found = self.match(DATE_TIME, "Date and time")
        try:
            offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
            zone = timezone(-offset if found[7] == b"-" else offset)
            moment = datetime(
                int(found[3]),
                MONTHS[found[2].upper()],
                int(found[1]),
                int(found[4]),
                int(found[5]),
                min(int(found[6]), 59),
                tzinfo=zone,
            )
        except (KeyError, ValueError):
            raise Invalid("There is no such date") from None
        return int((moment - EPOCH).total_seconds())


def decoded(raw: bytes) -> str:
    """UTF-8 without NUL. Raises Invalid."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("The text is not UTF-8") from None
    if "\0" in text:
        raise Invalid("NUL is not permitted")
    return text


def _shown(token: bytes) -> str:
    return "Space" if token == b" " else token.decode("ascii")
