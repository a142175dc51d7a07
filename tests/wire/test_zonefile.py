from __future__ import annotations

import dns.rdata
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import zonefile


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("v=spf1 -all", '"v=spf1 -all"'),
        ("", '""'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("ü", '"\\195\\188"'),
        ("a\r\n$INCLUDE x", '"a\\013\\010$INCLUDE x"'),
        ("x" * 255, f'"{"x" * 255}"'),
        ("x" * 256, f'( "{"x" * 255}" "x" )'),
    ],
)
def test_text(text: str, shown: str) -> None:
    assert zonefile.text(text) == shown


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=600))
def test_dnspython_reads_the_same_text(text: str) -> None:
    shown = zonefile.text(text).replace("( ", "").replace(" )", "") if len(text) > 255 else None
    found = dns.rdata.from_text("IN", "TXT", shown or zonefile.text(text).strip("() "))
    assert b"".join(found.strings) == text.encode()
