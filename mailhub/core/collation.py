"""How text is compared: without regard to case, in every script, near i;unicode-casemap (RFC 5051).

Search and sort agree because both fold here; nothing else may lower or casefold what people wrote.
"""

from __future__ import annotations

from unicodedata import normalize


def fold(text: str) -> str:
    """`text` such that equal letters are equal: full case folding and compatibility
    decomposition, so that composed and decomposed spellings meet."""
    if text.isascii():
        return text.lower()
    return normalize("NFKD", normalize("NFKD", text).casefold())
