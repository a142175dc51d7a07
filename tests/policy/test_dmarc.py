"""DMARC: policies, alignment and the tree walk, in tables."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Unavailable
from mailhub.policy.dmarc import Checked, check
from mailhub.policy.dmarcrecord import Policy, Record, Records, names, parse
from tests.names import FakeResolver
from tests.support import run

Zone = dict[tuple[str, str], Any]


def zone(records: dict[str, Any], *hosts: str) -> Zone:
    made: Zone = {(f"_dmarc.{name}", "TXT"): _listed(text) for name, text in records.items()}
    return made | {(host, "A"): ["192.0.2.1"] for host in hosts}


def _listed(text: Any) -> Any:
    return [text] if isinstance(text, str) else text


def judged(
    records: dict[str, Any],
    author: str = "example.com",
    spf: str = "",
    dkim: tuple[str, ...] = (),
    *hosts: str,
    percentile: int = 50,
) -> Checked:
    resolver = FakeResolver(zone(records, *hosts))
    return run(check(resolver, author, spf, dkim, lambda: percentile))


@pytest.mark.parametrize(
    ("text", "record"),
    [
        (b"v=DMARC1; p=reject", Record(Policy.REJECT)),
        (b"v=DMARC1;p=NONE;", Record(Policy.NONE)),
        (
            b"v = DMARC1 ; p = quarantine ; sp=reject; np=none",
            Record(Policy.QUARANTINE, Policy.REJECT, Policy.NONE),
        ),
        (
            b"v=DMARC1; p=none; adkim=s; aspf=s; pct=20; t=y; psd=n",
            Record(Policy.NONE, None, None, True, True, 20, True, "n"),
        ),
        (
            b"v=DMARC1; p=none; rua=mailto:a@b.c, mailto:d@e.f!10m",
            Record(Policy.NONE, reports=("mailto:a@b.c", "mailto:d@e.f!10m")),
        ),
        (b"v=DMARC1; p=none; pct=x; adkim=z; junk; =; fo=1:d", Record(Policy.NONE)),
        (b"v=DMARC1; p=reject; p=none", Record(Policy.REJECT)),
        (b"v=DMARC1; p=nonsense; rua=mailto:a@b.c", Record(Policy.NONE, reports=("mailto:a@b.c",))),
        (
            b"v=DMARC1; p=reject; sp=nonsense; rua=mailto:a@b.c",
            Record(Policy.NONE, reports=("mailto:a@b.c",)),
        ),
        (b"v=DMARC1; p=nonsense", Record(None)),
        (b"v=DMARC1; p=reject; np=nonsense; rua=https://x", Record(None, reports=("https://x",))),
        (b"v=DMARC1", Record(None)),
        (b"v=DMARC1; psd=y", Record(None, suffix="y")),
        (b"v=DMARC2; p=reject", None),
        (b"v=dmarc1; p=reject", None),
        (b"V=DMARC1; p=reject", None),
        (b"p=reject; v=DMARC1", None),
        (b"v=DMARC10; p=reject", None),
        (b"", None),
        (b"\xff\x00", None),
        (b"v=DMARC1; p=reject;" + b"x" * 5000, None),
    ],
)
def test_records(text: bytes, record: Record | None) -> None:
    assert parse(text) == record


def test_the_names_of_the_example() -> None:
    assert names("a.b.c.d.e.f.g.h.i.j.mail.example.com") == [
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    ]
    assert names("a.mail.example.com") == [
        "a.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    ]
    assert [len(names(".".join("x" * labels))) for labels in range(1, 130)] == [
        min(labels, 8) for labels in range(1, 130)
    ]


P = "v=DMARC1; p=reject"


@pytest.mark.parametrize(
    ("records", "domain", "organization"),
    [
        ({"mail.example.com": P, "example.com": P}, "a.mail.example.com", "example.com"),
        (
            {"mail.example.com": P + "; psd=n", "example.com": P},
            "a.mail.example.com",
            "mail.example.com",
        ),
        ({"com": P + "; psd=y"}, "a.mail.example.com", "example.com"),
        ({"example.com": P + "; psd=y"}, "a.mail.example.com", "mail.example.com"),
        ({"example.com": P, "com": P + "; psd=y"}, "a.mail.example.com", "example.com"),
        ({"example.com": P + "; psd=y", "com": P}, "example.com", "example.com"),
        ({}, "a.mail.example.com", "a.mail.example.com"),
        ({"example.com": [P, P], "mail.example.com": P}, "a.mail.example.com", "mail.example.com"),
        ({"example.com": [P, "v=spf1 -all", "x"]}, "a.example.com", "example.com"),
        ({"e.example.com": P}, "a.b.c.d.e.example.com", "e.example.com"),
    ],
)
def test_organizational_domains(records: dict[str, Any], domain: str, organization: str) -> None:
    assert run(Records(FakeResolver(zone(records))).organization(domain)) == organization


@pytest.mark.parametrize(
    ("record", "spf", "dkim", "result"),
    [
        (P, "example.com", (), "pass"),
        (P, "", ("example.com",), "pass"),
        (P, "mail.example.com", (), "pass"),
        (P, "", ("other.example", "mail.example.com"), "pass"),
        (P, "example.org", ("example.org", "com", "notexample.com"), "fail"),
        (P, "", (), "fail"),
        (P + "; aspf=s", "mail.example.com", (), "fail"),
        (P + "; aspf=s", "example.com", (), "pass"),
        (P + "; aspf=s", "", ("mail.example.com",), "pass"),
        (P + "; adkim=s", "", ("mail.example.com",), "fail"),
        (P + "; adkim=s", "", ("example.com",), "pass"),
    ],
)
def test_alignment(record: str, spf: str, dkim: tuple[str, ...], result: str) -> None:
    found = judged({"example.com": record}, "example.com", spf, dkim)
    assert found.result == result
    assert found.policy is (Policy.REJECT if result == "fail" else Policy.NONE)
    assert found.dkim == bool(found.dkim_domain)


def test_alignment_ends_at_the_organization() -> None:
    records = {
        "example.com": P,
        "dept.example.com": P + "; psd=n",
        "co.uk": "v=DMARC1; p=none; psd=y",
    }
    assert judged(records, "dept.example.com", "example.com").result == "fail"
    assert judged(records, "dept.example.com", "x.dept.example.com").result == "pass"
    assert judged(records, "a.co.uk", "b.co.uk").result == "fail"
    assert judged(records, "a.co.uk", "co.uk").result == "fail"
    assert judged(records, "a.co.uk", "x.a.co.uk").result == "pass"
    # A parent without a record is another organization, however the names look.
    assert judged({"a.example.com": P}, "a.example.com", "example.com").result == "fail"


@pytest.mark.parametrize(
    ("record", "author", "hosts", "policy"),
    [
        ("p=reject", "example.com", (), "reject"),
        ("p=reject; sp=none", "example.com", (), "reject"),
        ("p=reject; sp=none", "a.example.com", (), "none"),
        ("p=none; sp=quarantine", "a.example.com", (), "quarantine"),
        ("p=none; np=reject", "a.example.com", (), "reject"),
        ("p=none; np=reject", "a.example.com", ("a.example.com",), "none"),
        ("p=none; np=reject", "a.example.com", ("x.a.example.com",), "none"),
        ("p=none; sp=quarantine; np=reject", "a.example.com", (), "reject"),
        ("p=none; sp=quarantine; np=reject", "a.example.com", ("a.example.com",), "quarantine"),
        ("p=reject; np=none", "example.com", (), "reject"),
        ("p=reject; t=y", "example.com", (), "quarantine"),
        ("p=quarantine; t=y", "example.com", (), "none"),
        ("p=reject; pct=51", "example.com", (), "reject"),
        ("p=reject; pct=50", "example.com", (), "quarantine"),
        ("p=quarantine; pct=0", "example.com", (), "none"),
        ("p=none; pct=0", "example.com", (), "none"),
    ],
)
def test_policies(record: str, author: str, hosts: tuple[str, ...], policy: str) -> None:
    found = judged({"example.com": "v=DMARC1; " + record}, author, "", (), *hosts)
    assert found.result == "fail"
    assert found.policy is Policy(policy)
    assert found.found_at == "example.com"


def test_which_record_applies() -> None:
    none, quarantine = "v=DMARC1; p=none", "v=DMARC1; p=quarantine"
    records = {"a.example.com": none, "example.com": quarantine, "com": P + "; psd=y"}
    assert judged(records, "a.example.com").found_at == "a.example.com"
    assert judged(records, "b.example.com").found_at == "example.com"
    assert judged(records, "x.a.example.com").found_at == "example.com"
    assert judged(records, "other.com").found_at == "com"
    assert judged(records, "other.com").policy is Policy.REJECT
    assert judged(records, "other.org").result == "none"


def test_what_cannot_be_told() -> None:
    assert judged({}).result == "none"
    assert judged({"example.com": "v=DMARC1"}).result == "permerror"
    assert judged({"example.com": Unavailable("x")}).result == "temperror"
    broken = {"example.com": P, "a.example.com": P, "com": Unavailable("x")}
    assert judged(broken, "example.com", "example.com").result == "pass"
    assert judged(broken, "example.com", "a.example.com").result == "temperror"
    silent = FakeResolver(
        zone({"example.com": P + "; np=none"}) | {("a.example.com", "A"): Unavailable("x")}
    )
    assert run(check(silent, "a.example.com", "", (), lambda: 0)).result == "temperror"


def test_one_domain_whose_dns_fails_takes_nothing_from_another() -> None:
    away = {"example.com": "v=DMARC1; p=reject", "mail.example.com": Unavailable}
    assert judged(away, spf="mail.example.com").result == "temperror"
    assert judged(away, spf="mail.example.com", dkim=("example.com",)).result == "pass"
    assert judged(away, dkim=("mail.example.com", "example.com")).result == "pass"


def test_a_forger_whose_dns_fails_is_refused_all_the_same() -> None:
    """Their domain cannot belong to the author's, whatever its own records would say."""
    records = {"example.com": "v=DMARC1; p=reject", "evil.com": Unavailable}
    assert judged(records, spf="evil.com", dkim=("x.evil.com",)).policy is Policy.REJECT
    resolver = FakeResolver(zone(records))
    found = run(check(resolver, "example.com", "", (), lambda: 50, undecided=("evil.com",)))
    assert found.policy is Policy.REJECT
    assert ("_dmarc.evil.com", "TXT") not in resolver.asked


def test_questions_are_few() -> None:
    resolver = FakeResolver(zone({"example.com": P}))
    long = ".".join("abcdefghij") + ".example.com"
    others = tuple(f"{letter}.example.org" for letter in "abcdefghij")
    run(check(resolver, long, "", others, lambda: 0))
    assert len(resolver.asked) == 8
    assert len(set(resolver.asked)) == 8


@settings(max_examples=50)
@given(st.binary(max_size=200), st.text(max_size=60))
def test_any_record_has_a_result(text: bytes, more: str) -> None:
    parse(text)
    records = {"example.com": [b"v=DMARC1;" + text, more], "com": "v=DMARC1; " + more}
    assert judged(records, "a.example.com", "example.com", ("b.com",)).result in (
        *("pass", "fail", "none", "permerror"),
    )
