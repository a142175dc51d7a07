"""tmail's seven groups of commands by their names, one after the other, on a running server."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import partial

import pytest

from tests.live.bumpy import Bumpy
from tests.live.outgoing import SENDER, Hub, hub, text
from tests.live.peers import until

KEY = r"[A-Za-z0-9+/=]{300,}"
SENT = "3"
"""So many wait when the queue is counted first."""
COMMANDS = (
    # user
    ("user add joe@home.test --password s3cret-of-joe --quota 1073741824", "added joe@home.test"),
    ("user update joe@home.test --password an0ther-one", "changed joe@home.test"),
    ("user add printer --login-only --password s3cret-of-printer", "added printer"),
    ("user list printer", r"printer\t\t\tuser\tno\t0\t0"),
    ("user list joe", r"joe@home\.test\tjoe@home\.test\t.*"),
    # alias: to several, to a program, as a minilist
    ("alias add all@home.test joe@home.test grace@far.test", "added all@home.test"),
    ("alias add tickets@home.test --program 'ticket --new'", "added tickets@home.test"),
    ("alias add list@home.test joe@home.test --minilist", "added list@home.test"),
    ("alias list all@", r"all@home\.test\tjoe@home\.test, grace@far\.test\t.*"),
    ("alias del all@home.test", "removed all@home.test"),
    # rcpthost: local, and passed on
    ("rcpthost add relayed.test", "added relayed.test"),
    ("rcpthost add second.test --local", "added second.test"),
    ("rcpthost list", r"(?s)home\.test\tno.*relayed\.test\tyes.*second\.test\tno.*"),
    ("rcpthost del second.test", "removed second.test"),
    # relayip
    ("relayip add 192.0.2.0/24", "added 192.0.2.0/24"),
    ("relayip list", r"192\.0\.2\.0/24"),
    ("relayip del 192.0.2.0/24", "removed 192.0.2.0/24"),
    # routes: by destination, by sender and user, two local addresses, with a login
    ("routes add far.test --host 127.0.0.1 --port PORT --tls none", "added 1"),
    ("routes add '*' --sender home.test --user joe@home.test --priority 2", "added 2"),
    ("routes add '*' --source 127.0.0.2 --source 127.0.0.3 --spread", "added 3"),
    (
        "routes list",
        r"(?s)1\tfar\.test\t\t\t127\.0\.0\.1\tPORT\t0\t1\tnone.*2\t\*\thome\.test\tjoe.*",
    ),
    ("routes del 2", "removed 2"),
    # dkim
    ("dkim enable home.test", r"(?s)home\.test\t\S+\t(rsa|ed25519)\tactive.*"),
    ("dkim getprivkey home.test", "(?s)-----BEGIN PRIVATE KEY-----.*"),
    ("dkim getpubkey home.test", KEY),
    ("dkim getdnsrecord home.test", r".*\._domainkey\.home\.test\. IN TXT .*v=DKIM1.*"),
    ("dkim disable home.test", "disabled home.test"),
    # queue
    ("queue count", SENT),
    ("queue list", r"(?s)1\t.*later1@far\.test.*3\t.*later3@far\.test.*"),
    ("queue discard 1", "discarded 1 recipient"),
    ("queue bounce 2", "bounced 1 recipient"),
    ("queue count", "1"),  # its sender was told, and has that
    ("queue purge --yes", "discarded 1 recipient"),
    ("queue count", "0"),
    ("user del joe@home.test --yes", ""),
)


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub(queue={"retry": "[3600]"}) as made:
        yield made


def test_tmail_s_commands(ours: Hub) -> None:
    with Bumpy() as far:
        for line, pattern in COMMANDS:
            if pattern == SENT:
                for name in ("later1", "later2", "later3"):
                    ours.submit(text(name), f"{name}@far.test")
                assert until(lambda: len(ours.events("delivery", outcome="deferred")) == 3)
            words = shlex.split(line.replace("PORT", str(far.port)))
            if line == "queue count":
                said = partial(ours.server.command, *words)
                assert until(lambda: said().stdout.strip() == pattern)  # noqa: B023
                continue
            done = ours.server.command(*words)
            wanted = pattern.replace("PORT", str(far.port))
            assert re.fullmatch(wanted, done.stdout.strip()) or not wanted, (line, done.stdout)
    assert "later2@far.test" in ours.mail_about("later2", SENDER).as_string()
    assert far.taken == []
