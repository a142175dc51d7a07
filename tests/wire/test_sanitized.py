"""What is left of HTML that means harm: each line an attack that was made on some webmail."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire.sanitized import clean, from_plain, small

PARTS = {"x@y": "ATT00001"}
ATTACKS = [
    ("<script>alert(1)</script>x", "x"),
    ("<SCRIPT/SRC=//e.example>x</SCRIPT>y", "y"),
    ("<scr<script>ipt>alert(1)</script>x", "ipt&gt;alert(1)x"),
    ("<svg><script>1</script></svg>x", "x"),
    ("<svg/onload=alert(1)>x", ""),
    ("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", ""),
    ('<noscript><p title="</noscript><img src=x onerror=1>">', '<img>"&gt;'),
    ("<img src=cid:x@y onerror=1>", '<img src="attachment:ATT00001">'),
    ("<img src='cid:other'>", "<img>"),
    ("<img src='attachment:ATT00009'>", "<img>"),
    ("<img src='data:image/png;base64,AAAA'>", '<img src="data:image/png;base64,AAAA">'),
    ("<img src='data:image/svg+xml;base64,AAAA'>", "<img>"),
    ("<img src='data:text/html;base64,AAAA'>", "<img>"),
    ("<a href='data:image/png;base64,AAAA'>x</a>", '<a rel="noopener noreferrer">x</a>'),
    ("<a href='javascript:alert(1)'>x</a>", '<a rel="noopener noreferrer">x</a>'),
    ("<a href=' java\tscript:alert(1)'>x</a>", '<a rel="noopener noreferrer">x</a>'),
    ('<a href="jav&#x0A;ascript:alert(1)">x</a>', '<a rel="noopener noreferrer">x</a>'),
    ("<a href='\x01javascript:alert(1)'>x</a>", '<a rel="noopener noreferrer">x</a>'),
    ("<a href='\u202ehttp://e.example'>x</a>", '<a rel="noopener noreferrer">x</a>'),
    ("<a href='vbscript:x'>x</a>", '<a rel="noopener noreferrer">x</a>'),
    ("<base href='http://e/'><a href='/x'>x</a>", '<a rel="noopener noreferrer">x</a>'),
    ("<a href='//evil.example'>x</a>", '<a rel="noopener noreferrer">x</a>'),
    ("<p style='background:url(http://t.example/x)'>x", "<p>x</p>"),
    ("<p style='color:red;position:fixed'>x", '<p style="color:red">x</p>'),
    ("<p style='width:expression(alert(1))'>x", "<p>x</p>"),
    ("<p style='color:\\75\\72\\6c(http://t)'>x", "<p>x</p>"),
    ("<p style='-moz-binding:x'>y", "<p>y</p>"),
    ("<style>@import 'http://t.example';</style>x", "x"),
    ("<link rel=stylesheet href=http://t.example>x", "x"),
    ("<meta http-equiv=refresh content='0;url=http://x'>x", "x"),
    ("<form action=http://e><input name=password><button>b</button></form>", "b"),
    ("<iframe src=http://e></iframe><object data=e></object><embed src=e>x", "x"),
    ("<table background='http://t'><tr><td>x", "<table><tbody><tr><td>x</td></tr></tbody></table>"),
    ("<img srcset='http://t 2x' src='http://ok/'>", '<img src="http://ok/">'),
    ("<p id=x class=y name=z onclick=1>a", "<p>a</p>"),
    ("<!--[if IE]><script>1</script><![endif]-->x", "x"),
    ("<p>a\0b</p>", "<p>ab</p>"),
    (
        "<a href='http://ok/?a=1&b=2' target=_top>x</a>",
        '<a href="http://ok/?a=1&amp;b=2" rel="noopener noreferrer">x</a>',
    ),
]


@pytest.mark.parametrize(("source", "left"), ATTACKS, ids=[one[0][:40] for one in ATTACKS])
def test_attacks(source: str, left: str) -> None:
    assert clean(source, PARTS) == left


def test_parts_are_links_where_somebody_wants_them() -> None:
    shown = clean("<img src=cid:x%40y>", PARTS, "/m/4/attachments")
    assert shown == '<img src="/m/4/attachments/ATT00001">'


TAGS = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<a href=",
        "javascript:x",
        ">",
        "<svg>",
        "<style>",
        "<!--",
        "'",
        '"',
        "<img ",
        "src=x",
        " onerror=1",
        "data:text/html,",
        "<math>",
        "</",
        "&#106;",
        "\0",
        "x",
        "<table>",
    ]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(TAGS, max_size=12).map("".join))
def test_what_is_left_is_left_again(source: str) -> None:
    """A second look finds nothing more, and no handler or script is there to run."""
    once = clean(source, PARTS)
    assert clean(once, PARTS) == once
    for tag in re.findall(r"<[^>]*>", once):
        assert not re.search(r"\son\w+=|javascript:|<script|<svg|<style", tag, re.I)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a <b>\n& 'c'", "<p>a &lt;b&gt;<br/>\n&amp; &#x27;c&#x27;</p>"),
        ("a\r\n\r\n\r\nb", "<p>a</p>\n<p>b</p>"),
        (
            "(http://x.example/?a=1&b=2).",
            '<p>(<a href="http://x.example/?a=1&amp;b=2" rel="noopener noreferrer">'
            "http://x.example/?a=1&amp;b=2</a>).</p>",
        ),
        (
            "to a@b.example now",
            '<p>to <a href="mailto:a@b.example" rel="noopener noreferrer">a@b.example</a> now</p>',
        ),
        (
            'http://x"onclick=1',
            '<p><a href="http://x" rel="noopener noreferrer">http://x</a>&quot;onclick=1</p>',
        ),
        ("javascript:alert(1)", "<p>javascript:alert(1)</p>"),
    ],
)
def test_plain_text_as_html(text: str, shown: str) -> None:
    assert from_plain(text) == shown


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_no_text_becomes_markup_that_is_not_ours(text: str) -> None:
    left = re.sub(
        r'</?p>|<br/>|<a href="[^"<>]*" rel="noopener noreferrer">|</a>', "", from_plain(text)
    )
    assert "<" not in left
    assert ">" not in left


def test_what_nests_deeply_is_not_small() -> None:
    assert small("<p>" * 400)
    assert not small("<p>" * 401)
    assert not small("x" * 9000)
