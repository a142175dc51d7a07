"""The file that says where a move comes from, and what is wrong with one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailhub.cli.switch import KINDS, switch
from mailhub.switching import source
from mailhub.switching.faults import SwitchFault
from mailhub.switching.source import Elsewhere, Kind, Login, Tls, Unknown

API = '[api]\nurl = "https://old.example"\nuser = "a"\npassword = "b"\n'
IMAP = '[imap]\nhost = "old.example"\n'


def parsed(text: str) -> source.Source:
    return source.parse(tomllib.loads(text), Path("/etc/old"))


def test_a_short_file_is_enough() -> None:
    found = parsed(f'kind = "tmail"\n{API}')
    assert (found.kind, found.name, found.imap) == (Kind.TMAIL, "tmail-old.example", None)
    assert (found.passwords, found.only, found.elsewhere) == (Unknown.NONE, (), None)


def test_all_of_a_long_one_is_read() -> None:
    found = parsed(
        'kind = "easymail"\nname = "old"\npasswords = "reset"\nonly = ["A.example"]\n'
        f'{API}timeout = 5\nca = "ca.pem"\n{IMAP}tls = "starttls"\nlogin = "master"\n'
        'master = "m"\npassword = "p"\nconnections = 4\nrate = 1000\n'
        '[given]\nhashes = "/h.csv"\n[given.keys]\n"a.example/s" = "s.pem"\n'
    )
    assert found.imap is not None
    assert (found.imap.tls, found.imap.door, found.imap.login) == (Tls.STARTTLS, 143, Login.MASTER)
    assert (found.api.timeout, found.api.ca) == (5.0, "/etc/old/ca.pem")
    assert found.given.keys == {"a.example/s": "/etc/old/s.pem"}
    assert found.given.hashes == "/h.csv"
    assert (found.passwords, found.only) == (Unknown.RESET, ("a.example",))


def test_where_accounts_live_meanwhile() -> None:
    found = parsed(f'kind = "tmail"\n{API}[elsewhere]\nimap = "imaps://old.example"\n')
    assert found.elsewhere == Elsewhere(imap="imaps://old.example")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (API, "kind: one of wildduck"),
        (f'kind = "exchange"\n{API}', "kind: one of"),
        ('kind = "tmail"', "a table .api. is missing"),
        ('kind = "tmail"\n[api]\nuser = "a"', "api.url is missing"),
        ('kind = "tmail"\n[api]\nurl = "https://x"', "`user` and `password`"),
        ('kind = "wildduck"\n[api]\nurl = "ftp://x"', "http or https"),
        ('kind = "wildduck"\n[api]\nurl = "https://a:b@x"', "`user` and `password`"),
        ('kind = "wildduck"\n[api]\nurl = "http://x.example"', "in the clear"),
        ('kind = "wildduck"\n[api]\nurl = 5', "api.url: not a text"),
        (f'kind = "tmail"\nname = "../x"\n{API}', "name: letters"),
        (f'kind = "tmail"\nonly = "x"\n{API}', "only: a list"),
        (f'kind = "tmail"\nfoo = 1\n{API}', "foo is none of"),
        (f'kind = "tmail"\n{API}bar = 1', "api.bar is none of"),
        (f'kind = "tmail"\n{API}{IMAP}', "`credentials`"),
        (f'kind = "tmail"\n{API}{IMAP}login = "master"', "`master` and `password`"),
        (f'kind = "tmail"\n{API}{IMAP}tls = "none"\ncredentials = "x"', "in the clear"),
        (f'kind = "tmail"\n{API}{IMAP}credentials = "x"\nconnections = 99', "1 to 32"),
        (f'kind = "tmail"\n{API}{IMAP}credentials = "x"\nport = true', "whole number"),
        (f'kind = "tmail"\n{API}{IMAP}login = "magic"', "imap.login: one of"),
        (f'kind = "tmail"\npasswords = "random"\n{API}[elsewhere]\nimap = "imaps://x"', "learned"),
    ],
)
def test_faults_are_told_by_name(text: str, words: str) -> None:
    with pytest.raises(SwitchFault, match=words):
        parsed(text)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text(f'kind = "tmail"\n{API}')
    path.chmod(0o644)
    with pytest.raises(SwitchFault, match="chmod 600"):
        source.read(path)
    path.chmod(0o600)
    assert source.read(path).kind is Kind.TMAIL
    path.write_text("kind = ")
    with pytest.raises(SwitchFault, match=r"old\.toml"):
        source.read(path)
    with pytest.raises(SwitchFault, match="No such file"):
        source.read(tmp_path / "none.toml")


def test_every_sample_is_a_source_once_it_is_filled_in() -> None:
    assert set(KINDS) == {kind.value for kind in Kind}
    for kind in KINDS:
        done = CliRunner().invoke(switch, ["sample", kind])
        assert done.exit_code == 0
        found = parsed(done.output)
        assert found.kind.value == kind
        assert found.imap is not None
        whole = done.output.replace("# [elsewhere]", "[elsewhere]").replace("# imap =", "imap =")
        assert parsed(whole).elsewhere == Elsewhere(imap="imaps://old.example.com")


@pytest.mark.parametrize("text", ["a@b.c\n", "a@b.c,\n", ",x\n"])
def test_lines_without_both_halves_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.csv").touch(mode=0o600)
    (tmp_path / "p.csv").write_text(f"# accounts\n{text}")
    with pytest.raises(SwitchFault, match="line 2"):
        source.pairs(str(tmp_path / "p.csv"), "a secret")


def test_secrets_may_hold_commas(tmp_path: Path) -> None:
    (tmp_path / "p.csv").touch(mode=0o600)
    (tmp_path / "p.csv").write_text("A@b.c, x,y \n")
    assert source.pairs(str(tmp_path / "p.csv"), "a secret") == {"a@b.c": " x,y "}
    (tmp_path / "p.csv").chmod(0o640)
    with pytest.raises(SwitchFault, match="chmod 600"):
        source.pairs(str(tmp_path / "p.csv"), "a secret")
