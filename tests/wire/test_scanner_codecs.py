"""clamd's and spamd's answers: whole, in any pieces, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import clamd, spamc

SPAM = (
    b"SPAMD/1.1 0 EX_OK\r\nContent-length: 29\r\nSpam: True ; 15.5 / 5.0\r\n\r\n"
    b"GTUBE,NO_RECEIVED,NO_RELAYS\r\n"
)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (b"stream: OK", clamd.Verdict()),
        (b"stream: Eicar-Test-Signature FOUND", clamd.Verdict("Eicar-Test-Signature")),
        (b"stream: A FOUND in it FOUND", clamd.Verdict("A FOUND in it")),
        (
            b"stream: Can't allocate memory ERROR",
            clamd.Verdict("", "stream: Can't allocate memory"),
        ),
        (
            b"INSTREAM size limit exceeded. ERROR",
            clamd.Verdict("", "INSTREAM size limit exceeded."),
        ),
    ],
)
def test_clamd_answers(line: bytes, verdict: clamd.Verdict) -> None:
    for at in range(len(line) + 1):
        reading = clamd.Reading()
        assert reading.feed(line[:at]) is None
        assert reading.feed(line[at:] + b"\0more") == verdict
    assert verdict.too_large == (b"limit" in line)


@pytest.mark.parametrize("line", [b"", b"OK", b"UNKNOWN COMMAND", b"stream: ", b"stream OK"])
def test_what_clamd_never_says(line: bytes) -> None:
    with pytest.raises(Invalid):
        clamd.verdict(line)
    with pytest.raises(Invalid):
        clamd.Reading().feed(bytes(5000))


def test_an_answer_of_clamd_is_bounded() -> None:
    with pytest.raises(Invalid):
        clamd.Reading().feed(b"x" * 5000)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=200)))
def test_a_message_reaches_clamd_in_chunks_that_add_up(pieces: list[bytes]) -> None:
    wire = b"".join(clamd.question(pieces))
    assert wire.startswith(b"zINSTREAM\0")
    at, found = len(b"zINSTREAM\0"), b""
    while size := int.from_bytes(wire[at : at + 4], "big"):
        found += wire[at + 4 : at + 4 + size]
        at += 4 + size
    assert at + 4 == len(wire)
    assert found == b"".join(pieces)


def test_no_chunk_is_longer_than_it_may_be() -> None:
    sizes = [len(piece) for piece in clamd.question([bytes(clamd.CHUNK * 2 + 1)])]
    assert max(sizes) == clamd.CHUNK
    assert sizes[-2:] == [1, 4]


@pytest.mark.parametrize("at", range(0, len(SPAM), 3))
def test_spamd_answers_in_any_pieces(at: int) -> None:
    reading = spamc.Reading()
    first = reading.feed(SPAM[:at]) if at else None
    assert first is None
    assert reading.feed(SPAM[at:]) == spamc.Verdict(
        True, 15.5, 5.0, ("GTUBE", "NO_RECEIVED", "NO_RELAYS")
    )


def test_spamd_without_a_length_ends_with_the_connection() -> None:
    reading = spamc.Reading()
    assert reading.feed(b"SPAMD/1.1 0 EX_OK\r\nSpam: False ; -1.2 / 5.0\r\n\r\nALL") is None
    assert reading.feed(b"_TRUSTED") is None
    assert reading.feed(b"") == spamc.Verdict(False, -1.2, 5.0, ("ALL_TRUSTED",))


def test_spamd_says_why_it_cannot() -> None:
    said = b"SPAMD/1.0 76 Bad header line: (Content-Length mismatch)\r\n\r\n"
    reading = spamc.Reading()
    assert reading.feed(said) is None
    verdict = reading.feed(b"")
    assert verdict is not None
    assert verdict.error.startswith("Bad header line")


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nContent-length: x\r\nSpam: True ; 1 / 5\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nContent-length: 20\r\nSpam: True ; 1 / 5\r\n\r\nSHORT",
        b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1.2.3 / 5\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / 5\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK",
        b"",
    ],
)
def test_what_spamd_never_says(said: bytes) -> None:
    with pytest.raises(Invalid):
        _all_of(said)


def _all_of(said: bytes) -> None:
    reading = spamc.Reading()
    assert not said or reading.feed(said) is None
    reading.feed(b"")


def test_an_answer_of_spamd_is_bounded() -> None:
    with pytest.raises(Invalid):
        spamc.Reading().feed(bytes(spamc.ANSWER + 1))


def test_the_question_to_spamd() -> None:
    assert spamc.question(7) == b"SYMBOLS SPAMC/1.5\r\nContent-length: 7\r\n\r\n"
    assert b"\r\nUser: joe\r\n" in spamc.question(7, "joe")
    with pytest.raises(Invalid):
        spamc.question(7, "joe\r\nCompress: zlib")


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=400))
def test_nonsense_is_refused_or_waited_for(data: bytes) -> None:
    for reading in (spamc.Reading(), clamd.Reading()):
        try:
            reading.feed(data)
        except Invalid:
            continue
