"""What somebody else on the same machine could get at: memory, files, privileges."""

from __future__ import annotations

import re
from pathlib import Path

from tests.live.conftest import User
from tests.live.server import Server
from tests.live.wire import IMAP, SMTP


def test_the_process_leaves_no_memory_behind_and_gains_no_rights(server: Server) -> None:
    limits = Path(f"/proc/{server.pid}/limits").read_text()
    assert re.search(r"(?m)^Max core file size +0 ", limits)
    status = Path(f"/proc/{server.pid}/status").read_text()
    assert re.search(r"(?m)^NoNewPrivs:\t1$", status)


def test_nobody_else_can_read_what_is_kept(server: Server, user: User) -> None:
    with SMTP(server.port("smtp")) as smtp:
        smtp.begin(user.address.encode())
        assert smtp.say(b"Subject: private\r\n\r\nx\r\n.")[:3] == b"250"
    assert server.var.stat().st_mode & 0o777 == 0o700
    kept = [*(server.var / "store").rglob("*"), *server.var.rglob("*.key")]
    kept += [*server.var.glob("*.json"), server.var / "run" / "control.sock"]
    assert len(kept) > 5
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_no_name_of_a_user_or_mailbox_is_part_of_a_path(server: Server, user: User) -> None:
    name = "Very-Own-Mailbox-77"
    with IMAP(server.port("imap"), user.address, user.password) as imap:
        assert b" OK" in imap.say(b"CREATE %s" % name.encode())[-1]
        assert b" OK" in imap.say(b"APPEND %s {1+}\r\nx" % name.encode())[-1]
    paths = [str(path.relative_to(server.var)) for path in server.var.rglob("*")]
    local = user.address.partition("@")[0]
    assert [path for path in paths if name in path or local in path or "live.test" in path] == []


def test_no_program_is_ever_started(server: Server, user: User) -> None:
    """Shell words in names can do nothing where there is no shell. The server's own part that
    indexes mail is the only other process."""
    with SMTP(server.port("smtp")) as smtp:
        smtp.say(b"MAIL FROM:<a;`id`@example.org>")
        smtp.say(b"RCPT TO:<%s>" % user.address.encode())
    tasks = Path(f"/proc/{server.pid}/task").iterdir()
    children = [child for task in tasks for child in (task / "children").read_text().split()]
    commands = [Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0") for child in children]
    assert [words[1:3] for words in commands] == [[b"-m", b"mailhub.indexing"]]
