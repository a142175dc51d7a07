"""Aggregate reports as XML: what is written is read, follows the schema, and nothing harms."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.dmarcreport import (
    Aggregate,
    Disposition,
    DKIMFound,
    DMARCSeen,
    Override,
    Published,
    SPFFound,
)
from mailhub.model.errors import Invalid
from mailhub.wire import dmarcxml
from tests.reportdocs import DMARC as REPORT
from tests.reportdocs import written


def read(data: bytes, step: int = 1 << 20) -> Aggregate:
    reader = dmarcxml.Reader()
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
    return reader.finish()


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_what_is_written_is_read(step: int) -> None:
    assert read(written(REPORT), step) == REPORT


# The schemas of RFC 9990 appendix A and RFC 7489 appendix C, as (name, least, most) of each
# element's children. An element without children has a pattern instead. `all`: in any order.

ANY = ".*"
RESULT = "none|pass|fail|policy|neutral|temperror|permerror"
SPF_RESULT = "none|neutral|pass|fail|softfail|temperror|permerror"
PLENTY = 1 << 30
Schema = dict[str, object]
POLICY = "none|quarantine|reject"


def schema(*, old: bool) -> Schema:
    return {
        "version": "[0-9]+(\\.[0-9]+)?" if old else "1\\.0",
        "report_metadata": (
            "ordered" if old else "all",
            {
                "org_name": (1, 1, ANY),
                "email": (1, 1, ".+@.+"),
                "extra_contact_info": (0, 1, ANY),
                "report_id": (1, 1, ".+"),
                "date_range": (1, 1, ("all", {"begin": (1, 1, "\\d+"), "end": (1, 1, "\\d+")})),
                "error": (0, PLENTY if old else 1, ANY),
                **({} if old else {"generator": (0, 1, ANY)}),
            },
        ),
        "policy_published": (
            "all",
            {
                "domain": (1, 1, ".+"),
                "adkim": (0, 1, "r|s"),
                "aspf": (0, 1, "r|s"),
                "p": (1, 1, POLICY),
                "sp": (1 if old else 0, 1, POLICY),
                **(
                    {"pct": (1, 1, "\\d+"), "fo": (1, 1, ANY)}
                    if old
                    else {
                        "np": (0, 1, POLICY),
                        "fo": (0, 1, ANY),
                        "discovery_method": (0, 1, "psl|treewalk"),
                        "testing": (0, 1, "y|n"),
                    }
                ),
            },
        ),
        "record": ("ordered", record(old=old)),
    }


def record(*, old: bool) -> Schema:
    kinds = "forwarded|sampled_out|trusted_forwarder|mailing_list|local_policy|other"
    if not old:
        kinds = "local_policy|mailing_list|other|policy_test_mode|trusted_forwarder"
    disposition = POLICY if old else f"pass|{POLICY}"
    reason = ("all", {"type": (1, 1, kinds), "comment": (0, 1, ANY)})
    evaluated = {
        "disposition": (1, 1, disposition),
        "dkim": (1, 1, "pass|fail"),
        "spf": (1, 1, "pass|fail"),
        "reason": (0, PLENTY, reason),
    }
    row = {
        "source_ip": (1, 1, "[0-9a-f.:]+"),
        "count": (1, 1, "\\d+"),
        "policy_evaluated": (1, 1, ("ordered", evaluated)),
    }
    dkim = {
        "domain": (1, 1, ".+"),
        "selector": (0 if old else 1, 1, ANY),
        "result": (1, 1, RESULT),
        "human_result": (0, 1, ANY),
    }
    spf = {
        "domain": (1, 1, ".+"),
        "scope": (0, 1, "helo|mfrom" if old else "mfrom"),
        "result": (1, 1, SPF_RESULT),
        "human_result": (0, 1, ANY),
    }
    results = {"dkim": (0, PLENTY, ("all", dkim)), "spf": (0, 1, ("all", spf))}
    identifiers = {
        "envelope_to": (0, 1, ANY),
        "envelope_from": (0, 1, ANY),
        "header_from": (1, 1, ".+"),
    }
    return {
        "row": (1, 1, ("ordered", row)),
        "identifiers": (1, 1, ("all", identifiers)),
        "auth_results": (1, 1, ("ordered", results)),
    }


def check(element: ElementTree.Element, rule: object, prefix: str) -> None:
    if isinstance(rule, str):
        assert len(element) == 0
        assert re.fullmatch(rule, element.text or ""), (element.tag, element.text)
        return
    assert isinstance(rule, tuple)
    order, children = rule
    names = [child.tag.removeprefix(prefix) for child in element]
    assert all(child.tag.startswith(prefix) for child in element)
    assert set(names) <= set(children), (element.tag, names)
    for name, (least, most, inner) in children.items():
        assert least <= names.count(name) <= most, (element.tag, name)
        for child in element.findall(prefix + name):
            check(child, inner, prefix)
    if order == "ordered":
        places = [list(children).index(name) for name in names]
        assert places == sorted(places), (element.tag, names)


@pytest.mark.parametrize("old", [False, True])
def test_it_follows_the_schema(old: bool) -> None:
    root = ElementTree.fromstring(written(REPORT, old=old))
    prefix = "" if old else f"{{{dmarcxml.NAMESPACE}}}"
    assert root.tag == f"{prefix}feedback"
    names = [child.tag.removeprefix(prefix) for child in root]
    assert names == ["version", "report_metadata", "policy_published", "record", "record"]
    rules = schema(old=old)
    for child, name in zip(root, names, strict=True):
        check(child, rules[name], prefix)


def test_the_old_form_says_the_same_as_far_as_it_can() -> None:
    again = read(written(REPORT, old=True))
    assert again.published == Published("example.com", "reject", "quarantine", strict_dkim=True)
    assert [count for _, count in again.records] == [3, 1]
    first = again.records[0][0]
    assert first.disposition is Disposition.NONE
    assert first.overrides[1] == Override("sampled_out")


LENIENT = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<d:feedback xmlns:d="http://dmarc.org/dmarc-xml/0.1" xmlns:e="urn:e">
<d:report_metadata><d:org_name>B\xe4r</d:org_name><d:email>a@b.example</d:email>
<d:report_id>77</d:report_id><d:date_range><d:begin>1700000000.0</d:begin>
<d:end> 1700086400 </d:end></d:date_range></d:report_metadata>
<d:policy_published><d:domain>Example.COM</d:domain><d:p>none</d:p><d:pct>50</d:pct>
</d:policy_published>
<e:extension><e:arc>x</e:arc></e:extension>
<d:record><d:row><d:source_ip>192.0.2.9</d:source_ip><d:count>4</d:count><d:policy_evaluated>
<d:disposition>None</d:disposition><d:dkim>pass</d:dkim><d:spf>fail</d:spf></d:policy_evaluated></d:row>
<d:identifiers><d:header_from>Example.com</d:header_from></d:identifiers>
<d:auth_results/><e:arc><e:row><e:count>9</e:count></e:row></e:arc></d:record></d:feedback>"""


def test_what_others_write_is_read() -> None:
    report = read(LENIENT)
    assert (report.organization, report.begin, report.end) == ("Bär", 1_700_000_000, 1_700_086_400)
    assert report.published == Published("example.com", "none", percent=50)
    [(seen, count)] = report.records
    assert (seen.address, seen.author, count) == ("192.0.2.9", "example.com", 4)
    assert (seen.dkim, seen.spf, seen.disposition) == (True, False, Disposition.NONE)


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<feedback><report_metadata><org_name>&b;</org_name></report_metadata></feedback>"""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no XML"),
        (b"hello", "no XML"),
        (b"<html></html>", "no aggregate report"),
        (b"<feedback></feedback>", "lacks"),
        (b"<feedback>" + b"<a>" * 20, "deep"),
        (BOMB, "document type"),
        (b'<!DOCTYPE feedback SYSTEM "file:///etc/passwd"><feedback/>', "document type"),
        (b'<?xml version="1.0" encoding="klingon"?><feedback/>', "no XML"),
        (LENIENT.replace(b">4<", b">many<"), "no number"),
        (LENIENT.replace(b">4<", b">-4<"), "no number"),
        (LENIENT.replace(b">4<", b">9999999999999<"), "no number"),
        (LENIENT.replace(b"report_id", b"rid"), "lacks"),
        (LENIENT[:-20], "no XML"),
        (LENIENT + b"<feedback/>", "no XML"),
    ],
)
def test_what_is_no_report_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        read(data)


def test_a_report_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    start = LENIENT.index(b"<d:record>")
    one = LENIENT[start : LENIENT.index(b"</d:record>") + 11]
    monkeypatch.setattr(dmarcxml, "RECORDS", 3)
    assert len(read(LENIENT[:start] + one * 3 + b"</d:feedback>").records) == 3
    with pytest.raises(Invalid, match="too many"):
        read(LENIENT[:start] + one * 4 + b"</d:feedback>")
    signature = b"<d:dkim><d:domain>a.example</d:domain></d:dkim>"
    many = one.replace(
        b"<d:auth_results/>", b"<d:auth_results>" + signature * 500 + b"</d:auth_results>"
    )
    [(seen, _)] = read(LENIENT[:start] + many + b"</d:feedback>").records
    assert len(seen.signatures) == dmarcxml.SIGNATURES
    long = read(LENIENT.replace(b"192.0.2.9", b"x" * 100_000)).records[0][0]
    assert long.address == "x" * dmarcxml.TEXT


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20).map(str.strip)
WORD = st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True)


@st.composite
def reports(draw: st.DrawFn) -> Aggregate:
    published = draw(
        st.builds(
            Published,
            WORD,
            *[st.sampled_from(["none", "quarantine", "reject"])] * 3,
            st.booleans(),
            st.booleans(),
            st.booleans(),
        )
    )
    seen = st.builds(
        DMARCSeen,
        st.just(published),
        WORD,
        WORD,
        WORD | st.just(""),
        st.sampled_from(Disposition),
        st.booleans(),
        st.booleans(),
        st.lists(st.builds(DKIMFound, WORD, TEXT, WORD), max_size=3).map(tuple),
        st.none() | st.builds(SPFFound, WORD, WORD),
        st.lists(st.builds(Override, WORD, TEXT), max_size=2).map(tuple),
    )
    count = st.integers(0, 10**9)
    records = st.lists(st.tuples(seen, count), min_size=1, max_size=4).map(tuple)
    number = st.integers(0, 10**11)
    return draw(st.builds(Aggregate, TEXT, TEXT, WORD, number, number, st.just(published), records))


@settings(max_examples=30, derandomize=True, deadline=None)
@given(reports())
def test_any_report_comes_back(report: Aggregate) -> None:
    assert read(written(report)) == report


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(LENIENT)), st.integers(0, 60))
def test_no_octets_harm(noise: bytes, at: int, cut: int) -> None:
    for data in (noise, LENIENT[:at] + noise + LENIENT[at + cut :]):
        try:
            read(data)
        except Invalid:
            continue
