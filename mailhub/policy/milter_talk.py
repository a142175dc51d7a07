"""One connection to a filter that speaks the milter protocol, and what the filter heard on it.

Whatever stage is told, the filter is told first what went before and it has not heard. What its
answers lead to is `policy.milter`'s; what is offered to it is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mailhub.model.errors import Invalid, Unavailable
from mailhub.policy.step import Content, Facts, Stage
from mailhub.ports import Dial, Dialogue
from mailhub.wire import milter
from mailhub.wire.header import written_fields
from mailhub.wire.milter import Answer, Does, Kind, Terms, Wish
from mailhub.wire.networks import plain

DOES = Does.ADD_HEADERS | Does.CHANGE_HEADERS | Does.QUARANTINE
WISHES = Wish(0x1FFFFF) & ~Wish.REFUSED_RCPT
"""All but to hear of recipients that were refused here."""
CONTINUE = Answer(Kind.CONTINUE)
FINAL = frozenset({Kind.ACCEPT, Kind.REJECT, Kind.DEFER, Kind.DISCARD, Kind.REPLY})
EDITS = frozenset({Kind.ADD_HEADER, Kind.INSERT_HEADER, Kind.CHANGE_HEADER, Kind.QUARANTINE})
MOST_EDITS = 1000
"""Changes of one message by one filter."""


@dataclass(slots=True)
class Told:
    """What the filter has heard of the client, and of the message that is under way. `session`,
    `message`: it decided, and wants to hear no more of it."""

    address: str | None = None
    hello: str = ""
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    session: bool = False
    message: bool = False


class Conversation:
    """`policy.step.Kept`: a connection to the filter, and what it heard on it."""

    def __init__(self, dial: Dial, timeout: float, hostname: str) -> None:
        self._dial = dial
        self._timeout = timeout
        self._hostname = hostname
        self.dialogue: Dialogue | None = None
        self.edits: list[Answer] = []
        self._packets = milter.Packets()
        self._terms = Terms(0, Does(0), Wish(0))
        self._told = Told()

    def close(self) -> None:
        """The filter is left; the next word needs a new connection."""
        dialogue, self.dialogue = self.dialogue, None
        if dialogue is not None:
            dialogue.close(milter.packet(b"Q"))
        self._packets = milter.Packets()
        self._told = Told()
        self.edits = []

    async def tell(self, stage: Stage, facts: Facts) -> Answer:
        """Tells what is new at this stage, and returns the last answer: CONTINUE, or one that
        decides. Raises Unavailable, Invalid."""
        if stage is Stage.SENDER:
            await self._abort()
        if self._told.address not in (None, facts.peer.address):
            self.close()  # a proxy told whom it speaks for
        told = self._told
        if told.session or told.message:
            return CONTINUE
        if self.dialogue is None:
            await self._open()
        assert self.dialogue is not None
        try:
            return await self._tell(stage, facts)
        finally:
            if self.dialogue is not None:
                self.dialogue.expire_in(None)

    async def _open(self) -> None:
        self.dialogue = await self._dial.open(self._timeout)
        await self.dialogue.send(milter.offer(DOES, WISHES))
        letter, payload = await self._packet()
        if letter != Kind.NEGOTIATE.value:
            raise Invalid("The filter does not negotiate")
        self._terms = milter.terms(payload, DOES, WISHES)

    async def _abort(self) -> None:
        """A new message begins: the one before it is over, or never came."""
        told = self._told
        if self.dialogue is not None and told.sender is not None:
            await self.dialogue.send(milter.packet(b"A"))
        told.sender, told.recipients, told.message = None, [], False
        self.edits = []

    async def _tell(self, stage: Stage, facts: Facts) -> Answer:
        """Everything up to `stage`, in order; stops at an answer that decides."""
        told = self._told
        if told.address is None:
            told.address = facts.peer.address
            said = await self._say(b"C", _connect_macros(self._hostname, facts), _connect(facts))
            if said.kind in FINAL:
                told.session = True
                return said
        if facts.helo and facts.helo != told.hello:
            told.hello = facts.helo
            said = await self._say(b"H", _tls_macros(facts), milter.words(b"H", facts.helo))
            if said.kind in FINAL:
                told.session = said.kind is Kind.ACCEPT
                return said
        if facts.sender is not None and told.sender is None:
            said = await self._mail(facts, facts.sender)
            if said.kind in FINAL:
                return said
        for recipient in facts.recipients:
            if recipient not in told.recipients:
                said = await self._recipient(recipient)
                if said.kind in FINAL:
                    return said
        if stage is Stage.BODY and facts.content is not None:
            return await self._message(facts, facts.content)
        return CONTINUE

    async def _mail(self, facts: Facts, sender: str) -> Answer:
        parameters = (f"SIZE={facts.size}",) if facts.size else ()
        word = milter.words(b"M", f"<{sender}>", *parameters)
        said = await self._say(b"M", _mail_macros(facts, sender), word)
        if said.kind in FINAL:
            self._told.message = said.kind in (Kind.ACCEPT, Kind.DISCARD)
        if said.kind not in FINAL or self._told.message:
            self._told.sender = sender
        return said

    async def _recipient(self, recipient: str) -> Answer:
        macros = (("{rcpt_addr}", recipient),)
        said = await self._say(b"R", macros, milter.words(b"R", f"<{recipient}>"))
        if said.kind in (Kind.ACCEPT, Kind.DISCARD):
            self._told.message = True
        if said.kind not in FINAL:
            self._told.recipients.append(recipient)
        return said

    async def _message(self, facts: Facts, content: Content) -> Answer:
        identity = (("i", facts.transaction),)
        said = CONTINUE
        if self._terms.version >= 4:
            said = await self._say(b"T", identity, milter.packet(b"T"))
        if said.kind not in FINAL:
            said = await self._content(content)
        if said.kind not in FINAL:
            said = await self._end(identity)
        # Whatever it was, the filter's side of this message is over; the next begins with MAIL.
        self._told.sender, self._told.recipients = None, []
        self._told.message = True
        return said

    async def _content(self, content: Content) -> Answer:
        spaced = Wish.LEADING_SPACE in self._terms.wishes
        if Wish.NO_HEADERS not in self._terms.wishes:
            for name, value in written_fields(content.header):
                packet = milter.field(name, value, leading_space=spaced)
                said = await self._say(b"L", (), packet)
                if said.kind in FINAL:
                    return said
        said = await self._say(b"N", (), milter.packet(b"N"))
        if said.kind in FINAL or Wish.NO_BODY in self._terms.wishes:
            return said
        for start in range(0, len(content.body), milter.CHUNK):
            chunk = bytes(content.body[start : start + milter.CHUNK])
            said = await self._say(b"B", (), milter.packet(b"B", chunk))
            if said.kind is Kind.SKIP:
                break
            if said.kind in FINAL:
                return said
        return CONTINUE

    async def _end(self, macros: Iterable[tuple[str, str]]) -> Answer:
        """The end of the message: changes may come before the answer."""
        await self._send(milter.macros(b"E", macros) + milter.packet(b"E"))
        while True:
            said = await self._answer()
            if said.kind in FINAL or said.kind is Kind.CONTINUE:
                return said
            if said.kind not in EDITS or len(self.edits) >= MOST_EDITS:
                raise Invalid(f"The filter answers {said.kind.name} at the end of a message")
            self.edits.append(said)

    # -- one packet and its answer

    async def _say(self, letter: bytes, macros: Iterable[tuple[str, str]], packet: bytes) -> Answer:
        unwanted, silent = _WISHES[letter]
        if unwanted in self._terms.wishes:
            return CONTINUE
        told = tuple(macros)
        await self._send((milter.macros(letter, told) if told else b"") + packet)
        if silent in self._terms.wishes:
            return CONTINUE
        said = await self._answer()
        skips = letter == b"B" and said.kind is Kind.SKIP
        if said.kind in FINAL or said.kind is Kind.CONTINUE or skips:
            return said
        raise Invalid(f"The filter answers {said.kind.name} to {letter.decode()}")

    async def _send(self, data: bytes) -> None:
        assert self.dialogue is not None
        self.dialogue.expire_in(self._timeout)
        if not await self.dialogue.send(data):
            raise Unavailable("The filter has closed its connection")

    async def _answer(self) -> Answer:
        while True:
            said = milter.answer(*await self._packet())
            if said.kind in (Kind.CONNECTION_FAILED, Kind.SHUT_DOWN):
                raise Unavailable("The filter is about to end")
            if said.kind is not Kind.PROGRESS:
                return said

    async def _packet(self) -> tuple[bytes, bytes]:
        assert self.dialogue is not None
        self.dialogue.expire_in(self._timeout)
        while (found := self._packets.next_packet()) is None:
            data = await self.dialogue.receive()
            if not data:
                raise Unavailable("The filter has closed its connection")
            self._packets.receive(data)
        return found


_WISHES: dict[bytes, tuple[Wish, Wish]] = {
    b"C": (Wish.NO_CONNECT, Wish.SILENT_CONNECT),
    b"H": (Wish.NO_HELO, Wish.SILENT_HELO),
    b"M": (Wish.NO_MAIL, Wish.SILENT_MAIL),
    b"R": (Wish.NO_RCPT, Wish.SILENT_RCPT),
    b"T": (Wish.NO_DATA, Wish.SILENT_DATA),
    b"L": (Wish.NO_HEADERS, Wish.SILENT_HEADER),
    b"N": (Wish.NO_END_OF_HEADER, Wish.SILENT_END_OF_HEADER),
    b"B": (Wish.NO_BODY, Wish.SILENT_BODY),
}
"""By packet: what a filter says that wants none of them, and what one says that answers none."""


def _connect(facts: Facts) -> bytes:
    address = plain(facts.peer.address)
    return milter.connect(_client(address), address, facts.peer.port)


def _client(address: str) -> str:
    """Its name; that is not looked up before the client was let in."""
    return "localhost" if address == "unix" else f"[{address}]"


def _connect_macros(hostname: str, facts: Facts) -> Iterator[tuple[str, str]]:
    address = plain(facts.peer.address)
    yield "j", hostname
    yield "v", "mailhub"
    yield "_", _client(address)
    yield "{daemon_name}", facts.service.value
    yield "{client_addr}", address
    yield "{client_name}", _client(address)
    yield "{client_port}", str(facts.peer.port)


def _tls_macros(facts: Facts) -> Iterator[tuple[str, str]]:
    tls = facts.peer.tls
    if tls is not None:
        yield "{tls_version}", tls.version
        yield "{cipher}", tls.cipher


def _mail_macros(facts: Facts, sender: str) -> Iterator[tuple[str, str]]:
    yield from _tls_macros(facts)
    yield "{mail_addr}", sender
    if facts.principal is not None:
        # Filters take a client for a user where they hear both.
        yield "{auth_type}", "SASL"
        yield "{auth_authen}", facts.principal.username
