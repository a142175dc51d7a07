"""The same fault at every step: servers that close, vanish, babble or never end, and what they say
is one answer, whatever is in it."""

from __future__ import annotations

import pytest

from mailhub.model.outbound import Answer, Stage
from mailhub.model.settings import SenderSettings
from mailhub.smtp.sender.grammar import LINE_LIMIT, REPLY_LIMIT
from tests.smtp.sender.peers import SENT, Net, World, hop, world

STEPS: list[tuple[Stage, str, str]] = [
    (Stage.GREETING, "", "S: 220 mx.test ESMTP"),
    (Stage.HELLO, "C: EHLO me.test", "S: 250 mx.test"),
    (Stage.MAIL, "C: MAIL FROM:<from@me.test>", "S: 250 2.1.0 ok"),
    (Stage.RCPT, "C: RCPT TO:<a@mx.test>", "S: 250 2.1.5 ok"),
    (Stage.RCPT, "C: RCPT TO:<b@mx.test>", "S: 250 2.1.5 ok"),
    (Stage.DATA, "C: DATA", "S: 354 go on"),
    (Stage.DOT, SENT + "C: .", "S: 250 2.0.0 queued"),
]
"""Stage, what the client says, what it is answered."""
WHOLE = "\n".join(f"{said}\n{reply}" for _, said, reply in STEPS)


def until(step: int, fault: str) -> str:
    """A session that goes well up to this step."""
    before = "\n".join(f"{said}\n{reply}" for _, said, reply in STEPS[:step])
    return f"{before}\n{STEPS[step][1]}\n{fault}"


def answers(script: str) -> tuple[Answer, Answer]:
    """What two recipients get, alone with this server."""
    first, second = world(script).send("a@mx.test", "b@mx.test").answers
    return first, second


TIMEOUTS = (
    "greeting_timeout",
    "hello_timeout",
    "mail_timeout",
    "rcpt_timeout",
    "data_timeout",
    "dot_timeout",
)
steps = pytest.mark.parametrize("step", range(len(STEPS)), ids=[step[1][:6] for step in STEPS])


@steps
def test_421_at_any_step_is_the_answer_of_all_and_the_end(step: int) -> None:
    here = world(until(step, "S: 421-4.3.2 out of\nS: 421 4.3.2 service"))
    sent = here.send("a@mx.test", "b@mx.test")
    for answer in sent.answers:
        assert (answer.code, answer.status) == (421, "4.3.2")
        assert answer.text == "4.3.2 out of\n4.3.2 service"
        assert answer.stage is STEPS[step][0]
        assert not answer.unknown
        assert not answer.permanent
    assert here.net.servers[0].closed_by_client


@steps
def test_a_connection_that_is_lost_leaves_open_only_what_is_behind_the_dot(step: int) -> None:
    stage = STEPS[step][0]
    for answer in answers(until(step, "LOST")):
        assert (answer.code, answer.status, answer.stage) == (0, "4.4.2", stage)
        assert answer.unknown is (stage is Stage.DOT)


@steps
@pytest.mark.parametrize("fault", ["LOST", "S: 421 4.3.2 busy", "S: what?", "SILENCE"])
def test_another_server_is_tried_where_nobody_was_asked_for_anybody(step: int, fault: str) -> None:
    """Up to MAIL's answer; later, some recipients may have been refused for good."""
    early = STEPS[step][0] in (Stage.GREETING, Stage.HELLO, Stage.MAIL)
    net = Net(a=[until(step, fault)], b=[WHOLE + "\n*"] if early else [])
    here = World(net, **dict.fromkeys(TIMEOUTS, 30))
    sent = here.send("a@mx.test", "b@mx.test", hops=[hop("a"), hop("b")])
    assert all(answer.delivered is early for answer in sent.answers)


BABBLE = [
    "S: what?",
    "S: 99 too small",
    "S: 600 too large",
    "S: 25O ok",
    "S: 250_ok",
    "RAW: \\x00\\x00\\x00\\n",
    "RAW: \\xff\\xfe250 ok\\r\\n",
    "S: 250-one\nS: 550 other",
    "S: 250-one\nS: no code",
    "S:  250 ok",
    "RAW: \\r\\n",
    "RAW: 250-" + "x" * (LINE_LIMIT + 1),
    "RAW: " + "9" * (LINE_LIMIT + 2),
]


@steps
@pytest.mark.parametrize("fault", BABBLE)
def test_what_is_no_reply_ends_the_session_for_now(step: int, fault: str) -> None:
    here = world(until(step, fault))
    for answer in here.send("a@mx.test", "b@mx.test").answers:
        assert (answer.code, answer.status, answer.stage) == (0, "4.5.0", STEPS[step][0])
        assert len(answer.text) < 500
        assert answer.text.isprintable()
    assert here.net.servers[0].closed_by_client == "aborted"


@steps
def test_a_reply_without_an_end(step: int) -> None:
    line = "S: 250-" + "x" * 1000 + "\n"
    for answer in answers(until(step, line * (REPLY_LIMIT // 1000 + 1))):
        assert (answer.code, answer.status) == (0, "4.5.0")
        assert answer.text == "a reply that is too long"


HOSTILE = "5.1.1 no\\rS: 250 yes\\r\\x00\\x1b[31m\\x85 \\xe2\\x80\\xa8 \\xff"


@pytest.mark.parametrize("step", range(2, len(STEPS)))
def test_whatever_a_text_has_in_it_is_one_answer_and_moves_no_other(step: int) -> None:
    stage, *_ = STEPS[step]
    refusal = f"RAW: 550-{HOSTILE}\\r\\n550 5.1.1 .\\r\\n\n"
    if stage is Stage.RCPT:
        # The other recipient is taken, and keeps its own answer.
        rest = STEPS[step + 1 :]
        script = until(step, refusal) + "\n".join(f"{said}\n{reply}" for _, said, reply in rest)
    elif stage is Stage.DATA:
        script = until(step, refusal) + "C: RSET\nS: 250 ok\n"
    else:
        script = until(step, refusal)
    got = answers(script)
    refused = [one for one in got if one.code == 550]
    assert len(refused) == (1 if stage is Stage.RCPT else 2)
    for answer in refused:
        assert (answer.status, answer.stage) == ("5.1.1", stage)
        first, last = answer.text.split("\n")
        assert first.startswith("5.1.1 no\rS: 250 yes\r\x00\x1b[31m")
        assert first.endswith("\u2028 \\xff")
        assert last == "5.1.1 ."
    assert [one.code for one in got if one.code != 550] == [250] * (2 - len(refused))


@pytest.mark.parametrize(
    "word", ["250 ok", "250", "250 ", "250  two", "250 2.0.0", "250-\nS: 250 x"]
)
def test_replies_as_servers_write_them(word: str) -> None:
    script = until(len(STEPS) - 1, f"S: {word}")
    assert all(answer.delivered for answer in answers(script))


# -- times


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("greeting_timeout", 300),
        ("mail_timeout", 300),
        ("rcpt_timeout", 300),
        ("data_timeout", 120),
        ("block_timeout", 180),
        ("dot_timeout", 600),
    ],
)
def test_times_are_those_of_rfc_5321(name: str, least: int) -> None:
    assert getattr(SenderSettings(), name) >= least
