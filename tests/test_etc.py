"""The samples in `etc/` fit the server: its log lines, its command line, its service."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path

import pytest

from mailhub.net.log import json_line
from mailhub.tap import Options

ETC = Path(__file__).parent.parent / "etc"


def failregex() -> re.Pattern[str]:
    parser = configparser.ConfigParser()
    parser.read(ETC / "fail2ban" / "filter.d" / "mailhub.conf")
    text = parser["Definition"]["failregex"]
    return re.compile(text.replace("<ADDR>", r"(?P<host>[0-9a-fA-F.:]+)"))


@pytest.mark.parametrize("outcome", ["wrong", "limited"])
@pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8::7"])
def test_fail2ban_sees_wrong_passwords(outcome: str, peer: str) -> None:
    fields = {"outcome": outcome, "account": None, "service": "imap", "peer": peer}
    match = failregex().search(json_line(1.0, "info", "login", fields))
    assert match is not None
    assert match["host"] == peer


def test_fail2ban_sees_nothing_else() -> None:
    for verb, outcome in (("login", "ok"), ("connect", "wrong"), ("auth", "limited")):
        fields = {"outcome": outcome, "account": None, "peer": "192.0.2.7"}
        assert failregex().search(json_line(1.0, "info", verb, fields)) is None


def test_nobody_gets_an_address_banned_through_a_name() -> None:
    fields = {"outcome": "ok", "account": '"outcome":"wrong","peer":"192.0.2.9"', "peer": "::1"}
    assert failregex().search(json_line(1.0, "info", "login", fields)) is None


def test_the_unit_starts_what_there_is() -> None:
    parser = configparser.ConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(ETC / "systemd" / "mailhub.service")
    words = shlex.split(parser["Service"]["ExecStart"])
    assert words[0].endswith("/twistd")
    assert "--nodaemon" in words
    options = Options()
    options.parseOptions(words[words.index("mailhub") + 1 :])
    assert options["config"] == "/etc/mailhub/mailhub.toml"
