"""Restic's command line, environment and answers, as values: what is said to it and what it says.

Runs nothing. Addresses of targets are ours (and the administration API's); what restic calls them
is decided here.
"""

from __future__ import annotations

import calendar
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from mailhub.model.backup import LOCAL, OFF, BackupTarget, Snapshot
from mailhub.model.errors import Invalid

TAG = "mailhub"
PART = "mailhub-part"
"""The tag of a copy that is on the way to a backup, and none by itself."""
PICTURE = "picture"
BODIES = "bodies"
"""The folders that are kept, relative to where restic runs: so their names are the same
everywhere."""
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ABSENT = re.compile(r"does not exist|no such file|not found|\b404\b")
_SNAPSHOT = re.compile(r"latest|[0-9a-f]{8,64}")
_MOMENT = re.compile(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))")
_SSH_PROBLEM = re.compile(r"^ssh: |denied|refused|timed out|closed by|reset by", re.IGNORECASE)
SSH = "subprocess ssh: "
"""What restic puts before the words of SSH."""
LOCKED = "repository is already locked"
"""What it says where somebody has it, or died with it."""
WRONG_KEY = "wrong password or no key found"
FAULTS = 3
"""Lines about what is damaged that are told."""
NO_REPOSITORY = "unable to open config file"
"""What it says where there is no repository yet, or none can be reached."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a repository is, in restic's words. `secrets`: what of it goes into the environment;
    `shown`: the address without them."""

    url: str
    shown: str
    options: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    ssh: bool = False


def place(target: BackupTarget, folder: str) -> Place:
    """Where `target` is. `folder`: ours, for the local repository and the keys of SSH. Raises
    Invalid."""
    address = target.address
    if address == OFF:
        raise Invalid("Backups are off", "target")
    if address == LOCAL:
        return Place(str(PurePosixPath(folder) / "repository"), LOCAL)
    parts = urlsplit(address)
    try:
        port = parts.port or 0
    except ValueError:
        raise _wrong(address) from None
    if parts.scheme in ("", "file") and not parts.netloc and parts.path.startswith("/"):
        path = unquote(parts.path) if parts.scheme else address
        return Place(path, path)
    if parts.scheme in ("sftp", "rsync"):
        return _ssh(address, parts.username or "", parts.hostname or "", port, parts.path, folder)
    if parts.scheme in ("s3", "s3+http"):
        return _s3(target, parts.scheme, parts.netloc, parts.path)
    if parts.scheme == "b2":
        return _b2(target, parts.netloc, parts.path)
    raise _wrong(address)


def _wrong(address: str) -> Invalid:
    return Invalid(f"{address.partition('://')[0]} is no target that backups can go to", "target")


def _ssh(address: str, user: str, host: str, port: int, path: str, folder: str) -> Place:
    if not _USER.fullmatch(user) or not _HOST.fullmatch(host) or len(path) < 2:
        raise Invalid("It is written sftp://user@host[:port]/path", "target")
    own = PurePosixPath(folder)
    command = [
        *("ssh", "-i", str(own / "ssh-key"), "-p", str(port or 22)),
        *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new"),
        *("-o", f"UserKnownHostsFile={own / 'known-hosts'}", "-o", "ServerAliveInterval=30"),
        *(f"{user}@{host}", "-s", "sftp"),
    ]
    url = f"sftp:{user}@{host}:{unquote(path)}"
    return Place(url, address, (f"sftp.command={shlex.join(command)}",), ssh=True)


def _s3(target: BackupTarget, scheme: str, netloc: str, path: str) -> Place:
    region, _, host = netloc.rpartition("@")
    name, _, port = host.partition(":")
    bucket = path.strip("/")
    if not _HOST.fullmatch(name) or (port and not port.isdigit()) or not bucket:
        raise Invalid("It is written s3://[region@]host/bucket[/path]", "target")
    if not target.user or not target.secret:
        raise Invalid("It asks for a key: its id and its secret", "user")
    secrets = {"AWS_ACCESS_KEY_ID": target.user, "AWS_SECRET_ACCESS_KEY": target.secret}
    if region:
        secrets["AWS_DEFAULT_REGION"] = region
    method = "http" if scheme == "s3+http" else "https"
    return Place(f"s3:{method}://{host}/{bucket}", target.address, secrets=secrets)


def _b2(target: BackupTarget, netloc: str, path: str) -> Place:
    """`b2://id:key@bucket/path`, or the key apart."""
    key, _, bucket = netloc.rpartition("@")
    user, _, secret = key.partition(":")
    user, secret = unquote(user) or target.user, unquote(secret) or target.secret
    if not bucket or not user or not secret:
        raise Invalid("It is written b2://bucket[/path], and asks for a key", "target")
    secrets = {"B2_ACCOUNT_ID": user, "B2_ACCOUNT_KEY": secret}
    shown = f"b2://{bucket}{path}".rstrip("/")
    return Place(f"b2:{bucket}:{path.strip('/') or '/'}", shown, secrets=secrets)


def environment(where: Place, folder: str) -> dict[str, str]:
    """What restic is told that no list of processes may show."""
    own = PurePosixPath(folder)
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": folder,
        "RESTIC_REPOSITORY": where.url,
        "RESTIC_PASSWORD_FILE": str(own / "key"),
        "RESTIC_CACHE_DIR": str(own / "cache"),
        "RESTIC_PROGRESS_FPS": "0.1",
        **where.secrets,
    }


def words(where: Place, *command: str, upload: int = 0) -> list[str]:
    """The command line behind the program's name."""
    options = [word for option in where.options for word in ("-o", option)]
    limit = [f"--limit-upload={upload}"] if upload else []
    return [*options, *limit, "--json", *command]


def save(name: str, host: str) -> tuple[str, ...]:
    """Keep the folder `name`. Files that are the same by size and time are not read again; their
    links made their change time new."""
    return ("backup", "--ignore-ctime", f"--host={host}", f"--tag={TAG}", name)


def save_beside(
    names: Sequence[str], host: str, tags: Sequence[str], parent: str
) -> tuple[str, ...]:
    """Keep these folders. Files that are as in the snapshot `parent` by name, size and time are
    taken from it, whichever machine they are on."""
    labels = [f"--tag={tag}" for tag in tags]
    known = [f"--parent={parent}"] if parent else ["--force"]
    return ("backup", "--ignore-inode", f"--host={host}", *labels, *known, *names)


def takes_known(command: Sequence[str]) -> bool:
    """Whether files that look as they did are there by name only."""
    return "--ignore-inode" in command


def snapshots(tag: str) -> tuple[str, ...]:
    """What has this tag. Asked also while something is written there, which may take hours."""
    return ("snapshots", "--no-lock", f"--tag={tag}")


def only_looks(command: Sequence[str]) -> bool:
    """Whether a command may be run beside others."""
    return "--no-lock" in command


def files(snapshot: str) -> tuple[str, ...]:
    """The bodies in a snapshot, a line each."""
    return ("ls", "--recursive", snapshot, f"/{BODIES}")


def names(lines: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    """Name and size of each file in what `files` tells."""
    for line in lines:
        about = _object(line)
        if about.get("type") == "file":
            yield str(about.get("name", "")), int(about.get("size", 0))


def lacks_bodies(said: bytes) -> bool:
    """Whether a complaint is about bodies that could not be read."""
    return f"/{BODIES}/".encode() in said and (b'"error"' in said or b"error:" in said)


def fetch(snapshot: str, into: str, *only: str) -> tuple[str, ...]:
    """Bring back what a snapshot holds, the newest of ours for `latest`; `only`: what begins with
    these. Raises Invalid."""
    if not _SNAPSHOT.fullmatch(snapshot):
        raise Invalid("A backup's id is made of 8 hexadecimal digits", "snapshot")
    included = [f"--include=/{path}" for path in only]
    return ("restore", snapshot, f"--tag={TAG}", f"--target={into}", *included)


def forget(keep: int) -> tuple[str, ...]:
    """Let go of what is older than `keep` seconds, but for the newest; of each host, wherever its
    data folder was."""
    age = f"{keep // 3600}h" if keep >= 3600 else "1h"
    held = ("--group-by=host", "--keep-last=1", f"--keep-within={age}")
    return ("forget", f"--tag={TAG}", *held, "--prune")


def drop(*ids: str) -> tuple[str, ...]:
    """Let go of these."""
    return ("forget", *ids)


def saved(output: bytes) -> Snapshot | None:
    """What `backup` tells at its end: the id is the short one, the time not told."""
    for line in reversed(output.splitlines()):
        about = _object(line)
        if about.get("message_type") == "summary":
            return Snapshot(
                str(about["snapshot_id"])[:8],
                0,
                int(about.get("total_bytes_processed", 0)),
                int(about.get("data_added", 0)),
            )
    return None


def listed(output: bytes, tag: str = TAG) -> list[Snapshot]:
    """What `snapshots` tells of a tag, the oldest first."""
    try:
        found = json.loads(output)
    except ValueError:
        found = None
    ours = [one for one in found or () if tag in (one.get("tags") or ())]
    made = [Snapshot(one["short_id"], moment(one["time"])) for one in ours]
    return sorted(made, key=lambda one: one.time)


def moment(text: str) -> int:
    """A time of RFC 3339 in seconds since the epoch, 0 for none."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return 0
    *fields, sign, hours, minutes = found.groups()
    at = calendar.timegm(tuple(map(int, fields)))
    if sign:
        away = int(hours) * 3600 + int(minutes) * 60
        at += away if sign == "-" else -away
    return at


def is_missing(text: str) -> bool:
    """Whether a complaint says that the place answers, and holds no repository yet."""
    return text.startswith(NO_REPOSITORY) and _ABSENT.search(text) is not None


def complaint(said: bytes, end: str) -> str:
    """What went wrong, in restic's own words. `end`: how it ended, where it said nothing."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines()]
    told = [line for line in lines if line]
    fatal = [line.removeprefix("Fatal: ") for line in told if line.startswith("Fatal: ")]
    text = (fatal or told or [f"It ended with {end}"])[-1]
    locked = [line for line in told if LOCKED in line]
    if locked:
        text = locked[0].removeprefix("Fatal: ")
    elif WRONG_KEY in text:
        text = f"{text}: what is there was encrypted with another key than backup/key"
    elif "repository contains errors" in text:
        found = [line for line in told if not line.startswith("Fatal: ")]
        text = "; ".join([*found[:FAULTS], text])
    elif "unable to start the sftp session" in text:
        text = _ssh_said([line.removeprefix(SSH) for line in told if line.startswith(SSH)])
    return "".join(mark if mark.isprintable() else "?" for mark in text)[:500]


UNHEARD = (
    "SSH does not get in: the other machine has to be there, to show the host key of the first "
    "time, and to have our key in authorized_keys"
)
"""Where restic ended before it heard what SSH says."""


def _ssh_said(lines: list[str]) -> str:
    """Why SSH did not get there."""
    for line in lines:
        if line.startswith("Host key verification failed"):
            return (
                "The other machine shows another host key than before (Host key verification "
                "failed): if that is meant, remove its line from backup/known-hosts"
            )
    for line in reversed(lines):
        if _SSH_PROBLEM.search(line):
            return line
    return UNHEARD


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        about = json.loads(line)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}
