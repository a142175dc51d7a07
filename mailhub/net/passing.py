"""Streams whose client can be handed through to another server, octet by octet.

From then on the machine and the talk are out of it: what the client says goes there, what is said
there goes to the client, each held back while the other side does not keep up. Knows no grammar:
where the other server's answers end, and how goodbye is said, is the face's.
"""

from __future__ import annotations

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from mailhub.net.stream import Stream
from mailhub.ports.passage import Crossing

BUSY = 5.0
"""Seconds that an answer may take."""


class PassingStream(Stream):
    """`Stream`, and `ports.passage.Receiver`."""

    _crossing: Crossing | None = None

    def pass_to(self, crossing: Crossing, rest: bytes) -> None:
        """The session is the other server's from here on. `rest`: what the client said already
        behind its login."""
        if self.closing:
            crossing.close()
            return
        self._crossing = crossing
        if self._input_paused:
            self._input_paused = False
            self.transport.resumeProducing()  # type: ignore[union-attr]
        crossing.join(self)
        if rest:
            crossing.send(rest)
        if self._output_paused:
            crossing.pause()

    @property
    def is_passing(self) -> bool:
        """Whether the session is another server's."""
        return self._crossing is not None

    @property
    def is_busy(self) -> bool:
        """Whether the client said something just now, which the other server may yet answer."""
        return self._reactor.seconds() - self._last_activity < BUSY

    # -- hooks

    def followed(self, data: bytes) -> None:
        """Hears what the other server says; subclasses note where its answers end."""

    @property
    def between(self) -> bool:
        """Whether the other server is between two answers, so that a word of ours fits in."""
        return True

    def deserted(self) -> None:
        """The other server hung up; subclasses write a goodbye."""

    # -- the client's side

    def dataReceived(self, data: bytes) -> None:
        crossing = self._crossing
        if crossing is None:
            super().dataReceived(data)
        elif not self.closing:
            self._last_activity = self._reactor.seconds()
            crossing.send(data)

    def write(self, data: bytes) -> None:
        """What this server says itself: in such a session goodbye alone, where it fits in."""
        if self._crossing is None or self.between:
            super().write(data)

    def pauseProducing(self) -> None:
        super().pauseProducing()
        if self._crossing is not None:
            self._crossing.pause()

    def resumeProducing(self) -> None:
        super().resumeProducing()
        if self._crossing is not None:
            self._crossing.resume()

    def close(self) -> None:
        super().close()
        if self._crossing is not None:
            self._crossing.close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._crossing is not None:
            self._crossing.close()
        super().connectionLost(reason)

    # -- the other server's side

    def passed(self, data: bytes) -> None:
        """See `ports.passage.Receiver`."""
        if not self.closing:
            self.followed(data)
            super().write(data)
            self.flush()

    def parted(self) -> None:
        """See `ports.passage.Receiver`."""
        self.deserted()
        self.close()

    def hold_back(self) -> None:
        """See `ports.passage.Receiver`."""
        if not self.closing:
            self.transport.pauseProducing()  # type: ignore[union-attr]

    def go_on(self) -> None:
        """See `ports.passage.Receiver`."""
        if not self.closing:
            self.transport.resumeProducing()  # type: ignore[union-attr]
