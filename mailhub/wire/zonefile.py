"""Resource records as lines of a zone file (RFC 1035 section 5), to be copied into a DNS."""

from __future__ import annotations

import re

STRING = 255
"""Octets of one character-string (RFC 1035 3.3)."""
_ESCAPED = re.compile(r'["\\]')
_OTHER = re.compile(r"[^ -~]")


def line(name: str, kind: str, data: str) -> str:
    """One record with its absolute name. `data`: presentation form; of a TXT its whole text."""
    return f"{name}. IN {kind} {text(data) if kind == 'TXT' else data}"


def text(data: str) -> str:
    """A TXT record's text as quoted strings; several in parentheses, which readers join."""
    pieces = strings(data)
    return f"( {pieces} )" if len(data.encode()) > STRING else pieces


def strings(data: str) -> str:
    """A TXT record's text as quoted strings of 255 octets at most, one behind the other."""
    raw = data.encode()
    return " ".join(_quoted(raw[at : at + STRING]) for at in range(0, len(raw), STRING)) or '""'


def _quoted(piece: bytes) -> str:
    plain = _ESCAPED.sub(r"\\\g<0>", piece.decode("latin-1"))
    return '"' + _OTHER.sub(lambda found: f"\\{ord(found[0]):03}", plain) + '"'
