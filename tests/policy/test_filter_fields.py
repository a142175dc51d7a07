"""Header fields that filters ask for stay one field each, whatever is in them."""

from __future__ import annotations

import json
import re
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.policy.milter import _changes, _fields
from mailhub.wire import milter, rspamd
from mailhub.wire.header import edited, written_fields
from mailhub.wire.milter import Answer, Kind

FIELD = re.compile(rb"[!-9;-~]+:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
NASTY = st.text("ab: \t\r\n\0\x7f\xe4\u2028", max_size=30)
HEADER = b"A: 1\r\nSubject: x\r\n\r\n"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([b"h", b"i", b"m"]), NASTY), max_size=4))
def test_of_milters(said: list[tuple[bytes, str]]) -> None:
    answers: list[Answer] = []
    for letter, text in said:
        value = text.encode().replace(b"\0", b"")
        index = b"" if letter == b"h" else struct.pack("!I", 1)
        answers.append(milter.answer(letter, index + b"X-A\0" + value + b"\0"))
    fields = _fields(answers)
    assert b"".join(FIELD.findall(fields)) == fields
    added = [one for one in answers if one.kind is not Kind.CHANGE_HEADER]
    assert len(FIELD.findall(fields)) == len(added)
    after = edited(HEADER, _changes(answers))
    assert after.startswith(HEADER[:-2])
    assert after.endswith(b"\r\n\r\n")
    names = [name for name, _ in written_fields(after)]
    assert names in ([b"A", b"Subject"], [b"A", b"Subject", b"X-A"])


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(NASTY, st.one_of(NASTY, st.lists(NASTY, max_size=2), st.integers())))
def test_of_rspamd(added: dict[str, object]) -> None:
    said = {"action": "reject", "score": 1, "required_score": 2, "milter": {"add_headers": added}}
    for field in rspamd.verdict(json.dumps(said).encode()).fields:
        assert FIELD.fullmatch(field)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=50, deadline=None)
@given(
    st.fixed_dictionaries(
        {"action": st.just("reject"), "score": JSON, "required_score": st.just(1)},
        optional={"symbols": JSON, "messages": JSON, "milter": JSON},
    )
)
def test_any_shape_is_read_or_refused(said: dict[str, object]) -> None:
    try:
        rspamd.verdict(json.dumps(said).encode())
    except Invalid:
        return
