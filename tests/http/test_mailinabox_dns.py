"""Mail-in-a-Box's calls about the DNS, certificates and sites: each success and each failure."""

from __future__ import annotations

import pytest

from tests.authority import Authority, key
from tests.fakes import FakeClock
from tests.http.box import JOE, Box, refused, said
from tests.http.browsing import FOREIGN
from tests.world import HOSTNAME, world

CUSTOM = "/dns/custom/www.example.org"


@pytest.fixture(scope="module")
def still() -> Box:
    """For tests that change nothing."""
    return Box()


@pytest.fixture
def box() -> Box:
    return Box()


# -- zones


def test_zones_are_shown(box: Box) -> None:
    assert box.get("/dns/zones").json == ["example.org"]
    reply = box.get("/dns/zonefile/example.org")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"10 mx.example.org." in reply.body
    same = box.get("/dns/zonefile/example.org", accept="application/json")
    assert same.json == reply.body.decode()
    assert box.get("/dns/zonefile/nowhere.example").status == 404


def test_zones_are_updated_when_something_changed(box: Box) -> None:
    said(box.ask("POST", "/dns/update"), "")
    said(box.form("/dns/update", force="yes"), "")
    said(box.form("/dns/update", force="1"), "updated DNS: example.org\n")
    as_json = box.form("/dns/update", {"accept": "application/json"}, force="1")
    assert as_json.json == "updated DNS: example.org\n"


def test_users_and_aliases_tell_what_they_did_to_zones(box: Box) -> None:
    new = {"email": "ann@new.example", "password": "long enough"}
    said(box.form("/mail/users/add", **new), "mail user added\nupdated DNS: new.example\n")
    alias = {"address": "a@new.example", "forwards_to": JOE}
    said(box.form("/mail/aliases/add", **alias), "alias added\n")
    alias["address"] = "a@other.example"
    said(box.form("/mail/aliases/add", **alias), "alias added\nupdated DNS: other.example\n")


def test_the_dump_explains_every_record(box: Box) -> None:
    ((zone, rows),) = box.get("/dns/dump").json
    assert zone == "example.org"
    assert set(rows[0]) == {"qname", "rtype", "value", "explanation"}
    starts = [one["explanation"].partition(".")[0] for one in rows]
    required = [start == "Required" for start in starts]
    assert required == sorted(required, reverse=True)
    assert {"qname": "example.org", "rtype": "MX", "value": "10 mx.example.org."}.items() <= (
        next(one for one in rows if one["rtype"] == "MX" and one["qname"] == "example.org").items()
    )


# -- custom records


def test_custom_records_come_and_go(box: Box) -> None:
    said(box.ask("POST", f"{CUSTOM}/txt", b" one \n"), "updated DNS: example.org\n")
    said(box.ask("POST", f"{CUSTOM}/TXT", b"one"), "OK")
    said(box.ask("POST", f"{CUSTOM}/TXT", b"two=2&x=%41"), "updated DNS: example.org\n")
    form = {"content_type": "application/x-www-form-urlencoded"}
    said(box.ask("POST", CUSTOM, b"192.0.2.80", **form), "updated DNS: example.org\n")
    rows = box.get("/dns/custom").json
    assert [(one["rtype"], one["value"]) for one in rows] == [
        ("TXT", "one"),
        ("TXT", "two=2&x=%41"),
        ("A", "192.0.2.80"),
    ]
    assert rows[0] == {
        "qname": "www.example.org",
        "rtype": "TXT",
        "value": "one",
        "zone": "example.org",
        "sort-order": {"created": 0, "qname": 1},
    }
    assert [one["value"] for one in box.get(CUSTOM).json] == ["192.0.2.80"]
    assert [one["value"] for one in box.get(f"{CUSTOM}/txt").json] == ["one", "two=2&x=%41"]
    assert box.get("/dns/custom/www.nowhere.example/MX").json == []
    said(box.ask("PUT", f"{CUSTOM}/TXT", b"three"), "updated DNS: example.org\n")
    said(box.ask("PUT", f"{CUSTOM}/TXT", b"three"), "OK")
    said(box.ask("DELETE", f"{CUSTOM}/TXT", b"other"), "OK")
    said(box.ask("DELETE", f"{CUSTOM}/TXT", b"three"), "updated DNS: example.org\n")
    said(box.ask("DELETE", CUSTOM), "updated DNS: example.org\n")
    said(box.ask("DELETE", CUSTOM), "OK")
    assert box.get("/dns/custom").json == []


def test_an_address_record_without_a_value_takes_the_callers(box: Box) -> None:
    for method in ("PUT", "POST"):
        reply = box.ask(method, f"/dns/custom/{method.lower()}.example.org", peer=FOREIGN)
        said(reply, "updated DNS: example.org\n")
    assert {one["value"] for one in box.get("/dns/custom").json} == {FOREIGN.host}
    refused(box.ask("PUT", f"{CUSTOM}/AAAA", peer=FOREIGN), "That's an IPv4 address.")


BAD = [
    (
        "/dns/custom/www.nowhere.example",
        b"192.0.2.1",
        "www.nowhere.example is not a domain name or a subdomain of a domain name managed by this "
        "box.",
    ),
    ("/dns/custom/a%20b.example.org", b"192.0.2.1", "Invalid name."),
    (f"{CUSTOM}/TXT", b"", "No value for the record provided."),
    (f"{CUSTOM}/A", b"2001:db8::1", "That's an IPv6 address."),
    (f"{CUSTOM}/AAAA", b"192.0.2.1", "That's an IPv4 address."),
    (f"{CUSTOM}/A", b"x", "'x' does not appear to be an IPv4 or IPv6 address"),
    ("/dns/custom/example.org/NS", b"ns.far.example", "NS records can only be set for subdomains."),
    (f"{CUSTOM}/HTTPSX", b"x", "Unknown record type 'HTTPSX'."),
]


@pytest.mark.parametrize(("path", "value", "words"), BAD)
def test_a_record_keeps_the_rules(still: Box, path: str, value: bytes, words: str) -> None:
    for method in ("POST", "PUT"):
        refused(still.ask(method, path, value, content_type="text/plain"), words)
    assert still.get("/dns/custom").json == []


@pytest.mark.parametrize("value", [b"10", b"x mx.far.example.", b"10 a\n$INCLUDE /etc/passwd"])
def test_what_would_break_a_zone_is_refused(still: Box, value: bytes) -> None:
    reply = still.ask("POST", f"{CUSTOM}/MX", value)
    assert (reply.status, reply.body.startswith(b"Invalid value. ")) == (400, True)


# -- secondaries


def test_secondaries_are_replaced(box: Box) -> None:
    assert box.get("/dns/secondary-nameserver").json == {"hostnames": []}
    box.world.resolver.set("ns2.far.example", "A", "192.0.2.53")
    path = "/dns/secondary-nameserver"
    names = "ns2.far.example, xfr:192.0.2.0/24"
    said(box.form(path, hostnames=names), "updated DNS: example.org\n")
    assert box.get(path).json == {"hostnames": ["ns2.far.example", "xfr:192.0.2.0/24"]}
    said(box.form(path, hostnames="ns2.far.example"), "updated DNS: DNS configuration\n")
    refused(
        box.form(path, hostnames="ns9.far.example"),
        "Could not resolve the IP address of ns9.far.example.",
    )
    refused(box.form(path, hostnames="xfr:x"), "'x' is not an IPv4 or IPv6 address or subnet.")
    said(box.form(path, hostnames=""), "updated DNS: example.org\n")


# -- certificates


def test_certificates_are_told_about(box: Box) -> None:
    reply = box.get("/ssl/status").json
    assert reply["can_provision"] == []
    first, *rest = reply["status"]
    assert (first["domain"], first["status"]) == (HOSTNAME, "warning")
    assert first["text"].startswith("Self-signed. Get a signed certificate to stop warnings.")
    assert {one["text"].partition(".")[0] for one in rest} == {"No certificate installed"}
    box.ask("POST", "/dns/custom/www.example.org", b"192.0.2.80")
    www = next(
        one for one in box.get("/ssl/status").json["status"] if one["domain"] == "www.example.org"
    )
    assert (www["status"], www["text"]) == (
        "not-applicable",
        "The domain's website is hosted elsewhere.",
    )


def test_a_certificate_is_asked_for_by_hand_and_installed(box: Box) -> None:
    request = box.form("/ssl/csr/example.org", countrycode="GB").body.decode()
    assert request.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    assert box.form("/ssl/csr/example.org", countrycode="Atlantis").status == 400
    files, signing = box.certified.files, box.certified.authority.signing
    public = files.system_key().public_key()
    good = signing.issue(["example.org"], public=public)
    given = {"domain": "example.org", "cert": good, "chain": ""}
    for change, words in (
        ({"domain": "far.example"}, "Invalid domain name."),
        ({"domain": ""}, "Invalid domain name."),
        ({"cert": "x"}, "There is a problem with the certificate file: "),
        (
            {"cert": signing.issue(["a.example"], public=public)},
            "The certificate is for the wrong domain name. It is for a.example.",
        ),
        (
            {"cert": Authority.self_signed(["example.org"], files.system_key())},
            "This is a self-signed certificate. I can't install that.",
        ),
        (
            {"cert": signing.issue(["example.org"], public=key().public_key())},
            "The certificate does not correspond to the private key on this server.",
        ),
    ):
        reply = box.form("/ssl/install", **{**given, **change})
        assert (reply.status, reply.body.decode()[: len(words)]) == (200, words)
    reply = box.form("/ssl/install", **given)
    assert (reply.status, reply.body.partition(b"\n")[0]) == (200, b"OK")
    status = next(
        one for one in box.get("/ssl/status").json["status"] if one["domain"] == "example.org"
    )
    assert status["status"] == "success"
    assert status["text"].startswith("Signed & valid. The certificate expires in ")


def test_certificates_are_asked_for(box: Box) -> None:
    off = box.ask("POST", "/ssl/provision").json["requests"]
    assert [one["result"] for one in off] == ["error"]
    there = world(people=(JOE,), clock=FakeClock(now=Authority.now))
    willing = Box(agree=True, world=there)
    there.resolver.set(HOSTNAME, "A", ["192.0.2.25"])
    assert willing.get("/ssl/status").json["can_provision"] == [HOSTNAME]
    done = {
        one["domains"][0]: one for one in willing.ask("POST", "/ssl/provision").json["requests"]
    }
    assert done[HOSTNAME]["result"] == "installed", done[HOSTNAME]
    assert done["example.org"]["result"] == "skipped"
    assert "does not resolve to this machine" in done["example.org"]["log"][0]


# -- web sites


def test_sites_are_shown(box: Box) -> None:
    sites = {one["domain"]: one for one in box.get("/web/domains").json}
    site = sites["example.org"]
    assert set(site) == {"domain", "root", "custom_root", "ssl_certificate", "static_enabled"}
    assert site["ssl_certificate"] == ["danger", "No certificate installed."]
    assert site["static_enabled"] is True
    assert site["custom_root"].endswith("/example.org")
    assert sites["www.example.org"]["static_enabled"] is False


def test_sites_are_told_to_be_new_once(box: Box) -> None:
    said(box.ask("POST", "/web/update"), "web updated\n")
    said(box.ask("POST", "/web/update"), "")
    box.form("/mail/aliases/add", address="a@new.example", forwards_to=JOE)
    box.world.clock.advance(3)
    said(box.ask("POST", "/web/update"), "web updated\n")
