"""X.509: chains in any order, what is refused and as what, requests."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from mailhub.model.certificate import CertificateRefused, Problem, best
from mailhub.model.errors import Invalid
from mailhub.wire.x509 import describe, names_of, read_chain, read_key, request, trouble, write_key
from tests.authority import Authority, key

NAME = "mail.example.org"


def test_a_chain_is_put_in_order() -> None:
    root = Authority("Root")
    middle = root.below("Middle")
    lower = middle.below("Lower")
    leaf = lower.issue([NAME])
    pem = {one: one.text for one in (root, middle, lower)}
    orders = (
        leaf + pem[lower] + pem[middle],
        leaf + pem[middle] + pem[lower],
        pem[middle] + pem[lower] + leaf,
        leaf + pem[lower] + pem[lower] + pem[middle],
    )
    for text in orders:
        chain = read_chain(text)
        assert [names_of(one) for one in chain] == [(NAME,), (), ()]
        assert chain[1:] == (lower.certificate, middle.certificate)
        assert trouble(chain, [root.certificate]) is None
        assert trouble(chain, []) is Problem.INCOMPLETE
    with_root = read_chain(orders[0] + pem[root])
    assert trouble(with_root, [root.certificate]) is None
    assert trouble(with_root, []) is Problem.UNTRUSTED
    assert trouble(read_chain(leaf), [root.certificate]) is Problem.INCOMPLETE


def test_an_authority_of_the_same_name_is_not_taken_for_it() -> None:
    true, false = Authority("Root"), Authority("Root")
    chain = read_chain(true.issue([NAME]))
    assert trouble(chain, [false.certificate]) is Problem.INCOMPLETE
    with pytest.raises(CertificateRefused) as refused:
        read_chain(true.issue([NAME]) + false.text)
    assert refused.value.problem is Problem.UNRELATED


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.MALFORMED),
        ("hello", Problem.MALFORMED),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", Problem.MALFORMED),
        ("\u2603" * 100, Problem.MALFORMED),
        ("x" * 70_000, Problem.MALFORMED),
        (Authority("Root").issue([NAME]) + Authority("Root").text, Problem.UNRELATED),
        (Authority("Root").issue([NAME], client=True), Problem.MALFORMED),
        (Authority("Root").issue([]), Problem.NAME),
        (Authority("Root").issue([NAME]) * 11, Problem.MALFORMED),
    ],
)
def test_what_is_no_chain(text: str, problem: Problem) -> None:
    with pytest.raises(CertificateRefused) as refused:
        read_chain(text)
    assert refused.value.problem is problem


@pytest.mark.parametrize("text", ["", "no", "-----BEGIN PRIVATE KEY-----\nAA\n"])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(CertificateRefused):
        read_key(text)


def test_a_request_says_its_names_and_country() -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    made = x509.load_pem_x509_csr(request(own, [NAME, "www.example.org"], "gb"))
    assert made.is_signature_valid
    assert made.subject.rfc4514_string() == f"CN={NAME},C=GB"
    assert names_of(made) == (NAME, "www.example.org")  # type: ignore[arg-type]
    long = ".".join(["a" * 40, "b" * 40, "example"])
    assert x509.load_pem_x509_csr(request(own, [long])).subject.rfc4514_string() == ""
    for country in ("G", "GBR", "1A", "Ü1"):
        with pytest.raises(Invalid) as refused:
            request(own, [NAME], country)
        assert refused.value.field == "country"
    for name in ("münchen.example", ""):
        with pytest.raises(Invalid):
            request(own, [name])


def test_keys_are_read_as_they_were_written() -> None:
    own = key()
    assert write_key(read_key(write_key(own).decode())) == write_key(own)


def test_the_best_one_is_in_time_then_signed_then_lasting() -> None:
    root = Authority("Root")
    own = key()
    texts = {
        "expired": root.issue([NAME], own, days=(-90, -1)),
        "self": Authority.self_signed([NAME], own, days=(-1, 3000)),
        "short": root.issue([NAME], own, days=(-1, 10)),
        "wild": root.issue(["*.example.org"], own, days=(-1, 80)),
        "future": root.issue([NAME], own, days=(5, 900)),
        "other": root.issue(["example.net"], own, days=(-1, 999)),
    }
    facts = {what: describe(read_chain(text), [root.certificate]) for what, text in texts.items()}
    now = root.now
    order = ["wild", "short", "self", "future", "expired", "other"]
    for place, what in enumerate(order[:-1]):
        left = [facts[one] for one in order[place:]]
        assert best(reversed(left), NAME, now) == facts[what], what
    assert best([facts["other"]], NAME, now) is None
    assert not facts["wild"].covers("example.org")
    assert not facts["wild"].covers("a.b.example.org")
    faults = {what: one.fault(now) for what, one in facts.items()}
    assert faults == {
        "expired": Problem.EXPIRED,
        "self": Problem.SELF_SIGNED,
        "short": None,
        "wild": None,
        "future": Problem.NOT_YET,
        "other": None,
    }
