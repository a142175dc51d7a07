"""URLs of strangers: what is one, and every spelling that only some would understand."""

from __future__ import annotations

import pytest

from mailhub.model.errors import Invalid
from mailhub.wire.weburl import parse


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "target"),
    [
        ("https://example.org", "https", "example.org", 443, "/"),
        ("HTTP://Example.ORG:8080/a?b=c#d", "http", "example.org", 8080, "/a?b=c"),
        ("https://example.org.:443/", "https", "example.org", 443, "/"),
        ("https://bücher.example/ä?q=ö", "https", "xn--bcher-kva.example", 443, "/%C3%A4?q=%C3%B6"),
        ("https://192.0.2.1/", "https", "192.0.2.1", 443, "/"),
        ("http://[2001:DB8::1]:8000/x", "http", "2001:db8::1", 8000, "/x"),
        ("https://a.b1/%2e%2e/%00", "https", "a.b1", 443, "/%2e%2e/%00"),
        ("https://user.example/@x", "https", "user.example", 443, "/@x"),
    ],
)
def test_urls(text: str, scheme: str, host: str, port: int, target: str) -> None:
    url = parse(text)
    assert (url.scheme, url.host, url.port, url.target) == (scheme, host, port, target)
    assert parse(str(url)) == url


def test_addresses_are_told_from_names() -> None:
    assert parse("http://192.0.2.1/").is_address
    assert parse("http://[::1]/").is_address
    assert not parse("http://host1/").is_address
    assert str(parse("https://[2001:db8::1]:8443/x")) == "https://[2001:db8::1]:8443/x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "//example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "http://",
        "http:///x",
        "https://user@example.org/",
        "https://user:pass@example.org/",
        "https://example.org@127.0.0.1/",
        "https://@example.org/",
        "http://example.org\\@127.0.0.1/",
        "http://example.org\t/",
        "http://example.org/\r\nHost: other",
        "http://example.org/ x",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1.1/",
        "http://1.2.3.4.5/",
        "http://127.0.0.01/",
        "http://0x/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://[127.0.0.1]/",
        "http://[::ffff:127.0.0.1]x/",
        "http://exa_mple..org/",
        "http://-/",
        "http://a*b.example/",
        "http://%6c%6f%63alhost/",
        "http://example.org:99999/",
        "http://example.org:/",
        "http://example.org:0/",
        "http://example.org:25/",
        "http://example.org:22/",
        "http://example.org:6667/",
        "http://" + "a" * 2100 + "/",
        "http://\ud800/",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text, "targetUrl")
    assert caught.value.field == "targetUrl"


def test_digits_of_other_scripts_are_addresses_too() -> None:
    assert parse("http://１２７.０.０.１/").host == "127.0.0.1"
    assert parse("http://127。0。0。1/").is_address
    with pytest.raises(Invalid):
        parse("http://①②⑦.1/")
