"""What restic is told and what its answers mean."""

from __future__ import annotations

import json

import pytest

from mailhub.model.backup import BackupTarget, Snapshot
from mailhub.model.errors import Invalid
from mailhub.wire import restic

OWN = "/var/lib/mailhub/backup"


def target(address: str, user: str = "", secret: str = "") -> BackupTarget:
    return BackupTarget(address=address, user=user, secret=secret, keep=86_400)


@pytest.mark.parametrize(
    ("address", "key", "url", "shown", "secrets"),
    [
        ("local", "", f"{OWN}/repository", "local", {}),
        ("/mnt/b c", "", "/mnt/b c", "/mnt/b c", {}),
        ("file:///mnt/b%20c", "", "/mnt/b c", "/mnt/b c", {}),
        (
            "s3://s3.example.net/box/mail",
            "id:key",
            "s3:https://s3.example.net/box/mail",
            "s3://s3.example.net/box/mail",
            {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"},
        ),
        (
            "s3+http://eu-1@127.0.0.1:8080/box",
            "id:key",
            "s3:http://127.0.0.1:8080/box",
            "s3+http://eu-1@127.0.0.1:8080/box",
            {
                "AWS_ACCESS_KEY_ID": "id",
                "AWS_SECRET_ACCESS_KEY": "key",
                "AWS_DEFAULT_REGION": "eu-1",
            },
        ),
        (
            "b2://id:k%2Fy@box",
            "",
            "b2:box:/",
            "b2://box",
            {"B2_ACCOUNT_ID": "id", "B2_ACCOUNT_KEY": "k/y"},
        ),
        (
            "b2://box/a/b",
            "id:key",
            "b2:box:a/b",
            "b2://box/a/b",
            {"B2_ACCOUNT_ID": "id", "B2_ACCOUNT_KEY": "key"},
        ),
    ],
)
def test_where_a_repository_is(
    address: str, key: str, url: str, shown: str, secrets: dict[str, str]
) -> None:
    user, _, secret = key.partition(":")
    where = restic.place(target(address, user, secret), OWN)
    assert (where.url, where.shown, where.secrets) == (url, shown, secrets)
    told = restic.environment(where, OWN)
    assert told["RESTIC_REPOSITORY"] == url
    assert secrets.items() <= told.items()
    assert "key" not in repr(where)
    assert "k/y" not in repr(where)


@pytest.mark.parametrize("scheme", ["sftp", "rsync"])
def test_who_is_reached_by_ssh(scheme: str) -> None:
    where = restic.place(target(f"{scheme}://joe@b.example:2222/srv/mail"), OWN)
    assert where.url == "sftp:joe@b.example:/srv/mail"
    assert where.ssh
    (option,) = where.options
    assert option.startswith(f"sftp.command=ssh -i {OWN}/ssh-key -p 2222 ")
    assert option.endswith(" joe@b.example -s sftp")
    assert restic.words(where, "check", upload=7) == [
        *("-o", option, "--limit-upload=7", "--json", "check")
    ]


@pytest.mark.parametrize(
    "address",
    [
        "off",
        "",
        "relative/path",
        "ftp://b.example/x",
        "sftp://b.example/x",
        "sftp://-oProxyCommand=x@b.example/x",
        "sftp://joe@-oProxyCommand=x/x",
        "sftp://joe@b.example",
        "sftp://joe@b.example:99999/x",
        "s3://b.example/box",
        "s3://b.example",
        "s3://-x/box",
        "b2://box",
        "file://host/path",
    ],
)
def test_what_is_no_target(address: str) -> None:
    with pytest.raises(Invalid):
        restic.place(target(address), OWN)


@pytest.mark.parametrize("values", [{"address": "/a\nb"}, {"secret": "a\0b"}, {"keep": -1}])
def test_values_that_no_target_has(values: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        BackupTarget(**{"address": "local", "keep": 1, **values})  # type: ignore[arg-type]


def test_what_backup_tells() -> None:
    lines = [
        {"message_type": "status", "percent_done": 0.5},
        {
            "message_type": "summary",
            "data_added": 705,
            "total_bytes_processed": 3000,
            "snapshot_id": "fc8ab1a9",
        },
    ]
    output = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    assert restic.saved(output) == Snapshot("fc8ab1a9", 0, 3000, 705)
    assert restic.saved(b"half a li") is None


def test_what_snapshots_tells() -> None:
    output = json.dumps(
        [
            {"short_id": "bb", "time": "2026-01-02T03:04:05.678901234+01:00", "tags": ["mailhub"]},
            {"short_id": "aa", "time": "2026-01-01T00:00:00Z", "tags": ["mailhub"]},
            {"short_id": "cc", "time": "2026-01-01T00:00:00Z", "tags": None},
        ]
    ).encode()
    assert restic.listed(output) == [Snapshot("aa", 1767225600), Snapshot("bb", 1767319445)]
    assert restic.listed(b"null") == []


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            b"Fatal: wrong password or no key found\n",
            "wrong password or no key found: what is there was encrypted with another key than "
            "backup/key",
        ),
        (
            b"pack aa: does not exist\npack bb: gone\nFatal: repository contains errors\n",
            "pack aa: does not exist; pack bb: gone; repository contains errors",
        ),
        (
            b"unable to create lock in backend: repository is already locked by PID 7 on h\n"
            b"lock was created at x\nthe `unlock` command can be used to remove stale locks\n",
            "unable to create lock in backend: repository is already locked by PID 7 on h",
        ),
        (
            b"subprocess ssh: Warning: Permanently added\nsubprocess ssh: u@h: Permission denied "
            b"(publickey).\nFatal: unable to start the sftp session, error: EOF\n",
            "u@h: Permission denied (publickey).",
        ),
        (
            b"subprocess ssh: Warning: Permanently added\n"
            b"Fatal: unable to start the sftp session, error: EOF\n",
            restic.UNHEARD,
        ),
        (
            b"subprocess ssh: @@@\nsubprocess ssh: Host key verification failed.\n"
            b"Fatal: unable to start the sftp session, error: EOF\n",
            "The other machine shows another host key than before (Host key verification failed): "
            "if that is meant, remove its line from backup/known-hosts",
        ),
        (b"Fatal: unable to open config file: x\nIs there a repository?\n/x\n", None),
        (b"something\x1b[31m\n", "something?[31m"),
        (b"", "It ended with status 3"),
    ],
)
def test_complaints_are_restic_s_own(said: bytes, text: str | None) -> None:
    found = restic.complaint(said, "status 3")
    assert found == text if text else restic.NO_REPOSITORY in found


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("unable to open config file: stat /x/config: no such file or directory", True),
        ("unable to open config file: Stat: The specified bucket does not exist.", True),
        ("unable to open config file: Lstat: file does not exist", True),
        ("unable to open config file: Stat: Access Denied.", False),
        ("unable to open config file: dial tcp: connection refused", False),
        ("the file does not exist", False),
    ],
)
def test_where_there_is_no_repository_yet(text: str, missing: bool) -> None:
    assert restic.is_missing(text) is missing


@pytest.mark.parametrize("snapshot", ["", "--help", "latest ", "FC8AB1A9", "fc8ab1"])
def test_what_is_no_snapshot(snapshot: str) -> None:
    with pytest.raises(Invalid):
        restic.fetch(snapshot, "/tmp/x")


def test_bodies_are_taken_from_the_copy_that_is_named() -> None:
    command = restic.save_beside(["picture", "bodies"], "mx", ("mailhub", "bodies-1"), "0a1b2c3d")
    assert command[-2:] == ("picture", "bodies")
    assert {"--parent=0a1b2c3d", "--tag=bodies-1", "--ignore-inode"} < {*command}
    assert restic.takes_known(command)
    first = restic.save_beside(["bodies"], "mx", ("mailhub-part", "bodies-1"), "")
    assert "--force" in first, "where none is named, none is chosen"
    assert not restic.takes_known(restic.save("picture", "mx"))


def test_what_ls_tells() -> None:
    lines = [
        b'{"time":"2026-11-21T01:00:00Z","struct_type":"snapshot"}\n',
        b'{"name":"000000","type":"dir","path":"/bodies/000000","struct_type":"node"}\n',
        b'{"name":"0000000000200001","type":"file","size":5,"struct_type":"node"}\n',
        b"warning: something\n",
    ]
    assert list(restic.names(lines)) == [("0000000000200001", 5)]


@pytest.mark.parametrize(
    ("said", "bodies"),
    [
        (b'{"message_type":"error","item":"/x/backup/bodies/000000/001/0000000000200001"}', True),
        (b"error: parts of /x/backup/bodies/000000/001/00 not found in the repository", True),
        (b'{"message_type":"error","item":"/x/backup/picture/store/database.dump"}', False),
        (b"Fatal: unable to open config file: /bodies/repository/config", False),
    ],
)
def test_whether_bodies_could_not_be_read(said: bytes, bodies: bool) -> None:
    assert restic.lacks_bodies(said) is bodies


def test_some_of_a_backup_is_brought_back() -> None:
    command = restic.fetch("0a1b2c3d", "/tmp/x", "picture", "bodies/000000/001")
    assert command[-2:] == ("--include=/picture", "--include=/bodies/000000/001")
    assert restic.drop("a", "b") == ("forget", "a", "b")


def test_copies_on_the_way_are_no_backups() -> None:
    told = json.dumps(
        [
            {"short_id": "a", "time": "2026-11-21T01:00:00Z", "tags": ["mailhub-part", "bodies-1"]},
            {"short_id": "b", "time": "2026-11-21T02:00:00Z", "tags": ["mailhub", "bodies-1"]},
        ]
    ).encode()
    assert [one.id for one in restic.listed(told)] == ["b"]
    assert [one.id for one in restic.listed(told, restic.PART)] == ["a"]
    assert [one.id for one in restic.listed(told, "bodies-1")] == ["a", "b"]


def test_what_there_is_can_be_seen_while_something_is_written() -> None:
    assert restic.only_looks(restic.snapshots("mailhub"))
    assert not restic.only_looks(restic.files("0a1b2c3d"))
    assert not restic.only_looks(restic.forget(3600))
