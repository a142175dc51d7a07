"""SASLprep (RFC 4013): one form for names and passwords that people type differently.

The tables are those of the standard library's `stringprep`; this is only their order.
"""

from __future__ import annotations

import stringprep
import unicodedata

from mailhub.model.errors import Invalid

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """The prepared form of a "query" string (unassigned code points pass). Raises Invalid."""
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(mark) else mark
        for mark in text
        if not stringprep.in_table_b1(mark)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(prohibited(mark) for mark in prepared for prohibited in _PROHIBITED):
        raise Invalid("The text holds characters that SASLprep prohibits")
    _check_direction(prepared)
    return prepared


def _check_direction(text: str) -> None:
    """RFC 3454 section 6: text with right-to-left letters holds no others and stands between."""
    if not any(stringprep.in_table_d1(mark) for mark in text):
        return
    if any(stringprep.in_table_d2(mark) for mark in text) or not (
        stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    ):
        raise Invalid("The text mixes writing directions")
