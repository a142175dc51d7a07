"""What each product's API says, in the shapes that their documents and servers have, becomes what
this server takes in."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from mailhub.model.account import Limits
from mailhub.model.filter import Actions, Conditions
from mailhub.switching.easymail import EasyMail
from mailhub.switching.faults import SwitchFault
from mailhub.switching.mailinabox import MailInABox
from mailhub.switching.origins import Completed
from mailhub.switching.site import Answer
from mailhub.switching.source import Api, Given, Kind, Source
from mailhub.switching.tmail import Tmail, octets
from mailhub.switching.wildduck import WildDuck
from mailhub.switching.wildduck_user import filter_file


class Recorded:
    """`Site` with answers by path."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, Any]] = []

    def identify(self, name: str, value: str) -> None:
        self.headers[name] = value

    def get(self, path: str, query: Any = None, *, form: Any = None, absent: bool = False) -> Any:
        self.asked.append((path, query))
        if path not in self.answers:
            if absent:
                return None
            raise SwitchFault(f"{path}: 404")
        return self.answers[path]

    def call(self, method: str, path: str, query: Any = None, *, form: Any = None) -> Answer:
        self.asked.append((path, form))
        found = self.answers.get(path)
        if isinstance(found, Answer):
            return found
        if found is None:
            return Answer(404, "application/json", b"{}")
        return Answer(200, "application/json", json.dumps(found).encode())


class InPages(Recorded):
    """Some paths answer anew each time."""

    def get(self, path: str, query: Any = None, *, form: Any = None, absent: bool = False) -> Any:
        found = self.answers.get(path)
        if hasattr(found, "__next__"):
            self.asked.append((path, query))
            return next(found)
        return super().get(path, query, form=form, absent=absent)


# -- tmail

TMAIL = [
    {
        "Id": 5,
        "Login": "relay",
        "Passwd": "$2a$10$Lnvy5ViilsKwAKKLsxhrZOhlcZkW.gbDvffEpyEif6Fefc5NU0iOe",
        "DovePasswd": "$6$8c69e981ea71fa91$WRbtGb6AnEKQo",
        "Active": "Y",
        "AuthRelay": True,
        "HaveMailbox": False,
        "MailboxQuota": "",
        "Home": "",
    },
    {
        "Id": 4,
        "Login": "test@tmail.io",
        "Passwd": "",
        "DovePasswd": "{SHA512-CRYPT}$6$8c69e981ea71fa91$WRbtGb6AnEKQo",
        "Active": "N",
        "AuthRelay": False,
        "HaveMailbox": True,
        "IsCatchall": True,
        "MailboxQuota": "1G",
        "Home": "/mailboxes/t/tmail.io/t/test",
    },
]


def tmail(site: Recorded) -> Tmail:
    made: Any = site
    return Tmail(made, "admin", "adm:in")


def test_tmail_users_come_with_hashes() -> None:
    site = Recorded({"/users": TMAIL})
    origin = tmail(site)
    assert base64.b64decode(site.headers["Authorization"].split()[1]) == b"admin:adm:in"
    (domain,) = origin.domains()
    assert (domain.name, domain.file.catch_all) == ("tmail.io", "test@tmail.io")
    test, relay = origin.accounts()
    assert (test.file.address, test.file.disabled, test.file.sending) == (
        "test@tmail.io",
        True,
        "local",
    )
    assert test.file.limits == Limits(storage=1 << 30)
    assert test.file.password == "$6$8c69e981ea71fa91$WRbtGb6AnEKQo"
    assert (relay.file.address, relay.file.username, relay.file.sending) == ("", "relay", "any")
    assert relay.file.password.startswith("$2a$10$")
    assert list(origin.aliases()) == []
    assert any("aliases are not told" in one for one in origin.remarks())


def test_tmail_without_hashes_says_so() -> None:
    origin = tmail(Recorded({"/users": [{"Id": 1, "Login": "a@b.c", "HaveMailbox": True}]}))
    assert next(origin.accounts()).file.password == ""
    assert any("hashes" in one for one in origin.remarks())


def test_tmail_aliases_where_the_server_tells_them() -> None:
    rows = [
        {"Id": 1, "Alias": "test@tmail.io", "User": "test@tmail.io", "DeliverTo": []},
        {"Id": 2, "Alias": "t@tmail.io", "User": "test@tmail.io", "DeliverTo": []},
        {"Id": 3, "Alias": "all@x.io", "User": "", "DeliverTo": ["a@x.io", "b@y.io"]},
        {"Id": 4, "Alias": "run@x.io", "User": "", "DeliverTo": ["a@x.io"], "Pipe": "/bin/x"},
    ]
    origin = tmail(Recorded({"/users": TMAIL, "/aliases": rows}))
    assert [one.name for one in origin.domains()] == ["tmail.io", "x.io"]
    own, both, piped = origin.aliases()
    assert (own.file.address, own.file.owner) == ("t@tmail.io", "test@tmail.io")
    assert both.file.targets == ("a@x.io", "b@y.io")
    assert "program" in piped.notes[0]


@pytest.mark.parametrize(
    ("quota", "expected"), [("", 0), ("10", 10), ("1k", 1024), ("2M", 2 << 20), ("3T", 3 << 40)]
)
def test_tmail_quotas(quota: str, expected: int) -> None:
    assert octets(quota) == expected


def test_a_quota_that_cannot_be_read_is_told() -> None:
    row = {"Id": 1, "Login": "a@b.c", "HaveMailbox": True, "MailboxQuota": "1 giga"}
    account = next(tmail(Recorded({"/users": [row]})).accounts())
    assert account.file.limits.storage == 0
    assert "1 giga" in account.notes[0]


# -- EasyMail

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMII=\n-----END RSA PRIVATE KEY-----\n"
EASY: dict[str, Any] = {
    "/auth": {"result": True, "token": "tok.en"},
    "/domains": {"domains": [{"id": 2, "name": "b.example"}, {"id": 1, "name": "a.example"}]},
    "/users/1": {"users": [{"id": 1, "domain_id": 1, "email": "admin@a.example"}]},
    "/users/2": {"users": []},
    "/export/domain": {
        "accounts": [{"email": "admin@a.example", "password": "$1$salt$hash"}],
        "dkim": {"public": "mail._domainkey IN TXT …", "private": KEY},
        "domainName": "a.example",
    },
}


def easymail(site: Recorded) -> EasyMail:
    made: Any = site
    return EasyMail(made, "boss", "secret", lambda: 0.0)


def test_easymail_tells_hashes_and_keys() -> None:
    site = Recorded(EASY)
    origin = easymail(site)
    first, second = origin.domains()
    assert (first.name, second.name) == ("a.example", "b.example")
    assert (first.file.keys[0].selector, first.file.keys[0].private) == ("mail", KEY)
    (account,) = origin.accounts()
    assert (account.name, account.file.password) == ("admin@a.example", "$1$salt$hash")
    assert site.headers["Auth-token"] == "tok.en"
    exports = [form for path, form in site.asked if path == "/export/domain"]
    assert exports == [{"domain": "a.example"}, {"domain": "b.example"}], "asked once each"
    assert not any("add-new-domain" in path for path, _ in site.asked)


def test_easymail_that_sends_an_archive_tells_neither() -> None:
    archive = Answer(200, "application/gzip", b"\x1f\x8b")
    origin = easymail(Recorded({**EASY, "/export/domain": archive}))
    assert origin.domains()[0].file.keys == ()
    (account,) = origin.accounts()
    assert account.file.password == ""
    assert any("a.example" in one for one in origin.remarks())


def test_easymail_refuses_a_login() -> None:
    wrong = Answer(401, "application/json", b'{"msg":"Username/password is not correct"}')
    with pytest.raises(SwitchFault, match="is not correct"):
        easymail(Recorded({**EASY, "/auth": wrong})).domains()


# -- Mail-in-a-Box

BOX: dict[str, Any] = {
    "/login": {"status": "ok", "privileges": ["admin"], "api_key": "k" * 9},
    "/mail/users": [
        {
            "domain": "a.example",
            "users": [
                {
                    "email": "me@a.example",
                    "privileges": ["admin"],
                    "status": "active",
                    "quota": "5G",
                    "box_size": 7,
                },
                {"email": "x@a.example", "privileges": [], "status": "active", "quota": "0"},
                {"email": "old@a.example", "status": "inactive", "mailbox": "/home/…"},
            ],
        },
        {
            "domain": "bücher.example",
            "users": [{"email": "u@xn--bcher-kva.example", "privileges": [], "status": "active"}],
        },
    ],
    "/mail/aliases": [
        {
            "domain": "a.example",
            "aliases": [
                {"address": "info@a.example", "forwards_to": ["me@a.example", "o@far.example"]},
                {
                    "address": "x@a.example",
                    "forwards_to": ["me@a.example"],
                    "permitted_senders": ["me@a.example"],
                },
                {"address": "@a.example", "forwards_to": ["me@a.example"]},
                {"address": "@other.example", "forwards_to": ["@a.example"]},
                {"address": "@lost.example", "forwards_to": ["@nowhere.example"]},
                {"address": "abuse@a.example", "forwards_to": ["x@a.example"], "auto": True},
                {
                    "address": "postmaster@a.example",
                    "forwards_to": ["administrator@box.a.example"],
                    "required": True,
                },
                {
                    "address": "admin@a.example",
                    "forwards_to": ["me@a.example"],
                    "required": True,
                },
            ],
        }
    ],
    "/dns/custom": [
        {"qname": "www.a.example", "rtype": "A", "value": "192.0.2.1"},
        {"qname": "a.example", "rtype": "TXT", "value": "v=x"},
        {"qname": "mx.xn--bcher-kva.example", "rtype": "A", "value": "local"},
    ],
    "/dns/secondary-nameserver": {"hostnames": ["ns2.example"]},
}


def box(site: Recorded) -> MailInABox:
    made: Any = site
    return MailInABox(made, "me@a.example", "secret")


def test_mailinabox_domains_with_other_names_and_records() -> None:
    site = Recorded(BOX)
    origin = box(site)
    found = {one.name: one.file for one in origin.domains()}
    assert set(found) == {"a.example", "xn--bcher-kva.example"}
    assert found["a.example"].aliases == ("other.example",)
    assert found["a.example"].records == (
        ("www.a.example", "A", "192.0.2.1"),
        ("a.example", "TXT", "v=x"),
    )
    assert found["xn--bcher-kva.example"].records == (("mx.xn--bcher-kva.example", "A", "local"),)
    key = base64.b64decode(site.headers["Authorization"].split()[1])
    assert key == b"me@a.example:kkkkkkkkk", "the session's key stands for the password"
    remarks = " ".join(origin.remarks())
    for word in ("lost.example", "old@a.example", "ns2.example"):
        assert word in remarks


def test_mailinabox_users() -> None:
    me, x, u = box(Recorded(BOX)).accounts()
    assert (me.file.role, me.file.limits.storage) == ("admin", 5 << 30)
    assert (x.file.role, x.file.limits.storage) == ("user", 0)
    assert u.file.address == "u@xn--bcher-kva.example"


def test_mailinabox_aliases_that_somebody_made() -> None:
    found = {one.name: one.file for one in box(Recorded(BOX)).aliases()}
    assert set(found) == {"info@a.example", "x@a.example", "*@a.example", "admin@a.example"}
    assert found["info@a.example"].targets == ("me@a.example", "o@far.example")
    assert found["x@a.example"].diverted
    assert found["x@a.example"].senders == ("me@a.example",)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"status": "missing-totp-token", "reason": "missing-totp-token"}, "second factor"),
        ({"status": "ok", "privileges": [], "api_key": "k"}, "no administrator"),
    ],
)
def test_mailinabox_logins_that_do_not_do(said: Any, words: str) -> None:
    with pytest.raises(SwitchFault, match=words):
        box(Recorded({**BOX, "/login": said})).domains()


# -- WildDuck

FLAT = {
    "success": True,
    "id": "5a1c0ee490a34c67e266932c",
    "name": "old",
    "query_from": "andris",
    "query_ha": True,
    "query_size": -1024,
    "action_mailbox": "5a1c0ee490a34c67e266931c",
    "action_seen": True,
    "action_forward": "a@far.example, b@far.example",
    "action_targetUrl": "https://far.example/hook",
}
NESTED = {
    "success": True,
    "id": "5a1c0ee490a34c67e266932c",
    "name": "new",
    "query": {"subject": "bill", "listId": "<l.example>"},
    "action": {"flag": True, "targets": ["a@far.example", "smtp://relay.example:25"]},
    "disabled": True,
    "metaData": {"a": 1},
}


def test_wildduck_filters_flat_and_nested() -> None:
    paths = {"5a1c0ee490a34c67e266931c": "Work"}
    old, new = filter_file(FLAT, paths), filter_file(NESTED, paths)
    assert old.conditions == Conditions(sender="andris", attachments=True, size=-1024)
    assert old.actions == Actions(
        seen=True,
        forwards=("a@far.example", "b@far.example"),
        uploads=("https://far.example/hook",),
    )
    assert old.mailbox == "Work"
    assert new.conditions == Conditions(subject="bill", list_id="<l.example>")
    assert new.actions == Actions(
        flag=True, forwards=("a@far.example",), uploads=("smtp://relay.example:25",)
    )
    assert new.disabled
    assert json.loads(new.metadata) == {"a": 1}


USER = {
    "success": True,
    "id": "u1",
    "username": "ann",
    "name": "Ann",
    "address": "ann@d.example",
    "language": "et",
    "retention": 864000,
    "enabled2fa": ["totp"],
    "autoreply": True,
    "encryptMessages": False,
    "limits": {
        "quota": {"allowed": 1 << 30, "used": 5},
        "recipients": {"allowed": 2000, "used": 0, "ttl": False},
        "pop3MaxMessages": {"allowed": 300},
    },
    "tags": ["red"],
    "targets": ["x@far.example"],
    "spamLevel": 30,
    "metaData": {"k": 1},
    "internalData": {},
    "disabledScopes": ["pop3"],
    "suspended": True,
    "disabled": False,
    "mtaRelay": "smtp://r",
    "fromWhitelist": ["*@z.example"],
}
DUCK: dict[str, Any] = {
    "/users/u1": USER,
    "/users/u1/addresses": {
        "results": [
            {"id": "a1", "address": "ann@d.example", "main": True},
            {"id": "a2", "address": "*@d.example", "main": False, "name": "All", "tags": ["t"]},
        ]
    },
    "/users/u1/mailboxes": {
        "results": [
            {"id": "b1", "path": "INBOX", "specialUse": None, "subscribed": True},
            {
                "id": "b2",
                "path": "Saadetud kirjad",
                "specialUse": "\\Sent",
                "subscribed": False,
                "hidden": True,
                "retention": 1000,
            },
        ]
    },
    "/users/u1/filters": {"results": [{"id": "f1"}]},
    "/users/u1/filters/f1": FLAT,
    "/users/u1/autoreply": {
        "success": True,
        "status": True,
        "subject": "Away",
        "message": "Soon",
        "start": "2017-11-15T00:00:00.000Z",
        "end": False,
    },
    "/users/u1/asps": {"results": [{"id": "p"}, {"id": "q"}]},
    "/addresses/forwarded/a9": {
        "id": "a9",
        "address": "all@e.example",
        "targets": ["ann@d.example"],
        "limits": {"forwards": {"allowed": 100}},
        "autoreply": {"status": True},
    },
    "/domainaliases": {"results": [{"alias": "dd.example", "domain": "d.example"}]},
    "/dkim": {"results": [{"domain": "d.example", "selector": "s1"}]},
}


def duck() -> tuple[InPages, WildDuck]:
    answers = {
        **DUCK,
        "/users": iter(
            [
                {"results": [{"id": "u1"}], "nextCursor": "c1"},
                {"results": [{"id": "u1"}], "nextCursor": False},
            ]
        ),
    }
    answers["/addresses"] = iter(
        [
            {
                "results": [{"id": "a1", "address": "ann@d.example", "user": "u1"}],
                "nextCursor": "n",
            },
            {"results": [{"id": "a9", "address": "all@e.example"}], "nextCursor": False},
        ]
    )
    site = InPages(answers)
    made: Any = site
    return site, WildDuck(made, "token")


def test_wildduck_lists_are_read_to_their_end() -> None:
    site, origin = duck()
    assert [one.name for one in origin.domains()] == ["d.example", "e.example"]
    assert len(list(origin.accounts())) == 2
    assert site.headers == {"X-Access-Token": "token"}
    asked = [query for path, query in site.asked if path == "/users"]
    assert asked == [{"limit": 250, "page": 1}, {"limit": 250, "page": 2, "next": "c1"}]


def test_wildduck_domains_have_other_names_and_keys_that_are_not_told() -> None:
    first = duck()[1].domains()[0]
    assert first.file.aliases == ("dd.example",)
    assert first.file.ignore_dots
    assert "s1" in first.notes[0]


def test_a_wildduck_user() -> None:
    one = next(duck()[1].accounts())
    file = one.file
    assert (file.username, file.address, file.language) == ("ann", "ann@d.example", "et")
    assert file.limits == Limits(storage=1 << 30, recipients=2000, pop3_messages=300)
    assert (file.suspended, file.disabled, file.spam_level) == (True, False, 30)
    assert (file.targets, file.metadata) == (("x@far.example",), {"metaData": {"k": 1}})
    assert file.disabled_scopes == ("pop3",)
    assert file.factors == ("totp",)
    sent = file.mailboxes[1]
    assert (sent.special_use, sent.subscribed, sent.hidden, sent.retention) == (
        "\\Sent",
        False,
        True,
        1000,
    )
    assert file.subscriptions == ("INBOX",)
    assert file.autoreply is not None
    assert (file.autoreply.text, file.autoreply.starts, file.autoreply.ends) == (
        "Soon",
        1510704000,
        None,
    )
    assert [row.address for row in one.further] == ["*@d.example"]
    notes = " ".join(one.notes)
    for word in ("2 app passwords", "mtaRelay", "*@z.example"):
        assert word in notes


def test_wildduck_forwarded_addresses() -> None:
    origin = duck()[1]
    origin.domains()
    (alias,) = origin.aliases()
    assert (alias.name, alias.file.targets, alias.file.forwards) == (
        "all@e.example",
        ("ann@d.example",),
        100,
    )
    assert "automatic reply" in alias.notes[0]


def test_wildduck_of_the_first_years_wants_its_token_in_the_query() -> None:
    site = InPages({"/addresses": {"results": []}})
    made: Any = site
    WildDuck(made, "token", in_query=True).domains()
    assert site.headers == {}
    assert all(query["accessToken"] == "token" for _, query in site.asked)


# -- what files add


def test_files_add_what_an_api_does_not_tell(tmp_path: Any) -> None:
    (tmp_path / "hashes").touch(mode=0o600)
    (tmp_path / "hashes").write_text("# comment\nTest@tmail.io,$6$new\n\n")
    (tmp_path / "aliases").write_text("info@tmail.io\ttest@tmail.io, o@far.example\n@x.io a@x.io\n")
    (tmp_path / "key").write_text(KEY)
    given = Given(
        hashes=str(tmp_path / "hashes"),
        aliases=str(tmp_path / "aliases"),
        keys={"tmail.io/s2": str(tmp_path / "key")},
    )
    source = Source(kind=Kind.TMAIL, api=Api(url="https://x"), name="x", given=given)
    origin = Completed(tmail(Recorded({"/users": TMAIL})), source)
    domains = {one.name: one for one in origin.domains()}
    assert domains["tmail.io"].file.keys[0].selector == "s2"
    assert "x.io" in domains
    assert next(origin.accounts()).file.password == "$6$new"
    assert [(one.name, one.file.targets) for one in origin.aliases()] == [
        ("info@tmail.io", ("test@tmail.io", "o@far.example")),
        ("*@x.io", ("a@x.io",)),
    ]


def test_only_some_domains_are_read() -> None:
    source = Source(kind=Kind.TMAIL, api=Api(url="https://x"), name="x", only=("other.io",))
    origin = Completed(tmail(Recorded({"/users": TMAIL})), source)
    assert origin.domains() == []
    assert list(origin.accounts()) == []
