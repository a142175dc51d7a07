"""TLS reports as JSON: what is written is read, follows RFC 8460 section 4, and nothing harms."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.model.tlsreport import (
    TLSAggregate,
    TLSCounts,
    TLSFailure,
    TLSPolicy,
    TLSPolicyKind,
    TLSResult,
)
from mailhub.wire import tlsrpt
from tests.reportdocs import TLS as REPORT


def test_it_is_written_as_the_rfc_has_it() -> None:
    value = json.loads(tlsrpt.write(REPORT))
    assert value["organization-name"] == "Company-X"
    assert value["date-range"] == {
        "start-datetime": "2016-04-01T00:00:00Z",
        "end-datetime": "2016-04-01T23:59:59Z",
    }
    assert value["contact-info"] == "sts-reporting@company-x.example"
    assert value["report-id"] == "5065427c-23d3"
    first, second = value["policies"]
    assert first["policy"] == {
        "policy-type": "sts",
        "policy-string": ["version: STSv1", "mode: testing", "max_age: 86400"],
        "policy-domain": "company-y.example",
        "mx-host": ["*.mail.company-y.example"],
    }
    assert first["summary"] == {
        "total-successful-session-count": 5326,
        "total-failure-session-count": 303,
    }
    assert first["failure-details"][2] == {
        "result-type": "validation-failure",
        "failed-session-count": 3,
        "failure-reason-code": "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED",
    }
    assert second["policy"]["policy-type"] == "no-policy-found"
    assert "failure-details" not in second


def test_what_is_written_is_read() -> None:
    assert tlsrpt.read(tlsrpt.write(REPORT)) == REPORT


def test_what_others_write_is_read() -> None:
    value = json.loads(tlsrpt.write(REPORT))
    value["date-range"]["start-datetime"] = "2016-04-01T02:00:00+02:00"
    value["date-range"]["end-datetime"] = "2016-04-01T23:59:59"
    first = value["policies"][0]
    first["policy"]["mx-host"] = "mx.example"
    first["summary"]["total-successful-session-count"] = "5326"
    first["failure-details"] = None
    value["policies"][1]["policy"]["policy-type"] = "new"
    report = tlsrpt.read(json.dumps(value).encode())
    assert (report.begin, report.end) == (REPORT.begin, REPORT.end)
    assert report.policies[0].policy.hosts == ("mx.example",)
    assert report.policies[0].successful == 5326
    assert report.policies[0].failures == ()
    assert report.policies[1].policy.kind is TLSPolicyKind.NONE


@pytest.mark.parametrize(
    "change",
    [
        {"policies": []},
        {"policies": None},
        {"policies": [3]},
        {"report-id": ""},
        {"report-id": 7},
        {"date-range": "today"},
        {"date-range": {"start-datetime": "x", "end-datetime": "y"}},
        {
            "policies": [
                {"policy": {"policy-domain": "a"}, "summary": {"total-failure-session-count": -1}}
            ]
        },
        {
            "policies": [
                {"policy": {"policy-domain": "a"}, "summary": {"total-failure-session-count": 1.5}}
            ]
        },
        {
            "policies": [
                {"policy": {"policy-domain": "a"}, "summary": {"total-failure-session-count": True}}
            ]
        },
    ],
)
def test_what_is_no_report_is_refused(change: dict[str, object]) -> None:
    value = {**json.loads(tlsrpt.write(REPORT)), **change}
    with pytest.raises(Invalid):
        tlsrpt.read(json.dumps(value).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"1", b"nan", b"[" * 100_000, b"\xff", b"9" * 9999])
def test_no_report_at_all(data: bytes) -> None:
    with pytest.raises(Invalid):
        tlsrpt.read(data)


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
COUNT = st.integers(0, 10**9)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(
    st.builds(
        TLSAggregate,
        TEXT,
        TEXT,
        TEXT.filter(bool),
        st.integers(0, 4_000_000_000),
        st.integers(0, 4_000_000_000),
        st.lists(
            st.builds(
                TLSCounts,
                st.builds(
                    TLSPolicy,
                    st.from_regex(r"[a-z.]{1,9}", fullmatch=True),
                    st.sampled_from(TLSPolicyKind),
                    st.lists(TEXT, max_size=3).map(tuple),
                    st.lists(TEXT, max_size=3).map(tuple),
                ),
                COUNT,
                COUNT,
                st.lists(
                    st.builds(
                        TLSFailure,
                        st.sampled_from(TLSResult).map(lambda one: one.value),
                        COUNT,
                        *[TEXT] * 4,
                    ),
                    max_size=3,
                ).map(tuple),
            ),
            min_size=1,
            max_size=3,
        ).map(tuple),
    )
)
def test_any_report_comes_back(report: TLSAggregate) -> None:
    assert tlsrpt.read(tlsrpt.write(report)) == report


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.binary(max_size=100), JSON, JSON, JSON)
def test_no_octets_harm(noise: bytes, one: object, two: object, three: object) -> None:
    shaped = {
        **json.loads(tlsrpt.write(REPORT)),
        "policies": [{"policy": one, "summary": two}, three],
    }
    for data in (noise, json.dumps(one).encode(), json.dumps(shaped).encode()):
        try:
            tlsrpt.read(data)
        except Invalid:
            continue
