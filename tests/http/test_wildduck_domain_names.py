"""A domain gets another name, and stands for another one: WildDuck's calls, and where mail goes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mailhub.model.change import AddressesChanged
from mailhub.store import renaming
from tests.http.browsing import Reply, Site
from tests.support import run
from tests.world import ACTOR, world

JOE, ANN = "joe@old.test", "ann@example.org"
ABSENT = "0" * 24


@pytest.fixture
def site() -> Site:
    return Site(world(people=(JOE, ANN)))


def rename(site: Site, old: str = "old.test", new: str = "new.test") -> Reply:
    return site.put("/addresses/renameDomain", {"oldDomain": old, "newDomain": new})


def refused(reply: Reply, status: int, code: str, *fields: str) -> None:
    assert (reply.status, reply.json["code"]) == (status, code), reply.json
    assert set(reply.json.get("details", ())) == set(fields)


def leads(site: Site, address: str) -> list[int]:
    return sorted(number for number, _ in run(site.world.addresses.resolve(address)).accounts)


def test_everything_stands_in_the_new_domain(site: Site) -> None:
    here = site.world
    joe = here.people[JOE]
    run(here.addresses.create("team@old.test", ACTOR, targets=["joe@old.test", ANN]))
    run(here.addresses.create("news@example.org", ACTOR, targets=["joe@old.test"]))
    run(here.domains.add("also.test", ACTOR, alias_of="old.test"))
    filters = f"/users/{here.people[ANN].id}/filters"
    site.post(filters, {"query_from": "@old.test", "action_forward": "joe@old.test"})
    assert rename(site, "OLD.test").json == {
        "success": True,
        "modifiedAddresses": 2,
        "modifiedUsers": 1,
        "modifiedDkim": 0,
        "modifiedAliases": 1,
    }
    shown = site.get(f"/users/{joe.id}").json
    assert (shown["username"], shown["address"]) == ("joe@new.test", "joe@new.test")
    assert {one.name for one in run(here.domains.all())} >= {"new.test", "also.test"}
    assert "old.test" not in {one.name for one in run(here.domains.all())}
    for address in ("joe@new.test", "joe@also.test", "news@example.org"):
        assert leads(site, address) == [joe.number]
    assert leads(site, "team@new.test") == sorted([joe.number, here.people[ANN].number])
    [row] = site.get(filters).json["results"]
    assert row["action"] == [["forward to", "joe@new.test"]]
    assert row["query"] == [["from", "(@old.test)"]], "what is looked for stays"
    refused(rename(site), 404, "DomainNotFound")


def test_an_alias_becomes_the_name(site: Site) -> None:
    run(site.world.domains.add("new.test", ACTOR, alias_of="old.test"))
    assert rename(site).json["modifiedAddresses"] == 1
    (new,) = [one for one in run(site.world.domains.all()) if one.name == "new.test"]
    assert new.alias_of == ""
    assert leads(site, "joe@new.test") == [site.world.people[JOE].number]


@pytest.mark.parametrize(
    ("old", "new", "status", "code", "field"),
    [
        ("absent.test", "new.test", 404, "DomainNotFound", ()),
        ("old.test", "old.test", 400, "InputValidationError", ("newDomain",)),
        ("old.test", "no domain", 400, "InputValidationError", ("newDomain",)),
        ("[127.0.0.1]", "new.test", 400, "InputValidationError", ("oldDomain",)),
        ("old.test", "[127.0.0.1]", 400, "InputValidationError", ("newDomain",)),
        ("relay.test", "new.test", 400, "InputValidationError", ("oldDomain",)),
        ("alias.test", "new.test", 400, "InputValidationError", ("oldDomain",)),
        ("old.test", "alias.test", 400, "InputValidationError", ("newDomain",)),
        ("old.test", "dots.test", 400, "InputValidationError", ("newDomain",)),
        ("old.test", "full.test", 400, "AddressExistsError", ()),
        ("old.test", "", 400, "InputValidationError", ("newDomain",)),
    ],
)
def test_what_cannot_be_renamed_stays(
    site: Site, old: str, new: str, status: int, code: str, field: tuple[str, ...]
) -> None:
    here = site.world
    run(here.domains.add("relay.test", ACTOR, relay=True))
    run(here.domains.add("alias.test", ACTOR, alias_of="example.org"))
    run(here.domains.add("full.test", ACTOR))
    run(here.domains.add("dots.test", ACTOR, ignore_dots=True))
    run(here.addresses.create("joe@full.test", ACTOR, targets=[ANN]))
    before = run(here.domains.all())
    refused(rename(site, old, new), status, code, *field)
    assert run(here.domains.all()) == before
    assert leads(site, JOE) == [here.people[JOE].number]


def test_a_large_domain_is_renamed_in_steps_and_takes_mail_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renaming, "STEP", 10)
    here = site.world
    joe = here.people[JOE]
    for number in range(35):
        run(here.addresses.create(f"a{number}@old.test", ACTOR, account=joe.number))
    seen: list[Any] = []

    def heard(changes: Any) -> None:
        if any(isinstance(one, AddressesChanged) for one in changes):
            seen.append([leads(site, f"a{number}@old.test") for number in (0, 34)])

    here.store.watch(heard)
    assert rename(site).json["modifiedAddresses"] == 36
    steps = [found for found in seen if found == [[joe.number], [joe.number]]]
    assert len(steps) >= 4
    assert leads(site, "a34@new.test") == [joe.number]


def test_what_broke_off_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    here = site.world
    run(here.addresses.create("b@old.test", ACTOR, targets=[ANN]))
    service = type(here.store.domains)

    def broken(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(service, "finish_renaming", broken)
        assert rename(site).status == 500
    assert leads(site, JOE) == [here.people[JOE].number]
    assert rename(site).json["success"] is True
    assert leads(site, "b@new.test") == [here.people[ANN].number]


# -- aliases


def test_the_life_of_an_alias(site: Site) -> None:
    made = site.post("/domainaliases", {"alias": "Twin.test", "domain": "old.test"}).json
    id = made["id"]
    assert re.fullmatch(r"[0-9a-f]{24}", id)
    assert leads(site, "joe@twin.test") == [site.world.people[JOE].number]
    row = {"id": id, "alias": "twin.test", "domain": "old.test"}
    shown = site.get(f"/domainaliases/{id}").json
    assert re.fullmatch(r".*T.*Z", shown.pop("created"))
    assert shown == {"success": True, **row}
    assert site.get("/domainaliases/resolve/twin.test").json == {"success": True, "id": id}
    for query, found in (("", [row]), ("TWIN", [row]), ("old", [row]), ("zzz", [])):
        listed = site.get(f"/domainaliases?query={query}").json
        assert (listed["results"], listed["total"]) == (found, len(found))
    assert site.delete(f"/domainaliases/{id}").json == {"success": True}
    refused(site.get(f"/domainaliases/{id}"), 404, "AliasNotFound")


def test_aliases_in_pages(site: Site) -> None:
    names = [f"t{number}.test" for number in range(5)]
    for name in names:
        site.post("/domainaliases", {"alias": name, "domain": "old.test"})
    first = site.get("/domainaliases?limit=2").json
    second = site.get(f"/domainaliases?limit=2&next={first['nextCursor']}").json
    third = site.get(f"/domainaliases?limit=2&next={second['nextCursor']}").json
    back = site.get(f"/domainaliases?limit=2&previous={third['previousCursor']}").json
    found = [row["alias"] for page in (first, second, third) for row in page["results"]]
    assert (found, back["results"], third["nextCursor"]) == (names, second["results"], False)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "", {"alias": "old.test", "domain": "example.org"}, 400, "AliasExists"),
        ("POST", "", {"alias": "t.test", "domain": "absent.test"}, 400, "InputValidationError"),
        ("POST", "", {"alias": "no name", "domain": "old.test"}, 400, "InputValidationError"),
        ("POST", "", {"alias": "t.test"}, 400, "InputValidationError"),
        ("GET", f"/{ABSENT}", None, 404, "AliasNotFound"),
        ("DELETE", f"/{ABSENT}", None, 404, "AliasNotFound"),
        ("GET", "/resolve/absent.test", None, 404, "AliasNotFound"),
        ("GET", "/resolve/old.test", None, 404, "AliasNotFound"),
        ("GET", "/xyz", None, 400, "InputValidationError"),
    ],
)
def test_errors(site: Site, method: str, path: str, body: object, status: int, code: str) -> None:
    reply = site.ask(method, f"/domainaliases{path}", body)
    assert (reply.status, reply.json["code"]) == (status, code)
