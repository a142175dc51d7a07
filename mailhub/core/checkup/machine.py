"""Looks at the machine and at the server as a program on it: room, memory, clock, packages,
backups, background work, the queue. Asks nobody on the network but who tells new versions."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.checkup.means import Check, Means
from mailhub.core.required import administrator
from mailhub.model.checkup import Detail, Finding, error, ok, warning
from mailhub.model.errors import NotFound, NotPermitted
from mailhub.model.queue import QueueFilter

DAY = 86400
OLD = 7
"""Days after which a backup is missed."""
UNREAD = 35
"""Days after which it is time to read one again."""
LOW, SCARCE = 0.30, 0.15
"""Parts of a volume that should be free, and that have to be."""
TIGHT, OUT = 0.20, 0.10
"""The same, of the memory."""
SHOWN = 20
"""Packages that are named."""
GIB = 1 << 30


class MachineLooks:
    """What the chapter on the system says."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def checks(self) -> Sequence[Check]:
        """All of them."""
        return (
            ("disk", self._disk),
            ("memory", self._memory),
            ("clock", self._clock),
            ("ssh", self._ssh),
            ("packages", self._packages),
            ("reboot", self._reboot),
            ("version", self._version),
            ("administrator", self._administrator),
            ("backup", self._backup),
            ("background", self._background),
            ("queue", self._queue),
        )

    async def _disk(self) -> Sequence[Finding]:
        free, total = self._means.volume.room()
        part = free / total if total else 0.0
        said = f"The disk has {free / GIB:.1f} GB space remaining ({part:.0%})."
        if part < SCARCE:
            text = "The disk is nearly full: soon mail is refused."
            return [error("disk", text, "Make room.", Detail(said))]
        if part < LOW:
            return [warning("disk", "The disk is filling.", "Make room in time.", Detail(said))]
        return [ok("disk", said)]

    async def _memory(self) -> Sequence[Finding]:
        free, total = self._means.condition.memory()
        if not total:
            return ()
        part = free / total
        said = f"{part:.0%} of the memory ({total / GIB:.1f} GB) is free."
        if part >= TIGHT:
            return [ok("memory", said)]
        mend = "See which program takes it, or give the machine more."
        if part < OUT:
            return [error("memory", "The memory is nearly used up.", mend, Detail(said))]
        return [warning("memory", "Memory is getting short.", mend, Detail(said))]

    async def _clock(self) -> Sequence[Finding]:
        right = self._means.condition.clock_is_set()
        if right is None:
            return ()
        if right:
            return [ok("clock", "The clock is kept right.")]
        return [
            warning(
                "clock",
                "Nothing keeps the machine's clock right: codes of two-step sign-in, signatures "
                "and certificates depend on it.",
                "Install systemd-timesyncd or chrony, and let it reach a time server.",
            )
        ]

    async def _ssh(self) -> Sequence[Finding]:
        takes = self._means.condition.takes_passwords()
        if takes is None:
            return ()
        if not takes:
            return [ok("ssh", "SSH lets nobody in with a password alone.")]
        return [
            error(
                "ssh",
                "The SSH server lets people in with a password, which others can guess.",
                "Log in with a key, then set “PasswordAuthentication no” and restart the server:",
                Detail(f"{self._means.settings.ssh}: PasswordAuthentication no", literal=True),
            )
        ]

    async def _packages(self) -> Sequence[Finding]:
        try:
            found = await self._means.system.updates()
        except NotPermitted:
            return ()
        if not found:
            return [ok("packages", "The machine's packages are up to date.")]
        rows = [Detail(f"{name} ({version})", literal=True) for name, version in found[:SHOWN]]
        if len(found) > SHOWN:
            rows.append(Detail(f"and {len(found) - SHOWN} more"))
        said = (
            f"{len(found)} package{'' if len(found) == 1 else 's'} of the machine can be updated."
        )
        return [warning("packages", said, "Upgrade them.", *rows)]

    async def _reboot(self) -> Sequence[Finding]:
        if not self._means.system.wants_reboot():
            return ()
        said = "An upgrade takes effect after a reboot only."
        return [warning("reboot", said, "Reboot the machine when it suits.")]

    async def _version(self) -> Sequence[Finding]:
        system = self._means.system
        try:
            latest = await system.latest()
        except NotPermitted:
            return ()
        if latest.lstrip("v") == system.version.lstrip("v"):
            return [ok("version", f"This is the newest version, {latest}.")]
        said = f"There is another version, {latest}; this is {system.version}."
        return [warning("version", said, "Read what is new in it, and upgrade.")]

    async def _administrator(self) -> Sequence[Finding]:
        address = administrator(self._means.hostname)
        try:
            await self._means.addresses.get(address)
        except NotFound:
            return [
                warning(
                    "administrator",
                    f"Nobody is {address}.",
                    "Add that as an alias for who is responsible: then postmaster, admin and abuse "
                    "of every domain, and hostmaster here, lead there.",
                )
            ]
        return [ok("administrator", f"{address} exists.")]

    async def _backup(self) -> Sequence[Finding]:
        backups = self._means.backups
        if not backups.target.on:
            return [warning("backup", "Backups are off.", "Choose where they shall go.")]
        last, now = backups.last, self._means.clock.now()
        mend = "See on the page about backups what is wrong, and make one."
        reason = (Detail(last.text),) if last.text else ()
        if not last.good:
            return [error("backup", "No backup was made yet.", mend, *reason)]
        age = int((now - last.good) // DAY)
        if age > OLD:
            return [error("backup", "The last backup is too old.", mend, *reason)]
        if last.text and last.good == last.at:
            said = "The last backup lacks messages that the bucket has lost."
            return [warning("backup", said, "mailhub verify", *reason)]
        if last.text:
            said = f"The last try to make a backup failed; the newest one is {_days(age)} old."
            return [warning("backup", said, mend, *reason)]
        return [ok("backup", f"The last backup is {_days(age)} old."), self._verified(now)]

    def _verified(self, now: float) -> Finding:
        """Whether backups were read again."""
        proof = self._means.backups.verified
        mend = "mailhub backup verify"
        if proof.text:
            said = "The last verification found that backups cannot be read."
            return error("verification", said, "Make another one.", Detail(proof.text))
        if not proof.at:
            said = "Nobody has tried yet whether the backups can be read."
            return warning("verification", said, "Have them verified:", Detail(mend, True))
        age = int((now - proof.at) // DAY)
        if age > UNREAD:
            said = f"Whether the backups can be read was last tried {_days(age)} ago."
            return warning("verification", said, "Have them verified:", Detail(mend, True))
        return ok("verification", f"Backups were read again {_days(age)} ago.")

    async def _background(self) -> Sequence[Finding]:
        faults = self._means.faults()
        if not faults:
            return [ok("background", "Work in the background is done.")]
        rows = [Detail(f"{what}: {why}") for what, why in sorted(faults.items())]
        said = "Work in the background failed; it is tried again by itself."
        return [warning("background", said, "See the log for why.", *rows)]

    async def _queue(self) -> Sequence[Finding]:
        oldest, count = await self._oldest()
        if not oldest:
            return [ok("queue", "No mail waits to leave.")]
        age = self._means.clock.now() - oldest
        waits = f"{count} recipient{'' if count == 1 else 's'} wait{'s' if count == 1 else ''}"
        said = f"{waits} for mail, the longest for {_hours(age)}."
        if age < self._means.settings.queue:
            return [ok("queue", said)]
        return [warning("queue", said, "See in the queue what other servers say.")]

    async def _oldest(self) -> tuple[int, int]:
        """When what waits longest came, and how much waits; what is on hold does not count."""
        rows, count = await self._means.queue.page(limit=1, wanted=QueueFilter(held=False))
        return rows[0].created if rows else 0, count


def _days(days: int) -> str:
    return "less than a day" if not days else f"{days} day{'' if days == 1 else 's'}"


def _hours(seconds: float) -> str:
    hours = int(seconds // 3600)
    return "less than an hour" if not hours else f"{hours} hour{'' if hours == 1 else 's'}"
