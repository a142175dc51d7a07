"""`mailhub export`: an account's mail as Maildir or mbox, to be continued after a cut-off.

Every message's name in the export holds its UIDVALIDITY and UID, so a second run sees what is
there already and writes only what is new.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mailhub.cli.access import Access, Refused
from mailhub.cli.client import Client
from mailhub.cli.domain_export import domain
from mailhub.cli.preset import Preset
from mailhub.cli.progress import Progress, progress
from mailhub.net.folder import write_json
from mailhub.wire import maildir as wire
from mailhub.wire import utf7

_FROM = re.compile(rb"(?m)^(>*From )")
_OURS = re.compile(r"V(\d+)U(\d+)\.mailhub")
CHUNK = 1000
"""Messages asked for in one act."""


@click.group(cls=Preset)
def export() -> None:
    """Write a whole domain out, or an account's mail as Maildir or mbox.

    `mailhub export DOMAIN FILE` is `mailhub export domain DOMAIN FILE`.
    """


export.add_command(domain)


def _boxes(client: Client, user: str, only: Sequence[str]) -> list[Mapping[str, Any]]:
    boxes = [box for box, _ in client.items("mailboxes", user=user)]
    missing = set(only) - {box["name"] for box in boxes}
    if missing:
        raise Refused(f"no mailbox {', '.join(sorted(missing))}")
    return [box for box in boxes if not only or box["name"] in only]


_only = click.option("--only", multiple=True, help="Only this mailbox; may be given again.")


# -- Maildir


@export.command()
@click.argument("user")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_only
@click.pass_obj
def maildir(access: Access, user: str, folder: Path, only: tuple[str, ...]) -> None:
    """Write USER's mail below FOLDER as Maildir++, with flags and dates."""
    client = access.client
    with progress("exported") as shown:
        for box in _boxes(client, user, only):
            shown.step_into(box["name"], box["messages"])
            _maildir(client, user, box, maildir_path(folder, box["name"]), shown)


def maildir_path(root: Path, name: str) -> Path:
    """A mailbox's folder: `.Sent.2024` for `Sent/2024`; dots in names are encoded."""
    return root / wire.folder(name)


def _maildir(
    client: Client, user: str, box: Mapping[str, Any], path: Path, shown: Progress
) -> None:
    for part in ("tmp", "new", "cur"):
        (path / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.name.startswith("."):
        (path / "maildirfolder").touch()
    there = _there(path, box["uidvalidity"])
    keywords = Keywords(path)
    missing = []
    for about, _ in client.items("listing", user=user, mailbox=box["name"]):
        if about["uid"] in there:
            shown.count(False)
        else:
            missing.append(about["uid"])
    for about, data in _messages(client, user, box["name"], missing):
        name = f"{about['date']}.V{box['uidvalidity']}U{about['uid']}.mailhub"
        scratch = path / "tmp" / name
        with scratch.open("wb") as file:
            file.write(data.replace(b"\r\n", b"\n"))
            file.flush()
            os.fsync(file.fileno())
        os.utime(scratch, (about["date"], about["date"]))
        letters = sorted(
            {wire.LETTERS.get(flag.lower()) or keywords.letter(flag) for flag in about["flags"]}
        )
        scratch.rename(path / "cur" / f"{name}:2,{''.join(letters)}")
        shown.count(True)


def _there(path: Path, validity: int) -> set[int]:
    """UIDs that an earlier run wrote."""
    found = set()
    for part in ("new", "cur"):
        for name in os.listdir(path / part):
            match = _OURS.search(name)
            if match and int(match[1]) == validity:
                found.add(int(match[2]))
    return found


def _messages(
    client: Client, user: str, mailbox: str, uids: Sequence[int]
) -> Iterator[tuple[Mapping[str, Any], bytes]]:
    for start in range(0, len(uids), CHUNK):
        chosen = uids[start : start + CHUNK]
        yield from client.items("messages", user=user, mailbox=mailbox, uids=list(chosen))


class Keywords:
    """Dovecot's `dovecot-keywords`: up to 26 keywords as letters."""

    def __init__(self, path: Path) -> None:
        self._path = path / "dovecot-keywords"
        self._names: list[str] = []
        with contextlib.suppress(OSError):
            lines = self._path.read_text().splitlines()
            self._names = [line.split(" ", 1)[1] for line in lines if " " in line]

    def letter(self, name: str) -> str:
        """Its letter, given when it is first met; empty for the 27th."""
        folded = [known.lower() for known in self._names]
        if name.lower() in folded:
            return chr(ord("a") + folded.index(name.lower()))
        if len(self._names) == 26:
            return ""
        self._names.append(name)
        text = "".join(f"{number} {known}\n" for number, known in enumerate(self._names))
        fresh = self._path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._path)
        return chr(ord("a") + len(self._names) - 1)


# -- mbox


@export.command()
@click.argument("user")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_only
@click.pass_obj
def mbox(access: Access, user: str, folder: Path, only: tuple[str, ...]) -> None:
    """Write USER's mail as mbox files (mboxrd) below FOLDER, one a mailbox."""
    client = access.client
    with progress("exported") as shown:
        for box in _boxes(client, user, only):
            shown.step_into(box["name"], box["messages"])
            path = mbox_path(folder, box["name"])
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _mbox(client, user, box, path, shown)


def mbox_path(root: Path, name: str) -> Path:
    """`Sent/2024.mbox` for `Sent/2024`; what a file system cannot name is encoded."""
    levels = [utf7.encode(level).decode("ascii") for level in name.split("/")]
    safe = [f"&AC4-{level[1:]}" if level.startswith(".") else level for level in levels]
    return root.joinpath(*safe[:-1], safe[-1] + ".mbox")


def _mbox(client: Client, user: str, box: Mapping[str, Any], path: Path, shown: Progress) -> None:
    """The state beside the file says up to which UID and byte it is whole; what a cut-off left
    after that byte is cut away."""
    state_path = path.with_name(path.name + ".state")
    state = _state(state_path, box["uidvalidity"])
    for _ in range(state["count"]):
        shown.count(False)
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(state["size"])
        file.seek(state["size"])
        items = client.items("messages", user=user, mailbox=box["name"], after=state["uid"])
        for about, data in items:
            file.write(mbox_entry(about["date"], about["flags"], data))
            state |= {"uid": about["uid"], "size": file.tell(), "count": state["count"] + 1}
            shown.count(True)
            if state["count"] % 500 == 0:
                _save(state_path, state, file.fileno(), file.flush)
        _save(state_path, state, file.fileno(), file.flush)


def _state(path: Path, validity: int) -> dict[str, int]:
    fresh = {"uidvalidity": validity, "uid": 0, "size": 0, "count": 0}
    try:
        state = json.loads(path.read_text())
    except (OSError, ValueError):
        return fresh
    return state if state.get("uidvalidity") == validity else fresh


def _save(path: Path, state: Mapping[str, int], descriptor: int, flush: Any) -> None:
    flush()
    os.fsync(descriptor)
    write_json(path, state, 0o600)


def mbox_entry(date: int, flags: Sequence[str], data: bytes) -> bytes:
    """A message as mboxrd: a From line, flags as Status fields, `From ` quoted, LF line ends."""
    stamp = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(date))
    folded = {flag.lower() for flag in flags}
    status = ("R" if "\\seen" in folded else "") + "O"
    letters = {"\\answered": "A", "\\flagged": "F", "\\draft": "T", "\\deleted": "D"}
    extra = "".join(letter for flag, letter in letters.items() if flag in folded)
    fields = f"Status: {status}\n" + (f"X-Status: {extra}\n" if extra else "")
    keywords = [flag for flag in flags if not flag.startswith("\\")]
    if keywords:
        fields += f"X-Keywords: {' '.join(keywords)}\n"
    text = data.replace(b"\r\n", b"\n")
    end = text.find(b"\n\n")
    header, body = (
        (text.rstrip(b"\n") + b"\n", b"\n") if end < 0 else (text[: end + 1], text[end + 1 :])
    )
    if header == b"\n":
        header = b""
    whole = header + fields.encode("utf-8") + body
    if not whole.endswith(b"\n"):
        whole += b"\n"
    return f"From MAILER-DAEMON {stamp}\n".encode("ascii") + _FROM.sub(rb">\1", whole) + b"\n"
