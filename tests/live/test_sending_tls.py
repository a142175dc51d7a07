"""TLS with servers that others wrote: better than nothing by default, and enforced where the
domain (MTA-STS, DANE), a route or the sender (REQUIRETLS) asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.authority import Authority, PolicyHost, tlsa
from tests.live.outgoing import SENDER, Hub, hub, text
from tests.live.peers import ROOT, Postfix, Sink, new_address, open_folder, running, until
from tests.live.server import PLAIN, Server

pytestmark = [pytest.mark.live, ROOT]
DOMAINS = ("right", "wrong", "testing")
MAIN = """
virtual_mailbox_domains = static:ok
smtpd_tls_chain_files = {pair}
smtpd_tls_security_level = {level}
smtpd_tls_loglevel = 1
"""
POLICY = "version: STSv1\r\nmode: {mode}\r\nmx: mx.{domain}\r\nmax_age: 86400\r\n"


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with open_folder() as folder:
        yield Authority(folder)


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Iterator[Hub]:
    with hub(sender=f'trusted = "{authority.path}"') as made:
        yield made


@pytest.fixture(scope="module")
def post(authority: Authority) -> Iterator[Postfix]:
    """Its certificate is for mx.right.test and no other."""
    pair = authority.pair("mx.right.test")
    with open_folder() as folder:
        made = Postfix(folder, "right.test", MAIN.format(pair=pair, level="may"))
        with running(made):
            yield made


@pytest.fixture(scope="module")
def policies(ours: Hub, authority: Authority) -> Iterator[PolicyHost]:
    address = new_address()
    names = [f"mta-sts.{name}.test" for name in DOMAINS]
    host = PolicyHost(address, authority.pair(*names))
    host.start()
    host.address = address  # type: ignore[attr-defined]
    yield host
    host.stop()


def zone(peer: Postfix | Sink, host: PolicyHost | None = None) -> str:
    text = peer.zone
    if host is not None:
        address = host.address  # type: ignore[attr-defined]
        text += f'_mta-sts IN TXT "v=STSv1; id=1;"\nmta-sts IN A {address}\n'
    return text


def test_a_certificate_for_somebody_else_is_better_than_none(ours: Hub, post: Postfix) -> None:
    ours.dns.load("other.test", zone(post))
    ours.submit(text("other"), "a@other.test")
    assert str(ours.fate("a@other.test", "delivered")["tls"]).startswith("TLSv1.")
    post.received()


def test_clear_text_where_there_is_no_other_way(ours: Hub, tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    ours.dns.load("clear.test", zone(sink))
    with running(sink):
        ours.submit(text("clear"), "a@clear.test")
        assert ours.fate("a@clear.test", "delivered")["tls"] == ""


def test_a_policy_that_the_certificate_keeps(
    ours: Hub, post: Postfix, policies: PolicyHost
) -> None:
    policies.policies["right.test"] = POLICY.format(mode="enforce", domain="right.test")
    ours.dns.load("right.test", zone(post, policies))
    ours.submit(text("right"), "a@right.test")
    ours.fate("a@right.test", "delivered")
    post.received()
    assert policies.asked.count("mta-sts.right.test") == 1


def test_a_policy_that_it_breaks(ours: Hub, post: Postfix, policies: PolicyHost) -> None:
    policies.policies["wrong.test"] = POLICY.format(mode="enforce", domain="wrong.test")
    ours.dns.load("wrong.test", zone(post, policies))
    ours.submit(text("wrong"), "a@wrong.test")
    said = ours.fate("a@wrong.test", "deferred")
    assert str(said["status"]).startswith("4.7.")
    assert "certificate is not for mx.wrong.test" in str(said["reply"])
    assert not ours.events("delivery", recipient="a@wrong.test", outcome="delivered")
    assert not post.count()


def test_a_policy_that_names_other_hosts(ours: Hub, post: Postfix, policies: PolicyHost) -> None:
    policies.policies["testing.test"] = POLICY.format(mode="enforce", domain="elsewhere.test")
    ours.dns.load("testing.test", zone(post, policies))
    ours.submit(text("named"), "a@testing.test")
    said = ours.fate("a@testing.test", "deferred")
    assert "MTA-STS" in str(said["reply"])
    # The domain thinks better of it: a new id, and a policy that only tries.
    policies.policies["testing.test"] = POLICY.format(mode="testing", domain="elsewhere.test")
    ours.dns.load("testing.test", zone(post, policies).replace("id=1", "id=2"))
    ours.submit(text("tried"), "b@testing.test")
    assert until(lambda: not post.count())


@pytest.mark.parametrize(
    ("name", "right", "authentic", "outcome"),
    [
        ("dane-right", True, True, "delivered"),
        ("dane-wrong", False, True, "deferred"),
        ("dane-unsigned", False, False, "delivered"),
    ],
)
def test_dane(
    ours: Hub,
    post: Postfix,
    authority: Authority,
    name: str,
    right: bool,
    authentic: bool,
    outcome: str,
) -> None:
    domain = f"{name}.test"
    pair = authority.path.parent / "mx.right.test.pem" if right else authority.pair(domain)
    ours.dns.load(domain, zone(post) + f"_25._tcp.mx IN TLSA {tlsa(pair)}\n")
    if authentic:
        ours.dns.authentic = {domain, f"mx.{domain}", f"_25._tcp.mx.{domain}"}
    ours.submit(text(name), f"a@{domain}")
    said = ours.fate(f"a@{domain}", outcome)
    if outcome == "delivered":
        assert str(said["tls"]).startswith("TLSv1.")
        post.received()
    else:
        assert "TLSA" in str(said["reply"])
        assert not post.count()


def test_a_route_that_requires_tls(ours: Hub, post: Postfix, tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    with running(sink):
        ours.server.command(
            *("routes", "add", "required.test", "--host", sink.address, "--tls", "required")
        )
        ours.server.command(
            *("routes", "add", "secured.test", "--host", post.address, "--tls", "required")
        )
        ours.submit(text("required"), "a@required.test", "a@secured.test")
        said = ours.fate("a@required.test", "deferred")
        assert said["reply"] == "TLS is required, and was not offered"
        assert str(ours.fate("a@secured.test", "delivered")["tls"]).startswith("TLSv1.")
        post.received()
        assert not sink.received()


def test_a_route_that_wants_a_verified_server(ours: Hub, post: Postfix) -> None:
    ours.dns.load("hosts.test", f"wrong IN A {post.address}\n")
    ours.dns.load("mx.right.test", f"@ IN A {post.address}\n")
    for name, host in (("verified", "mx.right.test"), ("doubtful", "wrong.hosts.test")):
        ours.server.command(*("routes", "add", f"{name}.test", "--host", host, "--tls", "verified"))
    ours.submit(text("verified"), "a@verified.test", "a@doubtful.test")
    ours.fate("a@verified.test", "delivered")
    post.received()
    assert "wrong.hosts.test" in str(ours.fate("a@doubtful.test", "deferred")["reply"])


PEER = """
[tls]
certificate = "{pair}"
key = "{pair}"

[[listener]]
service = "smtp"
endpoint = "tcp:25:interface={address}"
tls = "starttls"
"""


@pytest.mark.parametrize(("domain", "right"), [("peer.test", True), ("odd.test", False)])
def test_a_sender_who_requires_tls_on_the_whole_way(
    ours: Hub, authority: Authority, domain: str, right: bool
) -> None:
    """To another mailhub: it offers REQUIRETLS, and has to prove who it is."""
    address = new_address()
    pair = authority.pair(f"mx.{domain}" if right else "mx.elsewhere.test")
    ours.dns.load(domain, f"@ IN MX 10 mx\nmx IN A {address}\n")
    ours.dns.authentic = {domain, f"mx.{domain}", f"_25._tcp.mx.{domain}"}
    recipient = f"ada@{domain}"
    with hub(more=PEER.format(pair=pair, address=address), home=domain) as theirs:
        ours.submit(text(domain), recipient, mail=["REQUIRETLS"], tls=True)
        if right:
            assert until(lambda: theirs.inbox(recipient)), ours.tail()
            ours.fate(recipient, "delivered")
        else:
            said = ours.fate(recipient, "deferred")
            assert f"certificate is not for mx.{domain}" in str(said["reply"])
            assert not theirs.inbox(recipient)


def test_a_server_that_cannot_promise_tls_on_the_whole_way(ours: Hub, post: Postfix) -> None:
    ours.dns.load("right.test", zone(post))
    ours.dns.authentic = {"right.test", "mx.right.test", "_25._tcp.mx.right.test"}
    ours.submit(text("promise"), "a@right.test", mail=["REQUIRETLS"], tls=True)
    bounce = ours.mail_about("promise")
    assert "Status: 5.7.30" in bounce.as_string()
    assert "The first line" not in bounce.as_string()
    assert not post.count()


def test_nobody_is_asked_for_it_in_clear_text(ours: Hub) -> None:
    with ours.submission() as smtp:
        smtp.ehlo()
        assert not smtp.has_extn("requiretls")
        assert smtp.mail(SENDER, ["REQUIRETLS"])[0] >= 500


@pytest.mark.parametrize("words", [None, "# nothing yet"])
def test_without_authorities_there_is_no_start(tmp_path: Path, words: str | None) -> None:
    """Better than mail that waits for days, and a log that nobody reads."""
    if words is not None:
        (tmp_path / "ca.pem").write_text(words)
    server = Server(tmp_path, PLAIN + '[sender]\ntrusted = "ca.pem"\n')
    with pytest.raises(AssertionError, match=rf"mailhub: sender.trusted: {tmp_path}/ca.pem: "):
        server.start()
    assert server.ended_within(30)
