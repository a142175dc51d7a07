"""Mail-in-a-Box's backups: what was made, in people's words, and where they go. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence

from mailhub.http.mailinabox.replies import Refusal
from mailhub.http.mailinabox.shapes import Form, Shown, text
from mailhub.model.backup import LOCAL, OFF, BackupStatus, BackupTarget, Snapshot

DAY = 86400
LONGEST = 36500
"""Days."""
FOLDER = "backup/repository"
KEY = "backup/key"
"""In the data folder."""
_UNITS = ((DAY * 365, "year"), (DAY * 30, "month"), (DAY, "day"), (3600, "hour"), (60, "minute"))


class NewConfig(Form):
    """POST /system/backup/config. A client library writes the names together."""

    target: str = text()
    target_user: str = text("target_user", "targetUser")
    target_pass: str = text("target_pass", "targetPass")
    min_age: str = text("min_age", "minAge")

    def wanted(self, before: BackupTarget) -> BackupTarget:
        """Where backups go from now on; a key that is not given stays. Raises Refusal, Invalid."""
        age = self.min_age.strip()
        if not (age.isascii() and age.isdigit() and int(age) <= LONGEST):
            raise Refusal("The retention period is a number of days.")
        address = self.target.strip()
        if not address:
            raise Refusal("No target provided.")
        same = address == before.address
        return BackupTarget(
            address=address,
            user=self.target_user.strip() or (before.user if same else ""),
            secret=self.target_pass.strip() or (before.secret if same else ""),
            keep=int(age) * DAY,
        )


class Config(Shown):
    """Where backups go, without what is secret in that."""

    enc_pw_file: str
    file_target_directory: str
    min_age_in_days: int
    target: str
    ssh_pub_key: str = ""


class Backup(Shown):
    """One backup. `date`: in UTC; `size`: bytes that it took at the target."""

    date: str
    date_str: str
    date_delta: str
    deleted_in: str
    full: bool
    size: int
    volumes: int


class Status(Shown):
    """All of them, the newest first; nothing while backups are off."""

    backups: list[Backup] | None = None
    unmatched_file_size: int = 0
    error: str = ""


def status(found: BackupStatus, now: float) -> dict[str, object]:
    """What there is at the target."""
    if not found.target.on:
        return {}
    told: dict[str, object] = {
        "backups": _rows(found.snapshots, found.target.keep, now),
        "unmatched_file_size": 0,
    }
    if found.last.text:
        told["error"] = found.last.text
    return told


def _rows(snapshots: Sequence[Snapshot], keep: int, now: float) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for place, one in enumerate(snapshots):
        left = one.time + keep - now
        gone = f"approx. {max(1, round(left / DAY))} days" if place else "unknown"
        rows.append(
            {
                "date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(one.time)),
                "date_str": time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(one.time)),
                "date_delta": age(now - one.time),
                "deleted_in": gone,
                "full": one is snapshots[-1],
                "size": one.added,
                "volumes": 1,
            }
        )
    return rows


def age(seconds: float) -> str:
    """A length of time in its two largest units."""
    rest, said = int(max(seconds, 0)), []
    for unit, name in _UNITS:
        count, rest = divmod(rest, unit)
        if count:
            said.append(f"{count} {name}{'' if count == 1 else 's'}")
    return ", ".join(said[:2]) or "less than a minute"


def config(target: BackupTarget, shown: str, key: str) -> dict[str, object]:
    """`shown`: the target without secrets; `key`: for the target's server, or empty. It is told in
    any case, as the document has it: generated clients refuse an answer without it."""
    return {
        "enc_pw_file": KEY,
        "file_target_directory": FOLDER,
        "min_age_in_days": target.keep // DAY,
        "target": f"file://{FOLDER}" if target.address == LOCAL else shown or OFF,
        "ssh_pub_key": key,
    }
