"""Any mix of answers, in each way of sending: every recipient gets what was said of it, and only a
message that was taken counts as delivered."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.smtp.sender.peers import SENT, offering, world

TAKEN = "250 2.0.0 ok"
MAIL = st.sampled_from([TAKEN, TAKEN, TAKEN, "550 5.7.1 not you", "451 4.3.0 later"])
RCPT = st.sampled_from([TAKEN, TAKEN, "550 5.1.1 no", "451 4.7.1 later", "452 4.5.3 too many"])
DATA = st.sampled_from(["354 go", "354 go", "354 go", "451 4.3.0 disk", "554 5.5.1 no"])
DOT = st.sampled_from([TAKEN, TAKEN, "451 4.3.0 later", "554 5.6.0 spam"])


@dataclass
class Talk:
    """The lines of a server, and what its answers come to."""

    pipelining: bool
    chunking: bool
    script: str = ""
    fates: dict[str, str] = field(default_factory=dict)

    def transaction(self, mail: str, rcpts: dict[str, str], data: str, dot: str) -> list[str]:
        """Writes one down; who is for the next."""
        says = ["C: MAIL FROM:<from@me.test>"]
        answers = [mail]
        says += [f"C: RCPT TO:<{name}@mx.test>" for name in rcpts]
        refused = mail[0] != "2"
        answers += ["503 5.5.1 no" if refused else reply for reply in rcpts.values()]
        accepted, again = self._envelope(mail, rcpts)
        if self.pipelining:
            self._at_once(says, answers, accepted, refused, data, dot)
        else:
            self._one_by_one(says, answers, accepted, refused, data, dot)
        final = dot if self.chunking or data[0] == "3" else data
        self.fates |= dict.fromkeys(accepted, final)
        return again

    def _envelope(self, mail: str, rcpts: dict[str, str]) -> tuple[list[str], list[str]]:
        accepted: list[str] = []
        again: list[str] = []
        for name, reply in rcpts.items():
            if mail[0] != "2":
                self.fates[name] = mail
            elif reply[0] == "2":
                accepted.append(name)
            elif reply.startswith("452") and accepted:
                again.append(name)
            else:
                self.fates[name] = reply
        return accepted, again

    def _at_once(
        self,
        says: list[str],
        answers: list[str],
        accepted: list[str],
        refused: bool,
        data: str,
        dot: str,
    ) -> None:
        if self.chunking:
            # The message leaves with its envelope.
            last = dot if accepted else "503 5.5.1 no"
            self._lines(*says, "C: BDAT 21 LAST", SENT, *_said(*answers, last))
            if last[0] != "2" and not refused:
                self._reset()
            return
        data = data if accepted else "503 5.5.1 no"
        self._lines(*says, "C: DATA", *_said(*answers, data))
        if data[0] == "3":
            self._lines(SENT, "C: .", *_said(dot))
        elif not refused:
            self._reset()

    def _one_by_one(
        self,
        says: list[str],
        answers: list[str],
        accepted: list[str],
        refused: bool,
        data: str,
        dot: str,
    ) -> None:
        if refused:
            self._lines(says[0], *_said(answers[0]))
            return
        for line, reply in zip(says, answers, strict=True):
            self._lines(line, *_said(reply))
        if not accepted:
            self._reset()
        elif self.chunking:
            self._lines("C: BDAT 21 LAST", SENT, *_said(dot))
            if dot[0] != "2":
                self._reset()
        else:
            self._lines("C: DATA", *_said(data))
            if data[0] == "3":
                self._lines(SENT, "C: .", *_said(dot))
            else:
                self._reset()

    def _reset(self) -> None:
        self._lines("C: RSET", *_said(TAKEN))

    def _lines(self, *lines: str) -> None:
        self.script += "".join(f"{line.strip()}\n" for line in lines)


def _said(*replies: str) -> list[str]:
    return [f"S: {reply}" for reply in replies]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    pipelining=st.booleans(),
    chunking=st.booleans(),
    mail=MAIL,
    replies=st.lists(RCPT, min_size=1, max_size=5),
    data=DATA,
    dot=DOT,
)
def test_every_recipient_gets_what_was_said_of_it(
    pipelining: bool, chunking: bool, mail: str, replies: list[str], data: str, dot: str
) -> None:
    talk = Talk(pipelining, chunking)
    rcpts = {f"r{number}": reply for number, reply in enumerate(replies)}
    again = talk.transaction(mail, rcpts, data, dot)
    if again:
        talk.transaction(TAKEN, dict.fromkeys(again, TAKEN), "354 go", TAKEN)
    words = [word for word, on in (("PIPELINING", pipelining), ("CHUNKING", chunking)) if on]
    sent = world(offering(*words) + talk.script).send(*(f"{name}@mx.test" for name in rcpts))
    said = [f"{answer.code} {answer.text}" for answer in sent.answers]
    assert said == [talk.fates[name] for name in rcpts]
    assert not any(answer.unknown for answer in sent.answers)
