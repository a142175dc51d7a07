"""Mail that leaves over servers that an administrator named: logins, failover, weights."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.authority import Authority
from tests.live.outgoing import HOME, SENDER, Hub, hub, text
from tests.live.peers import ROOT, Postfix, Sink, end, new_address, open_folder, running, until
from tests.programs import program

pytestmark = [pytest.mark.live, ROOT]
NAME, SECRET = "relay-user", 'Relay "Passw0rd" 1'
DOVECOT = """
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot/state
log_path = {folder}/dovecot.log
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""
MAIN = """
virtual_mailbox_domains = static:ok
smtpd_tls_chain_files = {pair}
smtpd_tls_security_level = may
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_sasl_security_options = noanonymous
broken_sasl_auth_clients = no
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256")


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub() as made:
        yield made


@dataclass
class Smarthost:
    """A Postfix that takes mail of users alone, whom its Dovecot knows. `by`: the address at which
    it offers a mechanism, and no other."""

    post: Postfix
    by: Mapping[str, str]


@pytest.fixture(scope="module")
def smarthost() -> Iterator[Smarthost]:
    by = {name: new_address() for name in MECHANISMS}
    with open_folder() as folder:
        pair = Authority(folder).pair("smart.test")
        doors = {by[name]: f"-o smtpd_sasl_mechanism_filter={name}" for name in MECHANISMS}
        post = Postfix(folder, "smart.test", MAIN.format(pair=pair, folder=folder), doors)
        (folder / "users").write_text(f"{NAME}:{{PLAIN}}{SECRET}\n")
        mechanisms = " ".join(MECHANISMS).lower()
        (folder / "dovecot.conf").write_text(DOVECOT.format(folder=folder, mechanisms=mechanisms))
        dovecot = subprocess.Popen(
            [program("dovecot"), "-F", "-c", folder / "dovecot.conf"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            # A Postfix that nobody can log in to ends at once, and rests for a minute then.
            assert until(lambda: listens(folder / "auth"))
            with running(post):
                yield Smarthost(post, by)
        finally:
            end(dovecot)


def listens(path: Path) -> bool:
    """Whether somebody takes connections at this socket."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def add_route(ours: Hub, destination: str, host: str, *more: str, password: str = "") -> str:
    """A route; returns its number."""
    words = ["routes", "add", destination, "--host", host, *more]
    if password:
        words += ["--password-stdin"]
    done = subprocess.run(
        [ours.server.tool, "--config", ours.server.config, *words],
        input=f"{password}\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[1]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_login_at_a_smarthost(ours: Hub, smarthost: Smarthost, mechanism: str) -> None:
    name = mechanism.lower()
    add_route(ours, f"{name}.test", smarthost.by[mechanism], "--login", NAME, password=SECRET)
    ours.submit(text(name), f"a@{name}.test")
    ours.fate(f"a@{name}.test", "delivered")
    smarthost.post.received()
    assert f"sasl_method={mechanism}, sasl_username={NAME}" in smarthost.post.log()


def test_the_best_of_what_is_offered(ours: Hub, smarthost: Smarthost) -> None:
    add_route(ours, "best.test", smarthost.post.address, "--login", NAME, password=SECRET)
    before = smarthost.post.log().count("sasl_method=SCRAM-SHA-256")
    ours.submit(text("best"), "a@best.test")
    ours.fate("a@best.test", "delivered")
    smarthost.post.received()
    assert smarthost.post.log().count("sasl_method=SCRAM-SHA-256") == before + 1


def test_a_wrong_password_makes_mail_wait(ours: Hub, smarthost: Smarthost) -> None:
    host = smarthost.by["PLAIN"]
    number = add_route(ours, "locked.test", host, "--login", NAME, password="not-this")
    ours.submit(text("locked"), "a@locked.test")
    said = ours.fate("a@locked.test", "deferred")
    assert "535 5.7.8" in str(said["reply"])
    assert "not-this" not in ours.server.log.read_text()
    # The administrator mends it: what waits goes on by itself.
    words = ("--priority", "-1", "--login", NAME)
    add_route(ours, "locked.test", host, *words, password=SECRET)
    ours.server.command("routes", "del", number)
    ours.fate("a@locked.test", "delivered")
    smarthost.post.received()


def test_the_next_server_of_a_route_that_is_away(ours: Hub, tmp_path: Path) -> None:
    spare = Sink(tmp_path)
    add_route(ours, "spare.test", new_address(), "--priority", "1")
    add_route(ours, "spare.test", spare.address, "--priority", "2")
    with running(spare):
        ours.submit(text("spare"), "a@spare.test")
        ours.fate("a@spare.test", "delivered")
        assert not ours.events("delivery", recipient="a@spare.test", outcome="deferred")
        assert len(spare.received()) == 1


def test_the_next_server_of_one_that_has_no_time(ours: Hub, tmp_path: Path) -> None:
    busy, spare = Sink(tmp_path, "-Q", "CONNECT"), Sink(tmp_path)
    add_route(ours, "busy.test", busy.address, "--priority", "1")
    add_route(ours, "busy.test", spare.address, "--priority", "2")
    with running(busy, spare):
        ours.submit(text("busy"), "a@busy.test")
        ours.fate("a@busy.test", "delivered")
        assert len(spare.received()) == 1


def test_weights_share_the_mail(ours: Hub, tmp_path: Path) -> None:
    much, little = Sink(tmp_path), Sink(tmp_path)
    add_route(ours, "weighed.test", much.address, "--weight", "9")
    add_route(ours, "weighed.test", little.address, "--weight", "1")
    with running(much, little):
        for n in range(40):
            ours.submit(text(f"weight-{n}"), f"a{n}@weighed.test")
        assert until(lambda: len(much.received()) + len(little.received()) == 40)
        # The odds of fewer than 21 of 40 at nine to one are below one in a hundred million.
        assert len(much.received()) > 20


def test_routes_by_sender_and_by_account(ours: Hub, tmp_path: Path) -> None:
    grace = f"grace@{HOME}"
    ours.server.add_user(grace, "Live-Passw0rd-1")
    of_grace, of_domain, of_all = Sink(tmp_path), Sink(tmp_path), Sink(tmp_path)
    add_route(ours, "any.test", of_all.address)
    add_route(ours, "any.test", of_domain.address, "--sender", HOME)
    add_route(ours, "any.test", of_grace.address, "--user", grace)
    ours.server.command("alias", "add", f"on@{HOME}", "far@any.test")
    message = text("by-grace").replace(b"ada@", b"grace@")
    with running(of_grace, of_domain, of_all):
        ours.submit(message, "b@any.test", sender=grace, user=grace)
        ours.submit(text("by-ada"), "a@any.test")
        ours.arrives(text("by-nobody"), f"on@{HOME}", sender="")
        for recipient in ("a@any.test", "b@any.test", "far@any.test"):
            ours.fate(recipient, "delivered")
        assert [one.rcpt for one in of_grace.received()] == [["<b@any.test>"]]
        assert [one.rcpt for one in of_domain.received()] == [["<a@any.test>"]]
        forwarded = f"<far@any.test> ORCPT=rfc822;on@{HOME}"
        assert [one.rcpt for one in of_all.received()] == [[forwarded]]


def test_a_smarthost_on_a_port_of_its_own(ours: Hub, tmp_path: Path) -> None:
    """And mail of a domain that does not exist goes there too: it may know better."""
    sink = Sink(tmp_path, port=2525)
    add_route(ours, "unknown.invalid", sink.address, "--port", "2525")
    with running(sink):
        ours.submit(text("port"), "a@unknown.invalid")
        ours.fate("a@unknown.invalid", "delivered")
        assert sink.received()[0].mail.startswith(f"<{SENDER}>")
