"""Where reports go: URIs, and what a destination in another domain must say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mailhub.model.errors import NotFound, Unavailable
from mailhub.policy import reportto
from mailhub.policy.reportto import Destination
from tests.names import FakeResolver
from tests.support import run


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("mailto:r@a.example", Destination("r@a.example")),
        (" MAILTO:r@A.example ", Destination("r@a.example")),
        ("mailto:r@a.example!10m", Destination("r@a.example", limit=10 << 20)),
        ("mailto:r@a.example!50", Destination("r@a.example", limit=50)),
        ("mailto:r@a.example!3K", Destination("r@a.example", limit=3072)),
        ("mailto:r%2Bx@a.example?subject=y", Destination("r+x@a.example")),
        ("mailto:r%21x@a.example!1g", Destination("r!x@a.example", limit=1 << 30)),
        ("mailto:", None),
        ("mailto:r", None),
        ("mailto:r@a.example!10x", None),
        ("mailto:r@a.example%0d%0aBcc: x", None),
        ("https://a.example/", None),
        ("ftp://a.example/", None),
        ("", None),
        ("mailto:" + "r" * 2000, None),
    ],
)
def test_uris_of_dmarc(uri: str, wanted: Destination | None) -> None:
    assert reportto.parse(uri, web=False) == wanted


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("mailto:r@a.example", Destination("r@a.example")),
        ("https://a.example/v1/report?x=1", Destination(url="https://a.example/v1/report?x=1")),
        ("https://", None),
        ("https://[::1/", None),
        ("https://a.example/ b", None),
        ("https://a.example/\nx", None),
        ("http://a.example/", None),
    ],
)
def test_uris_of_tls_reports(uri: str, wanted: Destination | None) -> None:
    assert reportto.parse(uri, web=True) == wanted


def dmarc(records: dict[str, object], domain: str = "a.example") -> Sequence[Destination]:
    resolver = FakeResolver({(name, "TXT"): value for name, value in records.items()})
    return run(reportto.dmarc(resolver, domain))


def record(*uris: str) -> list[str]:
    return [f"v=DMARC1; p=none; rua={','.join(uris)}"]


def test_destinations_of_one_organization_need_no_permission() -> None:
    found = dmarc(
        {
            "_dmarc.a.example": record("mailto:r@a.example!5m", "mailto:s@x.a.example", "bad:"),
            "_dmarc.sub.a.example": record("mailto:t@a.example"),
        }
    )
    assert found == [Destination("r@a.example", limit=5 << 20), Destination("s@x.a.example")]
    found = dmarc(
        {
            "_dmarc.a.example": record(),
            "_dmarc.sub.a.example": record("mailto:t@a.example", "mailto:t@a.example"),
        },
        "sub.a.example",
    )
    assert found == [Destination("t@a.example")]


PERMISSION = "a.example._report._dmarc.b.test"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (None, []),
        (["v=spf1 -all"], []),
        ([" v=DMARC1"], []),
        (["v=DMARC1"], ["r@b.test"]),
        (["v=DMARC1;"], ["r@b.test"]),
        (["other", "v=DMARC1; p=none"], ["r@b.test"]),
        (["v=DMARC1; rua=mailto:q@b.test"], ["q@b.test"]),
        (["v=DMARC1; rua=mailto:q@b.test,mailto:p@b.test"], ["q@b.test", "p@b.test"]),
        (["v=DMARC1; rua=mailto:q@c.test"], []),
        (["v=DMARC1; rua=mailto:q@b.test,mailto:q@c.test"], []),
        (NotFound("gone"), []),
    ],
)
def test_destinations_elsewhere_must_agree(said: object, wanted: list[str]) -> None:
    records = {"_dmarc.a.example": record("mailto:r@b.test"), "_dmarc.b.test": record()}
    found = dmarc({**records, PERMISSION: said} if said is not None else records)
    assert [one.address for one in found] == wanted


def test_a_resolver_that_fails_says_so() -> None:
    records = {"_dmarc.a.example": record("mailto:r@b.test"), PERMISSION: Unavailable("away")}
    with pytest.raises(Unavailable):
        dmarc(records)


def test_no_record_several_records_and_too_many_destinations() -> None:
    assert dmarc({"a.example": "x"}) == []
    assert dmarc({"_dmarc.a.example": record("mailto:r@a.example") * 2}) == []
    many = record(*(f"mailto:r{number}@a.example" for number in range(30)))
    assert len(dmarc({"_dmarc.a.example": many})) == reportto.DESTINATIONS
    long = ".".join(["x" * 60] * 4)
    assert dmarc({f"_dmarc.{long}": record("mailto:r@b.test"), "b.test": "x"}, long) == []
    assert dmarc({"_dmarc.a.example": record("mailto:r@[192.0.2.1]")}) == []


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (["v=TLSRPTv1; rua=mailto:r@b.test"], [Destination("r@b.test")]),
        (
            ["v=spf1", "v=TLSRPTv1;rua=https://b.test/x,mailto:r@b.test;"],
            [Destination(url="https://b.test/x"), Destination("r@b.test")],
        ),
        (["v=TLSRPTv1;rua=mailto:r@b.test"] * 2, []),
        (["v=TLSRPTv1;"], []),
        (["v=TLSRPTv1; rua"], []),
        (["v=TLSRPTv2; rua=mailto:r@b.test"], []),
        (NotFound("no"), []),
    ],
)
def test_destinations_of_tls_reports(said: object, wanted: list[Destination]) -> None:
    resolver = FakeResolver({("_smtp._tls.a.example", "TXT"): said})
    assert list(run(reportto.tls(resolver, "a.example"))) == wanted
