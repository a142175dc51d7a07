"""Looks at the server and its domains: each thing good, bad, and where nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mailhub.core.checkup import Checkup, Door
from mailhub.core.checkup.looking import DOMAIN_FRESH, FRESH, NETWORK, SYSTEM
from mailhub.core.checkup.means import Means
from mailhub.core.zones import Zones
from mailhub.model.backup import BackupTarget
from mailhub.model.checkup import Finding, Light
from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import NotFound, Unavailable, Untrusted
from mailhub.model.route import TLSA
from mailhub.model.settings_checks import CheckSettings
from mailhub.model.settings_system import SystemSettings
from mailhub.model.zone import CustomRecord
from mailhub.policy import sts_announced
from tests import zoned
from tests.backing import backups
from tests.certified import ADDRESS, Certified, certify
from tests.checked import FakeCondition, FakeFetch, FakeMachine, FakeReach, means, system
from tests.fakes import ListLog
from tests.names import FakeResolver
from tests.support import run
from tests.world import ACTOR, DOMAIN, HOSTNAME, World, world

OK, WARNING, ERROR = Light.OK, Light.WARNING, Light.ERROR
POLICY = f"https://mta-sts.{DOMAIN}/.well-known/mta-sts.txt"
PROBE = CheckSettings(probe="far.example")


@dataclass
class Site:
    """A server to be looked at: `found(title)` is by what was looked at."""

    given: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world: World = world(people=(f"joe@{DOMAIN}",))
        self.resolver: FakeResolver = self.world.resolver
        self.certified: Certified = certify(self.world)
        self.backups = backups(self.world.clock, self.world.log)
        self.machine = FakeMachine()
        self.zones: Zones = zoned.place(self.world, sign=True).zones
        given = {"zones": self.zones, **self.given}
        self.means: Means = means(self.world, self.machine, self.certified, self.backups, **given)
        self.checkup = Checkup(self.means)

    def found(self, title: str = DOMAIN) -> dict[str, Finding]:
        (chapter,) = run(self.checkup.some([title], anew=True))
        assert chapter.at == int(self.world.clock.now())
        return {one.what: one for one in chapter.findings}

    def light(self, what: str, title: str = DOMAIN) -> Light | None:
        one = self.found(title).get(what)
        assert one is None or one.light is OK or one.mend or not one.sure, "it says what mends it"
        return one.light if one is not None else None


@pytest.fixture
def site() -> Site:
    return Site()


# -- mail of a domain


@pytest.mark.parametrize(
    ("records", "light"),
    [
        ([(10, HOSTNAME)], OK),
        ([(10, HOSTNAME), (20, "second.example")], OK),
        ([(10, "far.example")], ERROR),
        ([], ERROR),
        (NotFound("x"), ERROR),
    ],
)
def test_mail_of_a_domain_comes_here(site: Site, records: Any, light: Light) -> None:
    site.resolver.set(DOMAIN, "MX", records)
    assert site.light("mx") is light


@pytest.mark.parametrize(
    ("texts", "light"),
    [
        (["v=spf1 mx -all"], OK),
        (["v=spf1 ip4:192.0.2.0/24 include:far.example -all", "other"], OK),
        (["v=spf1 ip4:198.51.100.1 -all"], ERROR),
        (["v=spf1 mx -all", "v=spf1 -all"], ERROR),
        (["v=spf10 mx -all"], ERROR),
        (["v=spf1 mx bogus"], ERROR),
        (["v=spf1 +all"], WARNING),
        ([], ERROR),
    ],
)
def test_spf_lets_this_server_send(site: Site, texts: list[str], light: Light) -> None:
    site.resolver.set(DOMAIN, "MX", [(10, HOSTNAME)])
    site.resolver.set(HOSTNAME, "A", [ADDRESS])
    site.resolver.set(DOMAIN, "TXT", texts)
    assert site.light("spf") is light


@pytest.mark.parametrize(
    ("texts", "light"),
    [
        (["v=DMARC1; p=quarantine"], OK),
        (["v=DMARC1;p=reject;rua=mailto:x@y.example"], OK),
        (["v=DMARC1; p=none"], WARNING),
        (["v=DMARC1; p=reject", "v=DMARC1; p=reject"], ERROR),
        (["something"], ERROR),
        ([], ERROR),
    ],
)
def test_dmarc_says_what_forged_mail_gets(site: Site, texts: list[str], light: Light) -> None:
    site.resolver.set(f"_dmarc.{DOMAIN}", "TXT", texts)
    assert site.light("dmarc") is light


def test_keys_of_dkim_are_published(site: Site) -> None:
    run(site.world.keys.rotate(DOMAIN, ACTOR, selector="one"))
    wanted, *_ = [one for one in run(site.world.records.of(DOMAIN)) if "_domainkey" in one.name]
    what = f"TXT {wanted.name}"
    assert site.light(what) is WARNING, "it does not sign yet"
    site.resolver.set(wanted.name, "TXT", ["v=DKIM1; k=ed25519; p=AAAA"])
    assert site.found()[what].text.endswith("says something else.")
    site.resolver.set(wanted.name, "TXT", [wanted.data])
    assert site.light(what) is OK


def sts(*lines: str) -> bytes:
    return "\n".join(["version: STSv1", *lines, "max_age: 86400"]).encode()


@pytest.mark.parametrize(
    ("text", "document", "light", "words"),
    [
        ("v=STSv1; id=1", sts("mode: enforce", f"mx: {HOSTNAME}"), OK, "demands verified TLS"),
        ("v=STSv1; id=1", sts("mode: testing", f"mx: {HOSTNAME}"), WARNING, "testing"),
        ("v=STSv1; id=1", sts("mode: none"), WARNING, "none"),
        ("v=STSv1; id=1", sts("mode: enforce", "mx: far.example"), ERROR, "does not name"),
        ("v=STSv1; id=1", b"<html>", ERROR, "cannot be read"),
        ("v=STSv1; id=1", Unavailable("refused"), ERROR, "cannot be fetched"),
        ("v=STSv1; id=1", Untrusted("self-signed"), ERROR, "nobody trusts"),
        ("v=STSv1; id", b"", ERROR, "cannot be read"),
        ("", b"", WARNING, "no policy"),
    ],
)
def test_a_policy_of_mta_sts_is_fetched(text: str, document: Any, light: Light, words: str) -> None:
    fetch = FakeFetch()
    fetch.documents[POLICY] = document
    site = Site({"fetch": fetch})
    site.resolver.set(f"_mta-sts.{DOMAIN}", "TXT", [text] if text else [])
    one = site.found()["mta-sts"]
    assert (one.light, words in one.text) == (light, True), one.text


def test_our_own_policy_is_a_good_one() -> None:
    fetch = FakeFetch()
    fetch.documents[POLICY] = sts_announced.document(HOSTNAME)
    site = Site({"fetch": fetch})
    announced = f"v=STSv1; id={sts_announced.policy_id(HOSTNAME)}"
    site.resolver.set(f"_mta-sts.{DOMAIN}", "TXT", [announced])
    assert site.light("mta-sts") is OK


def test_addresses_that_have_to_be_lead_somewhere(site: Site) -> None:
    assert site.light("postmaster") is ERROR
    assert site.light("hostmaster", HOSTNAME) is ERROR


# -- zones


def ns(*hosts: str) -> list[str]:
    return list(hosts)


OURS = (f"ns1.{HOSTNAME}", f"ns2.{HOSTNAME}")


@pytest.mark.parametrize(
    ("serves", "hosts", "light"),
    [
        (True, OURS, OK),
        (True, (OURS[0], "far.example"), WARNING),
        (True, ("far.example",), WARNING),
        (False, ("far.example",), OK),
        (True, (), ERROR),
        (False, (), ERROR),
    ],
)
def test_who_answers_for_a_zone(serves: bool, hosts: Sequence[str], light: Light) -> None:
    site = Site({"serves": serves})
    site.resolver.set(DOMAIN, "NS", list(hosts))
    assert site.light("ns") is light


def test_a_zone_that_is_signed_is_pointed_to_by_its_key() -> None:
    site = Site({"serves": True})
    site.resolver.set(DOMAIN, "NS", list(OURS))
    run(site.zones.update(ACTOR))
    one = site.found()["ds"]
    assert one.light is WARNING, "nobody above says that it is signed"
    right = run(site.zones.ds(DOMAIN))
    assert [f"{DOMAIN}. IN DS {text}" for text in right] == [
        line.text for line in one.details if line.literal
    ]
    assert any("ECDSAP256SHA256" in line.text for line in one.details)
    site.resolver.set(DOMAIN, "DS", [right[0].upper()])
    site.resolver.set(DOMAIN, "SOA", [(OURS[0], "x", 1)])
    assert site.light("ds") is OK
    tag = right[0].split()[0]
    site.resolver.set(DOMAIN, "DS", [f"{tag} 13 2 {'ab' * 32}"])
    assert site.light("ds") is ERROR, "of another key"
    site.resolver.set(DOMAIN, "DS", [right[0], f"1 8 2 {'ab' * 32}"])
    one = site.found()["ds"]
    assert (one.light, "RSASHA256" in str(one.details)) == (WARNING, True), "a stale algorithm"
    site.resolver.set(DOMAIN, "DS", [right[0]])
    site.resolver.set(DOMAIN, "SOA", Unavailable("The DNS server says SERVFAIL"))
    assert site.light("ds") is ERROR, "who verifies it does not believe it"


@pytest.mark.parametrize(("serves", "light"), [(True, ERROR), (False, OK)])
def test_a_zone_that_is_not_signed_by_us(serves: bool, light: Light) -> None:
    site = Site()
    site = Site({"serves": serves, "zones": zoned.place(site.world).zones})
    assert "ds" not in site.found()
    site.resolver.set(DOMAIN, "DS", [f"1 8 2 {'ab' * 32}"])
    assert site.light("ds") is light


class OneServer:
    """A resolver that is one name server."""

    def __init__(self, serial: int | None) -> None:
        self.serial = serial

    async def query(self, name: str, kind: str) -> DNSAnswer:
        if self.serial is None:
            raise Unavailable("The DNS server says REFUSED")
        records = ((OURS[0], "hostmaster", self.serial),) if self.serial else ()
        return DNSAnswer(name, kind, records)


def test_secondaries_have_what_we_have() -> None:
    other = OneServer(None)
    asked = []

    def asking(address: str) -> OneServer:
        asked.append(address)
        return other

    site = Site({"serves": True, "asking": asking})
    run(site.zones.set_secondaries(["ns.far.example", "xfr:192.0.2.9"], ACTOR))
    what = "secondary ns.far.example"
    assert site.light(what) is ERROR, "it has no address"
    site.resolver.set("ns.far.example", "A", ["192.0.2.53"])
    assert site.light(what) is ERROR
    other.serial = 0
    assert site.light(what) is ERROR
    other.serial = run(site.zones.serials())[DOMAIN]
    assert site.light(what) is OK
    other.serial -= 1
    one = site.found()[what]
    assert (one.light, one.sure) == (WARNING, False), "it will fetch it"
    assert set(asked) == {"192.0.2.53"}
    site.resolver.set(DOMAIN, "NS", [OURS[0], "ns.far.example"])
    assert site.light("ns") is OK


# -- the server's own name


@pytest.mark.parametrize(
    ("address", "light"), [([ADDRESS], OK), (["198.51.100.1"], ERROR), ([], ERROR)]
)
def test_the_name_leads_here(site: Site, address: list[str], light: Light) -> None:
    site.resolver.set(HOSTNAME, "A", address)
    assert site.light("address", HOSTNAME) is light


@pytest.mark.parametrize(
    ("hello", "name", "light"),
    [
        ("", HOSTNAME, OK),
        ("", "far.example", ERROR),
        ("out.example.org", "out.example.org", OK),
        ("out.example.org", HOSTNAME, ERROR),
    ],
)
def test_addresses_are_called_as_the_server_says_hello(hello: str, name: str, light: Light) -> None:
    site = Site({"hello": hello})
    site.resolver.set("25.2.0.192.in-addr.arpa", "PTR", [name])
    assert site.light(f"reverse {ADDRESS}", HOSTNAME) is light
    assert site.light("hello", HOSTNAME) is (ERROR if hello else None)


def test_name_servers_are_found_by_glue() -> None:
    site = Site({"serves": True})
    what = f"glue {OURS[1]}"
    assert site.light(what, HOSTNAME) is ERROR
    site.resolver.set(OURS[1], "A", ["198.51.100.1"])
    assert site.light(what, HOSTNAME) is ERROR
    site.resolver.set(OURS[1], "A", [ADDRESS])
    assert site.light(what, HOSTNAME) is OK
    assert "glue ns1" not in str(Site().found(HOSTNAME))


def test_tlsa_is_that_of_the_key_in_use(site: Site) -> None:
    what, name = "tlsa _25._tcp", f"_25._tcp.{HOSTNAME}"
    right = bytes.fromhex(site.certified.certificates.fingerprint())
    assert site.light(what, HOSTNAME) is WARNING
    site.resolver.set(name, "TLSA", [TLSA(3, 1, 1, b"x" * 32)])
    assert site.light(what, HOSTNAME) is ERROR
    site.resolver.set(name, "TLSA", [TLSA(3, 1, 1, b"x" * 32), TLSA(3, 1, 1, right)])
    one = site.found(HOSTNAME)[what]
    assert (one.light, "nobody relies on it" in one.text) == (OK, True)
    site.resolver.authentic = True
    assert "nobody relies on it" not in site.found(HOSTNAME)[what].text


# -- the network


def test_listeners_that_nobody_reaches_are_told() -> None:
    reach = FakeReach()
    doors = (Door("smtp 25", "tcp:192.0.2.25:25"), Door("imap 993", "tcp:192.0.2.25:993"))
    site = Site({"reach": reach, "doors": lambda: doors})
    assert site.light("listeners", NETWORK) is OK
    reach.closed.add(doors[1].endpoint)
    one = site.found(NETWORK)["listeners"]
    assert (one.light, [line.text for line in one.details]) == (
        ERROR,
        ["imap 993: Connection refused"],
    )


def test_what_servers_share_is_told_of_with_its_own_words() -> None:
    assert Site().light("coordination", NETWORK) is None
    troubles: dict[str, str] = {}
    site = Site({"troubles": lambda: troubles})
    assert site.light("coordination", NETWORK) is OK
    troubles["Redis"] = "NOPERM our user may not run zadd"
    found = site.found(NETWORK)["coordination"]
    assert found.light is ERROR
    assert [one.text for one in found.details] == ["Redis: NOPERM our user may not run zadd"]


def test_programs_of_others_are_there() -> None:
    reach = FakeReach()
    site = Site({"reach": reach, "services": (Door("ClamAV", "unix:/clamd"),)})
    assert site.light("service ClamAV", NETWORK) is OK
    reach.closed.add("unix:/clamd")
    assert site.light("service ClamAV", NETWORK) is ERROR


def test_mail_can_leave() -> None:
    reach = FakeReach()
    site = Site({"reach": reach, "settings": PROBE})
    assert site.light("port 25", NETWORK) is OK
    assert reach.asked == ["tcp:far.example:25"]
    reach.greeting = b"Welcome to this hotel"
    assert site.light("port 25", NETWORK) is WARNING
    reach.closed.add("tcp:far.example:25")
    assert site.light("port 25", NETWORK) is ERROR
    assert Site().light("port 25", NETWORK) is None, "it is not tried unless somebody says where"


@pytest.mark.parametrize(
    ("answers", "light", "sure"),
    [
        (["127.0.0.2"], ERROR, True),
        (["127.0.0.10", "127.0.0.4"], ERROR, True),
        (["127.255.255.254"], WARNING, False),
        (["127.255.255.252"], WARNING, False),
        (["198.51.100.1"], OK, True),
        ([], OK, True),
    ],
)
def test_lists(site: Site, answers: list[str], light: Light, sure: bool) -> None:
    site.resolver.set("25.2.0.192.zen.spamhaus.org", "A", answers)
    site.resolver.set(f"{DOMAIN}.dbl.spamhaus.org", "A", answers)
    for title, what in ((NETWORK, f"list {ADDRESS}"), (DOMAIN, f"list {DOMAIN}")):
        one = site.found(title)[what]
        assert (one.light, one.sure) == (light, sure)


def test_lists_are_not_asked_where_none_is_named() -> None:
    site = Site({"settings": CheckSettings(addresses="", domains="")})
    for title in (NETWORK, DOMAIN, HOSTNAME):
        assert not any(what.startswith("list ") for what in site.found(title))
    assert not any("spamhaus" in name for name, _ in site.resolver.asked)


# -- web names and certificates


def test_web_names_lead_here(site: Site) -> None:
    names = [f"{label}.{DOMAIN}" for label in ("autoconfig", "autodiscover", "mta-sts")]
    assert site.light("web") is WARNING
    for name in (*names, f"www.{DOMAIN}", DOMAIN):
        site.resolver.set(name, "A", [ADDRESS])
    assert site.light("web") is OK
    assert site.light("site") is None
    site.resolver.set(f"www.{DOMAIN}", "A", ["198.51.100.1"])
    assert (site.light("web"), site.light("site")) == (OK, OK)
    record = CustomRecord(f"www.{DOMAIN}", "A", "198.51.100.1")
    run(site.world.store.zones.add(record, 10, ACTOR))
    assert site.light("site") is WARNING


def test_certificates_that_lack_are_one_line(site: Site) -> None:
    (one,) = [one for what, one in site.found().items() if what.startswith("certificate")]
    assert one.light is WARNING
    assert one.text.startswith("There is no certificate for ")
    assert f"autoconfig.{DOMAIN}" in one.text


# -- the machine


@pytest.mark.parametrize(
    ("given", "what", "light"),
    [
        ({"free": 2 << 30}, "memory", OK),
        ({"free": 600 << 20}, "memory", WARNING),
        ({"free": 100 << 20}, "memory", ERROR),
        ({"clock": True}, "clock", OK),
        ({"clock": False}, "clock", WARNING),
        ({"clock": None}, "clock", None),
        ({"passwords": False}, "ssh", OK),
        ({"passwords": True}, "ssh", ERROR),
        ({"passwords": None}, "ssh", None),
    ],
)
def test_the_machine(given: dict[str, Any], what: str, light: Light | None) -> None:
    assert Site({"condition": FakeCondition(**given)}).light(what, SYSTEM) is light


def test_packages_versions_and_reboots() -> None:
    site = Site()
    assert {"packages", "reboot", "version"} & set(site.found(SYSTEM)) == set()
    settings = SystemSettings(packages=True, versions="https://versions.example/")
    looked = system(site.world, site.machine, settings)
    looked.keep_private(False)
    site.world.web.body = b"v1.2.3"
    other = Site({"system": looked})
    assert other.light("packages", SYSTEM) is WARNING
    assert other.light("version", SYSTEM) is OK
    site.machine.marked = True
    assert other.light("reboot", SYSTEM) is WARNING
    site.world.web.body = b"v1.3"
    assert other.light("version", SYSTEM) is OK, "it is known for some hours"
    site.world.clock.advance(9 * 3600)
    assert other.light("version", SYSTEM) is WARNING


def test_backups_and_whether_they_can_be_read(site: Site) -> None:
    parts: Any = site.backups
    assert site.light("backup", SYSTEM) is ERROR
    run(site.backups.run())
    assert (site.light("backup", SYSTEM), site.light("verification", SYSTEM)) == (OK, WARNING)
    whole = parts._kept()["last"]
    parts._keep(last={**whole, "text": "lacks 2 larger messages"})
    assert site.light("backup", SYSTEM) is WARNING
    parts._keep(last=whole)
    run(site.backups.verify())
    assert site.light("verification", SYSTEM) is OK
    parts._repository.problem = Unavailable("wrong password")
    for act in (site.backups.verify, site.backups.run):
        with pytest.raises(Unavailable):
            run(act())
    assert site.light("backup", SYSTEM) is WARNING
    parts._repository.problem = None
    run(site.backups.run())
    assert site.light("verification", SYSTEM) is ERROR
    run(site.backups.verify(whole=True))
    site.world.clock.advance(36 * 86400)
    run(site.backups.run())
    assert site.light("verification", SYSTEM) is WARNING
    site.world.clock.advance(8 * 86400)
    assert site.light("backup", SYSTEM) is ERROR
    site.backups.choose(BackupTarget(keep=0))
    assert site.light("backup", SYSTEM) is WARNING


def test_work_in_the_background(site: Site) -> None:
    assert site.light("background", SYSTEM) is OK
    site = Site({"faults": lambda: {"reports": "KeyError 'x'"}})
    assert site.light("background", SYSTEM) is WARNING


# -- how looks are taken


def test_what_was_found_is_told_again_for_a_while(site: Site) -> None:
    (first,) = run(site.checkup.some([DOMAIN]))
    site.world.clock.advance(FRESH + 1)
    assert run(site.checkup.some([DOMAIN]))[0] is first
    site.world.clock.advance(DOMAIN_FRESH)
    (second,) = run(site.checkup.some([DOMAIN]))
    assert second.at > first.at
    assert run(site.checkup.some([DOMAIN], anew=True))[0] is not second


def test_one_thing_that_fails_hides_no_other(site: Site) -> None:
    async def broken(work: Any, seconds: float) -> Any:
        if "_spf" in repr(work) or "_record" in repr(work):
            work.close()
            raise ZeroDivisionError
        return await work

    site = Site({"within": broken})
    found = site.found()
    assert found[f"MX {DOMAIN}"].sure is False
    assert "postmaster" in found
    log: ListLog = site.world.log
    assert log.named("checkup")[0]["outcome"] == "failed"


def test_what_takes_too_long_is_said_to(site: Site) -> None:
    async def late(work: Any, seconds: float) -> Any:
        work.close()
        raise Unavailable(f"No answer in {seconds:g} s")

    site = Site({"within": late, "serves": True, "services": (Door("ClamAV", "unix:/x"),)})
    for title in (SYSTEM, NETWORK, HOSTNAME, DOMAIN):
        found = site.found(title)
        assert {one.sure for one in found.values()} == {False}
        assert {one.details[0].text for one in found.values()} == {"No answer in 15 s"}
    assert found["ns"].text == f"The name servers of {DOMAIN} could not be looked at."
    assert found[f"MX {DOMAIN}"].text == f"The MX record of {DOMAIN} could not be looked at."


def test_facts_that_are_away_are_no_reason_to_fail(site: Site) -> None:
    class Away:
        async def all(self) -> Any:
            raise Unavailable("The store is away")

    site = Site({"hosted": Away()})
    assert site.found()["all"].sure is False
    assert site.light("disk", SYSTEM) is OK


def test_a_domain_that_is_gone_says_nothing(site: Site) -> None:
    assert site.found("gone.example") == {}


def test_all_is_every_chapter_once(site: Site) -> None:
    chapters = run(site.checkup.all([DOMAIN, HOSTNAME]))
    assert [one.title for one in chapters] == [SYSTEM, NETWORK, HOSTNAME, DOMAIN]
    assert all(one.at for one in chapters)
