"""A blocking connection to the control socket, or to a process that opens the store for us.

One process owns a store. When a server runs it is asked; else `mailhub.alone` is started with one
end of a socket pair, owns the store as long as the command runs, and ends with it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mailhub.net.folder import CONTROL

PATIENCE = 60.0
"""Seconds to wait for another command that has the store at the moment."""
PAUSE = 0.2


class Refused(Exception):
    """What was asked could not be done; the text is for the person who asked. `kind`: which kind
    of core it was, `field`: the argument at fault."""

    def __init__(self, text: str, kind: str = "", field: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.field = field


class Client:
    """Acts over one connection. `alone`: the process that serves it, where it is not a server."""

    def __init__(
        self, channel: socket.socket, alone: subprocess.Popen[bytes] | None = None
    ) -> None:
        self._channel = channel
        self._alone = alone
        self._input = channel.makefile("rb", buffering=1 << 16)

    @property
    def alone(self) -> bool:
        """Whether a process of our own serves it, which has this one connection."""
        return self._alone is not None

    def ask(self, act: str, data: bytes | None = None, **arguments: Any) -> Any:
        """One act and its result. Raises Refused."""
        self.send(act, data, **arguments)
        return self.result()

    def send(self, act: str, data: bytes | None = None, **arguments: Any) -> None:
        """Asks without waiting; each `send` needs its `result`, in order."""
        request: dict[str, Any] = {"act": act, **arguments}
        if data is not None:
            request["bytes"] = len(data)
        try:
            self._channel.sendall(json.dumps(request).encode("ascii") + b"\n" + (data or b""))
        except OSError as error:
            raise Refused(f"the server went away ({error.strerror})") from None

    def pour(self, act: str, size: int, pieces: Iterable[bytes], **arguments: Any) -> None:
        """As `send`, with `size` bytes that come in pieces."""
        request = {"act": act, **arguments, "bytes": size}
        try:
            self._channel.sendall(json.dumps(request).encode("ascii") + b"\n")
            for piece in pieces:
                self._channel.sendall(piece)
        except OSError as error:
            raise Refused(f"the server went away ({error.strerror})") from None

    def result(self) -> Any:
        """The next act's end. Raises Refused."""
        answer = self._line()
        if "error" in answer:
            raise _refusal(answer)
        return answer.get("done")

    def items(self, act: str, **arguments: Any) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """An act's items with their bytes, as they come. Raises Refused."""
        self.send(act, None, **arguments)
        while True:
            answer = self._line()
            if "error" in answer:
                raise _refusal(answer)
            if "item" not in answer:
                return
            size = answer.get("bytes", 0)
            data = self._input.read(size) if size else b""
            if len(data) < size:
                raise Refused("the server went away")
            yield answer["item"], data

    def close(self) -> None:
        """Ends the connection, and the process that served it alone."""
        self._input.close()
        self._channel.close()
        if self._alone is not None:
            self._alone.wait()

    def _line(self) -> Mapping[str, Any]:
        try:
            text = self._input.readline()
        except OSError as error:
            raise Refused(f"the server went away ({error.strerror})") from None
        if not text.endswith(b"\n"):
            raise Refused("the server went away")
        answer = json.loads(text)
        return answer if isinstance(answer, dict) else {}


def _refusal(answer: Mapping[str, Any]) -> Refused:
    return Refused(str(answer.get("text")), str(answer["error"]), str(answer.get("field", "")))


def connect(data: Path, config: Path | None) -> Client:
    """Reaches the owner of `data`, whoever that is, or becomes it. Raises Refused."""
    until = time.monotonic() + PATIENCE
    while True:
        client = _running(data) or _alone(data, config)
        try:
            client.ask("ping")
        except Refused as error:
            client.close()
            if error.kind != "Busy" or time.monotonic() > until:
                raise
            time.sleep(PAUSE)
        else:
            return client


def _running(data: Path) -> Client | None:
    """A connection to the server that runs on `data`, None where none does."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path = data / CONTROL
    try:
        # A path longer than sockaddr_un takes is reached through its folder's descriptor.
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            channel.connect(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
    except PermissionError:
        channel.close()
        raise Refused(f"{path}: only the server's own user may administer it") from None
    except OSError:
        channel.close()
        return None
    return Client(channel)


def _alone(data: Path, config: Path | None) -> Client:
    """A connection to a process of our own that opens the store."""
    ours, theirs = socket.socketpair()
    with theirs:
        words = [sys.executable, "-m", "mailhub.alone", str(theirs.fileno()), str(data)]
        if config is not None:
            words.append(str(config))
        process = subprocess.Popen(words, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603
    return Client(ours, process)
