"""Keeps backups with restic: one process for each thing asked of it, one at a time.

What it is told and what its answers mean is `wire.restic`'s; which backups there should be, core's.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mailhub.model.backup import BackupTarget, Snapshot
from mailhub.model.errors import Unavailable
from mailhub.model.settings import BackupSettings
from mailhub.net.folder import write_octets, write_text
from mailhub.ports import Log
from mailhub.wire import restic
from mailhub.wire.restic import Place

OUTPUT = 64 << 20
"""Octets of an answer that are kept: a list of a hundred thousand backups."""
SAID = 4000
"""Octets of complaints that are kept."""


class Restic:
    """`ports.Repository`. `folder`: for keys, cache and the local repository. `host`: the name that
    backups are made under."""

    def __init__(
        self, settings: BackupSettings, folder: Path, host: str, reactor: Any, log: Log
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._host = host
        self._reactor = reactor
        self._log = log
        self._turn = DeferredLock()
        self._process: _Process | None = None

    def stop(self) -> None:
        """Ends what runs; what it began to keep is cleared away by a later backup."""
        if self._process is not None:
            self._process.end()

    # -- ports.Repository

    def check(self, target: BackupTarget) -> None:
        """See `ports.Repository`."""
        restic.place(target, str(self._folder))

    def shown(self, target: BackupTarget) -> str:
        """See `ports.Repository`."""
        return restic.place(target, str(self._folder)).shown

    def public_key(self, target: BackupTarget) -> str:
        """See `ports.Repository`."""
        if not restic.place(target, str(self._folder)).ssh:
            return ""
        return ssh_key(self._folder)

    async def save(self, target: BackupTarget, folder: str) -> Snapshot:
        """See `ports.Repository`."""
        path = Path(folder)
        where = self._place(target)
        command = restic.save(path.name, self._host)
        try:
            output = await self._into(where, command, path.parent)
        except _Failed as error:
            # What lacks files is no backup, and nobody shall take it for one.
            partial = restic.saved(error.output)
            if partial is not None:
                await self._run(where, restic.drop(partial.id))
            raise
        saved = restic.saved(output)
        if saved is None:
            raise Unavailable("The backup program did not say what it kept")
        return saved

    async def snapshots(self, target: BackupTarget) -> Sequence[Snapshot]:
        """See `ports.Repository`."""
        try:
            return await self._snapshots(self._place(target))
        except Unavailable as error:
            if restic.is_missing(error.text):
                return []
            raise

    async def forget(self, target: BackupTarget) -> None:
        """See `ports.Repository`."""
        await self._held(self._place(target), restic.forget(target.keep))

    async def verify(self, target: BackupTarget, *, whole: bool) -> None:
        """See `ports.Repository`."""
        more = ("--read-data",) if whole else ()
        await self._held(self._place(target), ("check", *more))

    # -- the program

    def _place(self, target: BackupTarget) -> Place:
        where = restic.place(target, str(self._folder))
        prepare(self._folder)
        if where.ssh:
            ssh_key(self._folder)
        return where

    async def _snapshots(self, where: Place) -> Sequence[Snapshot]:
        return restic.listed(await self._run(where, ("snapshots",)))

    async def _into(self, where: Place, command: Sequence[str], path: Path) -> bytes:
        """Into a repository that is made where there is none yet."""
        try:
            return await self._held(where, command, path)
        except Unavailable as error:
            if restic.NO_REPOSITORY not in error.text:
                raise
        await self._run(where, ("init",))
        return await self._run(where, command, path)

    async def _held(self, where: Place, command: Sequence[str], path: Path | None = None) -> bytes:
        """What needs the repository for itself. Who has it and died is put out: of this machine by
        its process, of others after half an hour; who works with it stays."""
        try:
            return await self._run(where, command, path)
        except Unavailable as error:
            if restic.LOCKED not in error.text:
                raise
        await self._run(where, ("unlock",))
        return await self._run(where, command, path)

    async def _run(self, where: Place, command: Sequence[str], path: Path | None = None) -> bytes:
        await self._turn.acquire()
        try:
            return await self._spawn(where, command, path)
        finally:
            self._turn.release()

    async def _spawn(self, where: Place, command: Sequence[str], path: Path | None) -> bytes:
        settings = self._settings
        program = which(settings.program)
        if program is None:
            raise Unavailable(f"There is no program {settings.program} to make backups with")
        nice = ["/usr/bin/nice", "-n", str(settings.niceness)]
        words = [*_bound(), *nice, program, *restic.words(where, *command, upload=settings.upload)]
        process = self._process = _Process()
        try:
            self._reactor.spawnProcess(
                process,
                words[0],
                [os.fsencode(word) for word in words],
                env=restic.environment(where, str(self._folder)),
                path=str(path or self._folder),
            )
            return await process.ended
        except OSError as error:
            raise Unavailable(f"The backup program cannot be started: {error.strerror}") from None
        finally:
            self._process = None
            self._log.event("backup-program", command=command[0], level="debug")


class _Process(ProcessProtocol):
    """One run."""

    def __init__(self) -> None:
        self.ended: Deferred[bytes] = Deferred()
        self._output = bytearray()
        self._said = b""
        self._size = 0

    def end(self) -> None:
        """Asks it to end; it lets go of its lock then."""
        transport: Any = self.transport
        if transport is not None and transport.pid:
            os.kill(transport.pid, signal.SIGINT)

    def outReceived(self, data: bytes) -> None:
        # What it did so far is no answer: of a long run only the last of it is wanted.
        self._output += data
        if len(self._output) > OUTPUT:
            del self._output[: OUTPUT // 2]

    def errReceived(self, data: bytes) -> None:
        self._said = (self._said + data)[-SAID:]

    def processEnded(self, reason: Failure) -> None:
        end: Any = reason.value
        if end.exitCode == 0:
            self.ended.callback(bytes(self._output))
        else:
            how = f"signal {end.signal}" if end.signal else f"status {end.exitCode}"
            self.ended.errback(_Failed(restic.complaint(self._said, how), bytes(self._output)))


class _Failed(Unavailable):
    """It ended with an error. `output`: what it said before."""

    def __init__(self, text: str, output: bytes) -> None:
        super().__init__(text)
        self.output = output


def _bound() -> list[str]:
    """Words that make a program die with this process, however that dies: what it keeps is a
    picture that is cleared away at the next start."""
    path = which("setpriv", path="/usr/bin:/bin")
    return [path, "--pdeathsig", "KILL"] if path is not None else []


def prepare(folder: Path) -> str:
    """The key that backups are encrypted with, made when there is none: without it they cannot be
    read by anybody. Raises Unavailable."""
    path = folder / "key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_text(path, f"{secrets.token_urlsafe(33)}\n", 0o600)
        return path.read_text().strip()
    except OSError as error:
        raise Unavailable(f"The backup's key cannot be kept: {error.strerror}") from None


def keep_key(folder: Path, key: str) -> None:
    """From now on backups are encrypted with this key."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_text(folder / "key", f"{key}\n", 0o600)


def ssh_key(folder: Path) -> str:
    """Our public key for targets that are reached by SSH, made with its private one when there is
    none."""
    path = folder / "ssh-key"
    prepare(folder)
    if not path.exists():
        private = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        write_octets(path, private, 0o600)
    key = serialization.load_ssh_private_key(path.read_bytes(), None)
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return f"{public.decode()} mailhub"
