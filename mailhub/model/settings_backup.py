"""Settings of backups."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSettings:
    """`[backup]`: encrypted copies of everything, made by restic while mail goes on."""

    __pydantic_config__ = STRICT

    target: str = setting(
        "off",
        "where to: off, local (in the data folder), a folder, sftp://user@host[:port]/path,"
        " s3://[region@]host/bucket[/path], b2://bucket[/path]; `mailhub backup target` and the"
        " administration API go before this",
    )
    user: str = setting("", "the key's id, of s3 and b2")
    secret: str = setting("", "the key itself, of s3 and b2")
    keep: int = setting(30 * 86_400, "how long a backup is kept; the newest always is", "seconds")
    hour: int = setting(3, "of the day in which one is made, in UTC", "hours")
    bodies: bool = setting(
        True, "messages in the bucket of [s3] are in it; false where that is copied otherwise"
    )
    room: int = setting(
        4 << 30, "most of these that lie in the data folder at a time, on their way", "bytes"
    )
    verify: int = setting(
        7, "how often it is tried anew whether backups can be read; 0: never", "days"
    )
    program: str = setting("restic", "the program: its name, or where it is")
    upload: int = setting(0, "most that is sent; 0: as much as can be", "KiB/s")
    niceness: int = setting(10, "how far the program stands back behind others, 0 to 19")
