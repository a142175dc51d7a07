"""Who vouches for a message: what is said of it, and what it is called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.core.signing import record, record_name
from mailhub.model.account import Service
from mailhub.model.dmarcreport import Disposition, DMARCSeen, Override, SPFFound
from mailhub.model.dns import DNSAnswer
from mailhub.model.envelope import Peer
from mailhub.model.errors import Unavailable
from mailhub.model.settings import PolicySettings
from mailhub.policy import authres
from mailhub.policy.authentication import Authentication
from mailhub.policy.authres import Result
from mailhub.policy.signing import header_end
from mailhub.policy.step import Content, Facts, Finding
from tests.fakes import FakeClock, SeededRandomness
from tests.names import FakeResolver
from tests.signed import pair
from tests.support import run
from tests.vouched import CLIENT, REMOTE, in_turn, message, sealed, signed, steps, zones

OTHER = "203.0.113.9"
LIST = "list.example"


def facts(data: bytes, *, client: str = CLIENT, sender: str = f"ann@{REMOTE}") -> Facts:
    end = header_end(data)
    return Facts(
        peer=Peer(client, 4000, "198.51.100.1", 25),
        service=Service.SMTP,
        helo=f"mx.{REMOTE}",
        sender=sender,
        recipients=("joe@example.org",),
        content=Content(data[:end], memoryview(data)[end:]),
    )


def found(
    given: Facts, resolver: FakeResolver | None = None, settings: PolicySettings | None = None
) -> list[Finding]:
    """Of all steps."""
    told: list[Finding] = []
    for step in steps(resolver or FakeResolver(zones()), settings):
        told += run(step.run(given))
    return told


def names(told: list[Finding]) -> list[str]:
    return [f"{one.step}={one.name}" for one in told]


def result(told: list[Finding], method: str) -> Result:
    return next(one for finding in told for one in finding.results if one.method == method)


def seen(told: list[Finding]) -> DMARCSeen:
    (one,) = [one.seen for one in told if one.seen is not None]
    return one


def test_all_is_said_of_mail_that_its_domain_vouches_for() -> None:
    told = found(facts(signed(message())))
    assert names(told) == [
        "spf=pass",
        "spf-helo=none",
        "iprev=pass",
        "dkim=pass",
        "dkim=pass",
        "arc=none",
        "dmarc=pass",
    ]
    results = [one for finding in told for one in finding.results]
    field = authres.field("mx.example.org", results)
    assert authres.parse(field.partition(b":")[2]).results == tuple(results)
    assert result(told, "spf").get("smtp.mailfrom") == f"ann@{REMOTE}"
    assert result(told, "iprev").get("policy.iprev") == CLIENT
    assert result(told, "arc").get("smtp.remote-ip") == CLIENT
    assert result(told, "dkim").get("header.d") == REMOTE
    assert result(told, "dkim").get("header.a") == "rsa-sha256"
    assert result(told, "dmarc").get("header.from") == REMOTE
    one = seen(told)
    assert (one.disposition, one.dkim, one.spf) == (Disposition.PASS, True, True)
    assert one.spf_found == SPFFound(REMOTE, "pass", "mfrom")
    assert [key.result for key in one.signatures] == ["pass", "pass"]
    assert one.published.policy == "reject"


@pytest.mark.parametrize(
    ("policy", "name"), [("reject", "reject"), ("quarantine", "quarantine"), ("none", "fail")]
)
def test_forged_mail_is_called_what_its_domain_asks_for(policy: str, name: str) -> None:
    forged = facts(message(), client=OTHER)
    told = found(forged, FakeResolver(zones(policy)))
    assert names(told) == [
        "spf=fail",
        "spf-helo=none",
        "iprev=permerror",
        "dkim=none",
        "arc=none",
        f"dmarc={name}",
    ]
    assert result(told, "dmarc").get("policy.dmarc") == policy
    assert seen(told).disposition is Disposition.NONE
    assert not seen(told).overrides


def test_another_domains_pass_is_no_ones_but_its_own() -> None:
    """Whoever sends in the name of somebody else may well vouch for themselves."""
    resolver = FakeResolver(zones())
    resolver.set("evil.example", "TXT", ["v=spf1 +all"])
    for key in pair("evil.example"):
        resolver.set(record_name(key), "TXT", [record(key)])
    given = facts(signed(message(), "evil.example"), client=OTHER, sender="x@evil.example")
    told = found(given, resolver)
    assert "spf=pass" in names(told)
    assert "dkim=pass" in names(told)
    assert names(told)[-1] == "dmarc=reject"
    assert (seen(told).dkim, seen(told).spf) == (False, False)


def test_a_signature_alone_is_enough_and_a_changed_message_has_none() -> None:
    data = signed(message())
    assert names(found(facts(data, client=OTHER)))[-1] == "dmarc=pass"
    changed = data.replace(b"Subject: Hello", b"Subject: [list] Hello")
    told = found(facts(changed, client=OTHER))
    assert names(told)[-1] == "dmarc=reject"
    assert "dkim=fail" in names(told)


def test_the_null_sender_is_checked_as_its_hello() -> None:
    resolver = FakeResolver(zones())
    resolver.set(f"mx.{REMOTE}", "TXT", ["v=spf1 a -all"])
    told = found(facts(message(), sender=""), resolver)
    assert names(told)[0] == "spf=pass"
    assert result(told, "spf").properties == (("smtp.helo", f"mx.{REMOTE}"),)
    assert "spf-helo" not in [one.step for one in told]
    assert names(told)[-1] == "dmarc=pass"
    assert seen(told).spf_found == SPFFound(f"mx.{REMOTE}", "pass", "helo")


@pytest.mark.parametrize("author", ["a@x.example, b@y.example", "g: a@x.example;", "nobody"])
def test_from_has_to_be_one_plain_address(author: str) -> None:
    told = found(facts(message(author)))
    assert names(told)[0] == "from=malformed"
    assert names(told)[-1] == "dmarc=permerror"


def test_a_dns_that_is_away_leaves_no_result_and_refuses_nothing() -> None:
    class Away(FakeResolver):
        async def query(self, name: str, kind: str) -> object:  # type: ignore[override]
            raise Unavailable("away")

    told = found(facts(signed(message())), Away())
    assert names(told) == [
        "spf=temperror",
        "spf-helo=temperror",
        "iprev=temperror",
        "dkim=temperror",
        "dkim=temperror",
        "arc=none",
        "dmarc=temperror",
    ]


def test_a_domain_that_might_vouch_for_it_is_waited_for() -> None:
    """The policy is known, its key is not: nobody can say that it fails."""
    resolver = FakeResolver(zones())
    for key in pair(REMOTE):
        resolver.set(record_name(key), "TXT", Unavailable("away"))
    told = found(facts(signed(message()), client=OTHER), resolver)
    assert names(told)[-1] == "dmarc=temperror"


def chain(resolver: FakeResolver, judged: str) -> Facts:
    """A list's change of a good message, sealed by it."""
    rsa = pair(LIST)[0]
    resolver.set(record_name(rsa), "TXT", [record(rsa)])
    changed = signed(message()).replace(b"Subject: Hello", b"Subject: [list] Hello")
    return facts(sealed(changed, LIST, judged), client=OTHER, sender=f"bounces@{LIST}")


PASSED = f"dmarc=pass header.from={REMOTE}; arc=none"


def test_a_believed_seal_makes_up_for_what_a_list_changed() -> None:
    resolver = FakeResolver(zones())
    settings = PolicySettings(arc_sealers=(LIST.upper(),))
    told = found(chain(resolver, PASSED), resolver, settings)
    assert names(told)[-2:] == ["arc=pass", "dmarc=believed"]
    assert result(told, "dmarc").result == "fail"
    assert result(told, "dmarc").get("policy.dmarc") == "none"
    assert seen(told).overrides == (Override("trusted_forwarder", f"arc=pass, sealed by {LIST}"),)


@pytest.mark.parametrize(
    ("sealers", "judged"),
    [
        ((), PASSED),
        (("other.example",), PASSED),
        ((LIST,), "dmarc=fail header.from=remote.example; arc=none"),
        ((LIST,), "dmarc=pass header.from=evil.example; arc=none"),
        ((LIST,), "spf=pass smtp.mailfrom=remote.example; arc=none"),
    ],
)
def test_nobody_elses_seal_does(sealers: tuple[str, ...], judged: str) -> None:
    resolver = FakeResolver(zones())
    told = found(chain(resolver, judged), resolver, PolicySettings(arc_sealers=sealers))
    assert names(told)[-2:] == ["arc=pass", "dmarc=reject"]


def test_a_believed_seal_of_other_content_is_worth_nothing() -> None:
    resolver = FakeResolver(zones())
    given = chain(resolver, PASSED)
    assert given.content is not None
    changed = replace(given, content=replace(given.content, body=memoryview(b"Other\r\n")))
    told = found(changed, resolver, PolicySettings(arc_sealers=(LIST,)))
    assert names(told)[-2:] == ["arc=fail", "dmarc=reject"]


@pytest.mark.parametrize(("more", "kind"), [("; t=y", "policy_test_mode"), ("; pct=0", "other")])
def test_a_policy_that_is_not_meant_yet_is_milder(more: str, kind: str) -> None:
    told = found(facts(message(), client=OTHER), FakeResolver(zones("reject", more)))
    assert names(told)[-1] == "dmarc=quarantine"
    assert [one.kind for one in seen(told).overrides] == [kind]


@pytest.mark.parametrize(
    "changes",
    [{"trusted": True}, {"service": Service.LMTP}, {"service": Service.SUBMISSION}],
)
def test_only_strangers_are_checked(changes: dict[str, object]) -> None:
    resolver = FakeResolver(zones())
    assert found(replace(facts(message("bad")), **changes), resolver) == []  # type: ignore[arg-type]
    assert resolver.asked == []


@pytest.mark.parametrize("client", ["unix", "fe80::1%eth0", "::ffff:192.0.2.7"])
def test_any_client_has_an_address_or_none(client: str) -> None:
    told = found(facts(message(), client=client))
    assert names(told)[-1] == ("dmarc=pass" if client.endswith(CLIENT) else "dmarc=reject")


def test_a_forgers_slow_dns_takes_no_time_from_the_authors_policy() -> None:
    class Bounded:
        """Has time for its first three questions only."""

        def __init__(self, inner: FakeResolver) -> None:
            self.inner = inner
            self.left = 3

        async def query(self, name: str, kind: str) -> DNSAnswer:
            self.left -= 1
            if self.left < 0:
                raise Unavailable("too late")
            return await self.inner.query(name, kind)

    slow = "v=spf1 " + " ".join(f"include:{n}.evil.example" for n in range(9)) + " -all"
    resolver = FakeResolver({**zones(), ("evil.example", "TXT"): [slow]})
    for n in range(9):
        resolver.set(f"{n}.evil.example", "TXT", ["v=spf1 -all"])
    made = Authentication(
        lambda: Bounded(resolver),
        in_turn,
        FakeClock(),
        SeededRandomness(),
        sealers=(),
        receiver="mx.example.org",
    )
    told = list(run(made.run(facts(message(), client=OTHER, sender="x@evil.example"))))
    assert names(told)[0] == "spf=temperror"
    assert names(told)[-1] == "dmarc=reject"
