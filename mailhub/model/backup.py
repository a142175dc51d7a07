"""Backups: where they go, and what was made."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.model.errors import Invalid

OFF = "off"
LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupTarget:
    """Where backups go. `user`, `secret`: a key for who asks for one. `keep`: seconds; the newest
    is kept for longer."""

    address: str = OFF
    user: str = ""
    secret: str = field(default="", repr=False)
    keep: int

    def __post_init__(self) -> None:
        if self.keep < 0:
            raise Invalid("Backups cannot be kept for less than no time", "keep")
        if not self.address.isprintable() or not all(
            one.isprintable() for one in (self.user, self.secret)
        ):
            raise Invalid("It holds a control character", "target")

    @property
    def on(self) -> bool:
        """Whether there is one."""
        return self.address != OFF


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One backup. `time`: when it was made, seconds since the epoch. `size`: bytes of what it
    holds; `added`: bytes that it took at the target; both 0 where that is not known."""

    id: str
    time: int
    size: int = 0
    added: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes into a backup beside a picture: bodies that are kept elsewhere, as files, of which
    those that an earlier copy has are there by name only. `folder`: which. `label`: whose bodies
    they are. `copy`: the id of the copy that has those; empty where there are none of them."""

    folder: str
    label: str
    copy: str


@dataclass(frozen=True, slots=True)
class LastBackup:
    """How the newest attempt went. `at`: seconds since the epoch, 0 for none yet; `text`: what went
    wrong, else empty; also of one that was made, when `good` is `at`."""

    at: int = 0
    good: int = 0
    """When one was made last, 0 for never."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether backups could be read when that was tried last. `at`: epoch seconds, 0 for never;
    `text`: what went wrong, else empty. `whole`: whether every byte was read."""

    at: int = 0
    text: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class BackupStatus:
    """What there is at the target, the newest first."""

    target: BackupTarget
    running: bool
    last: LastBackup
    snapshots: tuple[Snapshot, ...]
    public_key: str = ""
    """What the target's server has to know to let us in, where it is reached by SSH."""
