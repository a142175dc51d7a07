"""The data folder: one owner, whole files, and the first password's file."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mailhub.model.errors import MailhubError
from mailhub.net.folder import ADMIN, READY, Busy, DataFolder, write_json


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "var")
    made.make()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_private_and_made_once(folder: DataFolder) -> None:
    assert mode(folder.path) == 0o700
    folder.make()
    assert (folder.path / "run").is_dir()


def test_what_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MailhubError, match="file/var: Not a directory"):
        DataFolder(tmp_path / "file" / "var").make()


def test_one_process_at_a_time(folder: DataFolder) -> None:
    folder.lock()
    with pytest.raises(Busy, match=f"in use by process {os.getpid()}"):
        DataFolder(folder.path).lock()
    folder.unlock()
    other = DataFolder(folder.path)
    other.lock()
    other.unlock()
    other.unlock()


def test_a_lock_ends_with_its_process(folder: DataFolder) -> None:
    take = (
        "import sys; from pathlib import Path; from mailhub.net.folder import DataFolder;"
        "DataFolder(Path(sys.argv[1])).lock(); import os; os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", take, str(folder.path)], check=True)
    folder.lock()


def test_the_lock_takes_away_what_a_killed_server_published(folder: DataFolder) -> None:
    folder.publish([])
    folder.lock()
    assert not (folder.path / READY).exists()


def test_publishing_tells_pid_and_listeners(folder: DataFolder) -> None:
    folder.publish([{"service": "imap", "port": 143}])
    about = json.loads((folder.path / READY).read_text())
    assert about == {"pid": os.getpid(), "listeners": [{"service": "imap", "port": 143}]}
    folder.withdraw()
    folder.withdraw()
    assert not (folder.path / READY).exists()


def test_the_first_password_is_kept_from_others(folder: DataFolder) -> None:
    assert folder.admin() is None
    folder.keep_admin("admin@x.test", "secret")
    assert mode(folder.path / ADMIN) == 0o600
    assert folder.admin() == {"address": "admin@x.test", "password": "secret"}
    folder.forget_admin()
    folder.forget_admin()
    assert folder.admin() is None


def test_an_unreadable_password_file_is_none(folder: DataFolder) -> None:
    for text in ("", "[1]", "{"):
        (folder.path / ADMIN).write_text(text)
        assert folder.admin() is None


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder.path / "x.json"
    write_json(path, {"a": 1}, 0o600)

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"a": 2}, 0o600)
    assert json.loads(path.read_text()) == {"a": 1}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_what_root_made_is_given_away_whole(folder: DataFolder) -> None:
    (folder.path / "store").mkdir()
    (folder.path / "store" / "mail.sqlite").write_text("")
    (folder.path / "link").symlink_to("/etc/passwd")
    folder.give_to(65534, 65534)
    for path in (folder.path, *folder.path.rglob("*")):
        assert path.lstat().st_uid == 65534
    assert Path("/etc/passwd").stat().st_uid == 0
    folder.keep_admin("a@b.c", "x")
    assert (folder.path / ADMIN).stat().st_uid == 65534
