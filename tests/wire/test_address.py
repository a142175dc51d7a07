"""SMTP addresses: what is one, its canonical form, and the key under which it is looked up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import address

VALID = [
    ("joe@example.org", "joe", "example.org"),
    ("Joe.Q@EXAMPLE.org", "Joe.Q", "example.org"),
    ("joe@localhost", "joe", "localhost"),
    ("!#$%&'*+-/=?^_`{|}~@x.org", "!#$%&'*+-/=?^_`{|}~", "x.org"),
    ('"joe"@x.org', "joe", "x.org"),
    ('"a b"@x.org', "a b", "x.org"),
    ('"a@b"@x.org', "a@b", "x.org"),
    ('"a\\"b\\\\c"@x.org', 'a"b\\c', "x.org"),
    ('""@x.org', "", "x.org"),
    ("jürgen@bücher.example", "jürgen", "xn--bcher-kva.example"),
    ("a@BÜCHER.example", "a", "xn--bcher-kva.example"),
    ("a@faß.example", "a", "xn--fa-hia.example"),
    ("a@例え。テスト", "a", "xn--r8jz45g.xn--zckzah"),
    ("用户@例え.jp", "用户", "xn--r8jz45g.jp"),
    ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
    ("a@[IPv6:2001:DB8:0:0::1]", "a", "[IPv6:2001:db8::1]"),
    ("a@[ipv6:::ffff:192.0.2.1]", "a", "[IPv6:::ffff:c000:201]"),
    ("a@sub_domain.example", "a", "sub_domain.example"),
    ("a@1.2.3.example", "a", "1.2.3.example"),
    ("a" * 64 + "@x.org", "a" * 64, "x.org"),
    ("*@x.org", "*", "x.org"),
]
INVALID = [
    "", "@", "a", "a@", "@x.org", "a@@x.org", "a b@x.org", ".a@x.org", "a.@x.org", "a..b@x.org",
    "a@.x.org", "a@x..org", "a@x.org.", "a@-x.org", "a@x-.org", "a@x org", "a@x.org\n", "a\n@x.org",
    "a\0@x.org",
    '"a@x.org', 'a"@x.org', '"a"b@x.org', '"a\\"@x.org', '"a\rb"@x.org', '"a\\\n"@x.org',
    "a@[1.2.3]", "a@[1.2.3.4", "a@1.2.3.4]", "a@[IPv6:1.2.3.4]", "a@[::1]", "a@[x400:abc]", "a@[]",
    "a@192.0.2.1", "a@example.1", "a" * 65 + "@x.org", "ü" * 33 + "@x.org",
    "a@" + "b" * 64 + ".org",
    "a@" + ".".join(["b" * 60] * 5), "a" * 64 + "@" + ".".join(["b" * 47] * 4), "a\u0085@x.org",
    "a\u2028@x.org", "\ud800@x.org", "a@\ud800.org", "a@xü_..org", "a@\u00ad", "(a)@x.org",
    "<a@x.org>",
    "a,b@x.org", "a@b@x.org", "a@x,org", "a@x/y", "a@*.org",
]  # fmt: skip


@pytest.mark.parametrize(("written", "local", "domain"), VALID)
def test_splits_what_is_an_address(written: str, local: str, domain: str) -> None:
    assert address.split(written) == (local, domain)


@pytest.mark.parametrize("written", INVALID)
def test_refuses_what_is_none(written: str) -> None:
    with pytest.raises(Invalid):
        address.split(written)


@pytest.mark.parametrize(
    ("written", "options", "key", "detail"),
    [
        ("Joe+Tag@X.org", {}, "joe@x.org", "Tag"),
        ("joe+a+b@x.org", {}, "joe@x.org", "a+b"),
        ("+tag@x.org", {}, "+tag@x.org", ""),
        ("joe-list@x.org", {"delimiter": "-+"}, "joe@x.org", "list"),
        ("joe+a-b@x.org", {"delimiter": "-+"}, "joe@x.org", "a-b"),
        ("joe+tag@x.org", {"delimiter": ""}, "joe+tag@x.org", ""),
        ("j.o.e@x.org", {}, "j.o.e@x.org", ""),
        ("j.o.e+t@x.org", {"ignore_dots": True}, "joe@x.org", "t"),
        ('"..."@x.org', {"ignore_dots": True}, '"..."@x.org', ""),
        ('"j o e"@x.org', {}, '"j o e"@x.org', ""),
        ('"joe"@x.org', {}, "joe@x.org", ""),
        ('""@x.org', {}, '""@x.org', ""),
        ('"+a"@x.org', {}, "+a@x.org", ""),
        ("JÜRGEN@x.org", {}, "jürgen@x.org", ""),
        ("Ju\u0308rgen@x.org", {}, "jürgen@x.org", ""),
        ("a@[IPv6:0::1]", {}, "a@[IPv6:::1]", ""),
    ],
)
def test_key_and_detail(written: str, options: dict[str, object], key: str, detail: str) -> None:
    assert address.key(written, **options) == key  # type: ignore[arg-type]
    delimiter = str(options.get("delimiter", "+"))
    assert address.detail(written, delimiter=delimiter) == detail


def test_the_null_local_part_is_nobody() -> None:
    """`<""@d>` crashed other servers; here it is an address like any other that does not exist."""
    assert address.key('""@x.org') != address.key('"a"@x.org')
    assert address.join(*address.split('""@x.org')) == '""@x.org'


def test_domains_alone() -> None:
    assert address.domain("Example.ORG") == "example.org"
    assert address.domain("xn--bcher-kva.example") == "xn--bcher-kva.example"
    for wrong in ("", "-", "a b", "a/b", "x" * 254, "é" * 300, "10.0.0.1", "[]"):
        with pytest.raises(Invalid):
            address.domain(wrong)


def test_is_ascii() -> None:
    assert address.is_ascii("a@bücher.example")
    assert not address.is_ascii("ü@x.org")


@settings(max_examples=50, derandomize=True, deadline=None)
@given(
    st.text(st.characters(codec="utf-8"), max_size=40), st.sampled_from(["x.org", "[192.0.2.1]"])
)
def test_quoting_survives_a_round_trip(local: str, domain: str) -> None:
    written = address.join(local, domain)
    try:
        found = address.split(written)
    except Invalid:
        return
    assert found == (local, domain)
    assert address.key(written) == address.key(address.key(written, delimiter=""))


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_an_address_or_invalid(text: str) -> None:
    for written in (text, text + "@x.org", "a@" + text):
        try:
            local, domain = address.split(written)
        except Invalid:
            continue
        assert address.octets(local) <= address.LOCAL_LIMIT
        assert domain == domain.lower() or domain.startswith("[IPv6:")
        assert not set(local + domain) & set("\r\n\0")
