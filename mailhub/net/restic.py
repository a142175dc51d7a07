"""Keeps backups with restic: one process for each thing asked of it, one at a time but for those
that only look what there is.

What it is told and what its answers mean is `wire.restic`'s; which backups there should be, core's.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shutil import which
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mailhub.model.backup import BackupTarget, Beside, Snapshot
from mailhub.model.errors import Unavailable
from mailhub.model.settings import BackupSettings
from mailhub.net.folder import write_octets, write_text
from mailhub.ports import Log
from mailhub.ports.backup import Unread
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
        self._processes: set[_Process] = set()

    def stop(self) -> None:
        """Ends what runs; what it began to keep is cleared away by a later backup."""
        for process in self._processes:
            process.end()

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

    async def save(
        self, target: BackupTarget, folder: str, beside: Beside | None = None
    ) -> Snapshot:
        """See `ports.Repository`."""
        path = Path(folder)
        if beside is None:
            return await self._saved(target, restic.save(path.name, self._host), path.parent)
        return await self._save(target, [path.name, restic.BODIES], restic.TAG, beside)

    async def save_some(self, target: BackupTarget, beside: Beside) -> Snapshot:
        """See `ports.Repository`."""
        return await self._save(target, [restic.BODIES], restic.PART, beside)

    async def _save(
        self, target: BackupTarget, names: Sequence[str], tag: str, beside: Beside
    ) -> Snapshot:
        require_refusals()
        command = restic.save_beside(names, self._host, (tag, beside.label), beside.copy)
        return await self._saved(target, command, Path(beside.folder).parent)

    async def _saved(self, target: BackupTarget, command: Sequence[str], path: Path) -> Snapshot:
        where = self._place(target)
        try:
            output = await self._into(where, command, path)
        except _Failed as error:
            # What lacks files is no backup, and nobody shall take it for one.
            partial = restic.saved(error.output)
            if partial is not None:
                await self._run(where, restic.drop(partial.id))
                if restic.lacks_bodies(error.said):
                    raise Unread(f"The last copy of messages is not whole: {error.text}") from error
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

    async def copies(self, target: BackupTarget, label: str) -> Sequence[Snapshot]:
        """See `ports.Repository`."""
        return restic.listed(await self._about(target, label), label)

    async def _about(self, target: BackupTarget, tag: str) -> bytes:
        """What `snapshots` says of a tag; nothing, where there is no repository yet."""
        try:
            return await self._run(self._place(target), restic.snapshots(tag))
        except Unavailable as error:
            if restic.is_missing(error.text):
                return b""
            raise

    async def bodies(self, target: BackupTarget, copy: str) -> Iterable[tuple[str, int]]:
        """See `ports.Repository`."""
        told = self._folder / "bodies.told"
        with told.open("wb") as file:
            await self._run(self._place(target), restic.files(copy), output=file.fileno())
        return _names(told)

    async def forget_some(self, target: BackupTarget, label: str) -> None:
        """See `ports.Repository`."""
        found = await self._about(target, label)
        newest = restic.listed(found, label)[-1:]
        parts = {one.id for one in restic.listed(found, restic.PART)} - {one.id for one in newest}
        if parts:
            await self._held(self._place(target), restic.drop(*sorted(parts)))

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
        return restic.listed(await self._run(where, restic.snapshots(restic.TAG)))

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

    async def _run(
        self, where: Place, command: Sequence[str], path: Path | None = None, output: int = -1
    ) -> bytes:
        if restic.only_looks(command):
            return await self._spawn(where, command, path, output)
        await self._turn.acquire()
        try:
            return await self._spawn(where, command, path, output)
        finally:
            self._turn.release()

    async def _spawn(
        self, where: Place, command: Sequence[str], path: Path | None, output: int
    ) -> bytes:
        settings = self._settings
        program = which(settings.program)
        if program is None:
            raise Unavailable(f"There is no program {settings.program} to make backups with")
        nice = ["/usr/bin/nice", "-n", str(settings.niceness)]
        words = [
            *_bound(restic.takes_known(command)),
            *nice,
            program,
            *restic.words(where, *command, upload=settings.upload),
        ]
        process = _Process()
        self._processes.add(process)
        try:
            self._reactor.spawnProcess(
                process,
                words[0],
                [os.fsencode(word) for word in words],
                env=restic.environment(where, str(self._folder)),
                path=str(path or self._folder),
                childFDs={0: "w", 1: "r" if output < 0 else output, 2: "r"},
            )
            return await process.ended
        except OSError as error:
            raise Unavailable(f"The backup program cannot be started: {error.strerror}") from None
        finally:
            self._processes.discard(process)
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
            text = restic.complaint(self._said, how)
            self.ended.errback(_Failed(text, bytes(self._output), self._said))


class _Failed(Unavailable):
    """It ended with an error. `output`: what it told before; `said`: what it complained of."""

    def __init__(self, text: str, output: bytes, said: bytes) -> None:
        super().__init__(text)
        self.output = output
        self.said = said


def _names(told: Path) -> Iterator[tuple[str, int]]:
    with told.open("rb") as lines:
        yield from restic.names(lines)
    told.unlink()


def _bound(refused: bool) -> list[str]:
    """Words that make a program die with this process, however that dies: what it keeps is a
    picture that is cleared away at the next start. `refused`: also for the superuser, where nobody
    has the right to read something."""
    path = which("setpriv", path="/usr/bin:/bin")
    if path is None:
        return []
    over = refused and os.geteuid() == 0
    rights = ["--bounding-set=-dac_override,-dac_read_search"] if over else []
    return [path, "--pdeathsig", "KILL", *rights]


def require_refusals() -> None:
    """Raises Unavailable where the program could read files that nobody has a right to read: it
    would keep what stands for bodies instead of them, should it ever open that."""
    if os.geteuid() == 0 and not _bound(refused=True):
        raise Unavailable("Backups of a bucket made by the superuser need setpriv (util-linux)")


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
