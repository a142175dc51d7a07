"""TLS with other servers: when it is used, what must be proven, and what happens where it fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailhub.model.outbound import Sent, Stage
from mailhub.model.route import TLSA, Hop, Security, TLSLevel
from mailhub.model.tlsreport import TLSPolicy, TLSPolicyKind, TLSResult
from tests.smtp.sender.papers import papers
from tests.smtp.sender.peers import PLAIN, Net, World, hop, offering, world

TRANSACTION = """
C: MAIL FROM:<from@me.test>
S: 250 ok
C: RCPT TO:<to@mx.test>
S: 250 ok
C: DATA
S: 354 go on
C: Subject: hi
C:
C: body
C: .
S: 250 2.0.0 queued
"""
OFFERED = offering("STARTTLS")
BEGIN = OFFERED + "C: STARTTLS\nS: 220 go ahead\n"
AGAIN = "C: EHLO me.test\nS: 250 mx.test\n"
POLICY = TLSPolicy("mx.test", TLSPolicyKind.STS)


def shaken(paper: str) -> str:
    """A session up to TLS with that certificate."""
    return BEGIN + f"TLS {paper}\n"


def whole(paper: str) -> str:
    """A delivery inside TLS."""
    return shaken(paper) + AGAIN + TRANSACTION


@pytest.fixture
def trusted(tmp_path: Path) -> str:
    return papers()["authority"].file(tmp_path)


def secured(level: TLSLevel, **fields: Any) -> Hop:
    return hop(security=Security(level, applied=POLICY, **fields))


def results(sent: Sent) -> list[TLSResult]:
    return [report.result for report in sent.reports]


# -- whether there is TLS


@pytest.mark.parametrize("paper", ["right", "expired", "self-signed", "other name"])
@pytest.mark.parametrize("level", [TLSLevel.OPPORTUNISTIC, TLSLevel.REQUIRED])
def test_any_certificate_is_better_than_none(level: TLSLevel, paper: str) -> None:
    here = world(whole(paper))
    sent = here.send(hops=[secured(level)])
    assert sent.answers[0].delivered
    assert sent.tls == "TLSv1.3"
    assert results(sent) == [TLSResult.SUCCESS]
    assert here.net.servers[0].server_name == b"mx.test"


NO_TLS = {
    "not offered": (PLAIN, "", Stage.TLS),
    "refused": (OFFERED + "C: STARTTLS\nS: 454 4.7.0 not now\n", "", Stage.TLS),
    "no EHLO": ("S: 220 old\nC: EHLO me.test\nS: 502 what\n", "", Stage.TLS),
}


@pytest.mark.parametrize("case", ["not offered", "refused"])
def test_where_there_is_no_tls_mail_that_need_not_have_it_goes_in_the_clear(case: str) -> None:
    sent = world(NO_TLS[case][0] + TRANSACTION).send(hops=[secured(TLSLevel.OPPORTUNISTIC)])
    assert sent.answers[0].delivered
    assert sent.tls == ""
    assert results(sent) == [TLSResult.NO_STARTTLS]


@pytest.mark.parametrize("case", list(NO_TLS))
@pytest.mark.parametrize("level", [TLSLevel.REQUIRED, TLSLevel.VERIFIED, TLSLevel.DANE])
def test_where_there_is_no_tls_mail_that_must_have_it_waits(level: TLSLevel, case: str) -> None:
    sent = world(NO_TLS[case][0] + "C: QUIT").send(hops=[secured(level)])
    answer = sent.answers[0]
    assert (answer.code, answer.status, answer.stage) == (0, "4.7.4", Stage.TLS)
    assert not answer.permanent


@pytest.mark.parametrize("end", ["TLS garbage", "LOST", "SILENCE"])
def test_a_handshake_that_fails_is_followed_by_a_connection_in_the_clear(end: str) -> None:
    here = world(BEGIN + end, OFFERED + TRANSACTION + "*", tls_timeout=30)
    sent = here.send(hops=[secured(TLSLevel.OPPORTUNISTIC)])
    assert sent.answers[0].delivered
    assert sent.tls == ""
    assert results(sent) == [TLSResult.VALIDATION_FAILURE]
    assert len(here.net.connections) == 2


@pytest.mark.parametrize("end", ["TLS garbage", "LOST", "SILENCE"])
@pytest.mark.parametrize("level", [TLSLevel.REQUIRED, TLSLevel.VERIFIED, TLSLevel.DANE])
def test_a_handshake_that_fails_ends_what_must_have_tls(level: TLSLevel, end: str) -> None:
    here = world(BEGIN + end, tls_timeout=30)
    sent = here.send(hops=[secured(level)])
    answer = sent.answers[0]
    assert (answer.code, answer.status, answer.stage) == (0, "4.7.5", Stage.TLS)
    assert results(sent) == [TLSResult.VALIDATION_FAILURE]
    assert len(here.net.connections) == 1


def test_another_server_is_tried_where_one_has_no_tls() -> None:
    net = Net(a=[PLAIN + "C: QUIT"], b=[whole("right")])
    hops = [
        replace(hop("a"), security=Security(TLSLevel.REQUIRED)),
        replace(hop("b"), security=Security(TLSLevel.REQUIRED)),
    ]
    assert World(net).send(hops=hops).answers[0].delivered


def test_tls_from_the_first_octet() -> None:
    security = Security(TLSLevel.REQUIRED, implicit=True)
    sent = world("TLS right\n" + OFFERED + TRANSACTION).send(hops=[hop(security=security)])
    assert sent.answers[0].delivered
    assert sent.tls == "TLSv1.3"
    security = Security(TLSLevel.OPPORTUNISTIC, implicit=True)
    here = world("TLS garbage")
    assert here.send(hops=[hop(security=security)]).answers[0].status == "4.7.5"


# -- attacks on the step into TLS


@pytest.mark.parametrize("more", ["250 evil\\r\\n", "250", "\\r\\n"])
@pytest.mark.parametrize("level", [TLSLevel.OPPORTUNISTIC, TLSLevel.VERIFIED])
def test_what_is_said_behind_the_answer_to_starttls_ends_it(level: TLSLevel, more: str) -> None:
    here = world(OFFERED + f"C: STARTTLS\nRAW: 220 go\\r\\n{more}\n")
    answer = here.send(hops=[hop(level=level)]).answers[0]
    assert (answer.code, answer.status, answer.stage) == (0, "4.7.0", Stage.TLS)
    assert here.net.servers[0].closed_by_client == "aborted"
    assert len(here.net.connections) == 1


def test_what_was_offered_in_the_clear_is_forgotten() -> None:
    first = offering("STARTTLS", "PIPELINING", "SIZE 10", "CHUNKING", "8BITMIME")
    script = first + "C: STARTTLS\nS: 220 go\nTLS right\n" + AGAIN + TRANSACTION
    assert world(script).send().answers[0].delivered


def test_starttls_is_not_asked_for_inside_tls() -> None:
    script = shaken("right") + "C: EHLO me.test\nS: 250-mx.test\nS: 250 STARTTLS\n" + TRANSACTION
    assert world(script).send().answers[0].delivered


def test_ehlo_that_fails_inside_tls_is_no_reason_to_go_without() -> None:
    script = shaken("right") + "C: EHLO me.test\nS: 421 4.3.2 closing"
    here = world(script)
    answer = here.send().answers[0]
    assert (answer.code, answer.stage) == (421, Stage.HELLO)
    assert len(here.net.connections) == 1


# -- certificates that must be right: routes with `verified`, and MTA-STS


PROVEN = [
    ("right", TLSResult.SUCCESS),
    ("other name", TLSResult.HOST_MISMATCH),
    ("common name", TLSResult.HOST_MISMATCH),
    ("expired", TLSResult.EXPIRED),
    ("early", TLSResult.EXPIRED),
    ("untrusted", TLSResult.NOT_TRUSTED),
    ("self-signed", TLSResult.NOT_TRUSTED),
    ("for clients", TLSResult.NOT_TRUSTED),
]


@pytest.mark.parametrize("names", [(), ("mx.test",), ("*.test",), ("a.example", "mx.test")])
@pytest.mark.parametrize(("paper", "result"), PROVEN)
def test_a_certificate_that_must_be_right(
    trusted: str, paper: str, result: TLSResult, names: tuple[str, ...]
) -> None:
    security = secured(TLSLevel.VERIFIED, names=names)
    good = result is TLSResult.SUCCESS
    here = world(whole(paper) if good else shaken(paper), trusted=trusted)
    sent = here.send(hops=[security])
    assert results(sent) == [result]
    answer = sent.answers[0]
    assert answer.delivered is good
    if not good:
        assert (answer.code, answer.status, answer.stage) == (0, "4.7.5", Stage.TLS)


@pytest.mark.parametrize(("paper", "result"), PROVEN)
def test_a_policy_that_is_only_tested_is_reported_on_and_mail_goes(
    trusted: str, paper: str, result: TLSResult
) -> None:
    here = world(whole(paper), trusted=trusted)
    sent = here.send(hops=[secured(TLSLevel.OPPORTUNISTIC, names=("mx.test",))])
    assert sent.answers[0].delivered
    assert results(sent) == [result]
    [report] = sent.reports
    assert (report.mx, report.address, report.source) == ("mx.test", "mx", "192.0.2.9")
    assert bool(report.reason) is (result is not TLSResult.SUCCESS)


@pytest.mark.parametrize(
    ("names", "good"),
    [
        (("mx.some.test",), True),
        (("*.some.test",), True),
        (("mx.deep.some.test",), False),
        (("some.test",), False),
        (("*.deep.some.test",), False),
    ],
)
def test_a_certificate_for_a_wildcard(trusted: str, names: tuple[str, ...], good: bool) -> None:
    here = world(whole("wildcard") if good else shaken("wildcard"), trusted=trusted)
    sent = here.send(hops=[secured(TLSLevel.VERIFIED, names=names)])
    assert results(sent) == [TLSResult.SUCCESS if good else TLSResult.HOST_MISMATCH]


def test_a_policy_s_wildcard_covers_one_label(trusted: str) -> None:
    for names in (("*.sub.test",), ("*.mx.test",), ("*.",), ("test",)):
        here = world(shaken("right"), trusted=trusted)
        sent = here.send(hops=[secured(TLSLevel.VERIFIED, names=names)])
        assert results(sent) == [TLSResult.HOST_MISMATCH], names


def test_without_a_policy_nobody_is_told() -> None:
    assert world(whole("right")).send().reports == ()


# -- DANE


def dane(*records: TLSA, names: tuple[str, ...] = ("mx.test",)) -> Hop:
    return secured(TLSLevel.DANE, tlsa=records, names=names)


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("paper", ["right", "expired", "other name", "self-signed", "for clients"])
def test_a_named_certificate_needs_neither_name_nor_dates(
    paper: str, selector: int, matching: int
) -> None:
    record = papers()[paper].tlsa(3, selector, matching)
    sent = world(whole(paper)).send(hops=[dane(papers()["early"].tlsa(3), record)])
    assert sent.answers[0].delivered
    assert results(sent) == [TLSResult.SUCCESS]


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize(
    ("paper", "result"),
    [
        ("right", TLSResult.SUCCESS),
        ("common name", TLSResult.SUCCESS),
        ("other name", TLSResult.HOST_MISMATCH),
        ("expired", TLSResult.EXPIRED),
        ("for clients", TLSResult.NOT_TRUSTED),
        ("untrusted", TLSResult.VALIDATION_FAILURE),
        ("self-signed", TLSResult.VALIDATION_FAILURE),
    ],
)
def test_a_named_authority_signs_for_a_name_and_a_time(
    paper: str, result: TLSResult, selector: int, matching: int
) -> None:
    if (selector, matching) == (0, 0) and result is TLSResult.VALIDATION_FAILURE:
        result = TLSResult.NOT_TRUSTED  # the record is the authority itself, and did not sign it
    record = papers()["authority"].tlsa(2, selector, matching)
    good = result is TLSResult.SUCCESS
    sent = world(whole(paper) if good else shaken(paper)).send(hops=[dane(record)])
    assert results(sent) == [result]
    assert sent.answers[0].delivered is good


def test_an_authority_that_the_server_does_not_send() -> None:
    alone = replace(papers()["right"], above=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(papers(), "alone", alone)
        whole_record = papers()["authority"].tlsa(2, 0, 0)
        assert world(whole("alone")).send(hops=[dane(whole_record)]).answers[0].delivered
        digest = papers()["authority"].tlsa(2, 0, 1)
        sent = world(shaken("alone")).send(hops=[dane(digest)])
        assert results(sent) == [TLSResult.VALIDATION_FAILURE]


@pytest.mark.parametrize(
    "record",
    [
        papers()["right"].tlsa(0),
        papers()["right"].tlsa(1),
        papers()["other name"].tlsa(3),
        replace(papers()["right"].tlsa(3), selector=2),
        replace(papers()["right"].tlsa(3), matching=3),
        replace(papers()["right"].tlsa(3), data=b""),
        TLSA(2, 0, 0, b"no certificate"),
    ],
)
def test_records_that_name_something_else_or_nothing(record: TLSA) -> None:
    sent = world(shaken("right")).send(hops=[dane(record)])
    assert results(sent) == [TLSResult.VALIDATION_FAILURE]
    assert sent.answers[0].status == "4.7.5"


def test_the_name_that_is_asked_for_is_the_policy_s() -> None:
    here = world(whole("right"))
    record = papers()["right"].tlsa(3)
    here.send(hops=[dane(record, names=("tlsa.base.test", "mx.test"))])
    assert here.net.servers[0].server_name == b"tlsa.base.test"
