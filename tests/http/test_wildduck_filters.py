"""WildDuck's filter and autoreply calls, as its document's curl lines make them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http.browsing import Site
from tests.support import run
from tests.world import ACTOR, world

JOE, ANN = "joe@example.org", "ann@example.org"
NOBODY = "0" * 24


@pytest.fixture
def site() -> Site:
    return Site(world(people=(JOE, ANN)))


def home(site: Site, who: str = JOE) -> str:
    return f"/users/{site.world.people[who].id}/filters"


def make(site: Site, **order: Any) -> str:
    made = site.post(home(site), order)
    assert made.status == 200, made.body
    assert list(made.json) == ["success", "id"]
    return str(made.json["id"])


def shown(site: Site, id: str) -> Any:
    reply = site.get(f"{home(site)}/{id}")
    assert reply.status == 200, reply.body
    return reply.json


def box(site: Site, name: str) -> str:
    account = site.world.people[JOE].number
    return run(site.world.mailboxes.create(account, name, ACTOR)).id


def test_the_documents_own_lines(site: Site) -> None:
    id = make(site, name="Flag messages from abc", query_from="abc", action_flag=True)
    listed = site.get(f"/user/{site.world.people[JOE].id}/filters").json
    assert listed["success"] is True
    [row] = listed["results"]
    assert row["id"] == id
    assert row["name"] == "Flag messages from abc"
    assert row["query"] == [["from", "(abc)"]]
    assert row["action"] == [["flag it"]]
    assert row["created"].endswith(".000Z")
    one = shown(site, id)
    assert (one["success"], one["id"], one["name"]) == (True, id, "Flag messages from abc")
    assert (one["query_from"], one["action_flag"]) == ("abc", True)
    assert (one["query"], one["action"]) == ({"from": "abc"}, {"flag": True})
    change = {"query_from": "", "query_ha": True, "action_spam": True}
    assert site.put(f"{home(site)}/{id}", change).json == {"success": True}
    one = shown(site, id)
    assert "query_from" not in one
    assert one["query"] == {"ha": True}
    assert one["action"] == {"flag": True, "spam": True}
    assert site.delete(f"{home(site)}/{id}").json == {"success": True}
    assert site.get(home(site)).json["results"] == []


def test_flat_and_nested_are_the_same(site: Site) -> None:
    mailbox = box(site, "Shop")
    flat = make(
        site,
        query_from="f",
        query_to="t",
        query_subject="s",
        query_listId="l",
        query_text="x",
        query_ha="no",
        query_size=-2048,
        action_seen=1,
        action_flag="false",
        action_delete=False,
        action_spam="N",
        action_mailbox=mailbox,
        action_forward="A@B.Example",
        action_targetUrl="https://hooks.example/in?a=1",
    )
    nested = make(
        site,
        query={
            "from": "f",
            "to": "t",
            "subject": "s",
            "listId": "l",
            "text": "x",
            "ha": False,
            "size": -2048,
        },
        action={
            "seen": True,
            "flag": False,
            "delete": False,
            "spam": False,
            "mailbox": mailbox.upper(),
            "targets": ["A@b.example", "https://hooks.example/in?a=1"],
        },
    )
    one, two = shown(site, flat), shown(site, nested)
    for answer in (one, two):
        answer.pop("id")
    assert one == two
    assert one["action"]["targets"] == ["A@b.example", "https://hooks.example/in?a=1"]
    assert one["action_forward"] == "A@b.example"
    assert one["action_targetUrl"] == "https://hooks.example/in?a=1"
    assert one["targetKey"].startswith("whsec_")
    [row, _] = site.get(home(site)).json["results"]
    assert row["query"] == [
        *(["from", "(f)"], ["to", "(t)"], ["subject", "(s)"], ["listId", "(l)"], ["text", '"x"']),
        *(["no attachments"], ["smaller", "2kB"]),
    ]
    assert row["action"] == [
        *(["mark as read"], ["do not flag it"], ["do not mark it as spam"], ["do not delete it"]),
        *(["move to folder", "Shop"], ["forward to", "A@b.example"]),
        ["upload to", "https://hooks.example/in?a=1"],
    ]


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize("nested", [False, True])
def test_empty_clears(site: Site, empty: object, nested: bool) -> None:
    id = make(
        site,
        name="n",
        query={"from": "f", "ha": True, "size": 5},
        action={"seen": True, "mailbox": box(site, "Shop"), "targets": "a@b.example"},
    )
    change: dict[str, Any] = {"name": empty}
    if nested:
        change["query"] = {"from": empty, "ha": empty, "size": empty}
        change["action"] = {"seen": empty, "mailbox": empty, "targets": empty}
    else:
        change |= {f"query_{name}": empty for name in ("from", "ha", "size")}
        change |= {f"action_{name}": empty for name in ("seen", "mailbox", "forward")}
    assert site.put(f"{home(site)}/{id}", change).status == 200
    one = shown(site, id)
    assert (one["name"], one["query"], one["action"]) == (False, {}, {})
    assert not [name for name in one if name.startswith(("query_", "action_"))]


def test_what_is_not_given_stays(site: Site) -> None:
    id = make(site, name="n", query_from="f", action_seen=True, disabled=True)
    assert site.put(f"{home(site)}/{id}", {"query_to": "t"}).status == 200
    one = shown(site, id)
    assert (one["name"], one["disabled"]) == ("n", True)
    assert (one["query"], one["action"]) == ({"from": "f", "to": "t"}, {"seen": True})


def test_oldest_first_and_each_his_own(site: Site) -> None:
    ids = [make(site, name=str(number)) for number in range(3)]
    assert [row["id"] for row in site.get(home(site)).json["results"]] == ids
    assert site.get(home(site, ANN)).json["results"] == []
    for reply in (
        site.get(f"{home(site, ANN)}/{ids[0]}"),
        site.put(f"{home(site, ANN)}/{ids[0]}", {"name": "x"}),
        site.delete(f"{home(site, ANN)}/{ids[0]}"),
    ):
        assert (reply.status, reply.json["code"]) == (404, "FilterNotFound")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "x" * 256}, "name"),
    ({"query_from": "x" * 256}, "query_from"),
    ({"query_from": 5}, "query_from"),
    ({"query_ha": "maybe"}, "query_ha"),
    ({"query_size": "big"}, "query_size"),
    ({"query_size": True}, "query_size"),
    ({"action_seen": "perhaps"}, "action_seen"),
    ({"action_mailbox": "xyz"}, "action_mailbox"),
    ({"action_forward": "not an address"}, "action_forward"),
    ({"action_forward": "a@b.example\r\nBcc: x@y.example"}, "action_forward"),
    ({"action_targetUrl": "ftp://x.example/"}, "action_targetUrl"),
    ({"action_targetUrl": "https://joe:pw@x.example/"}, "action_targetUrl"),
    ({"query": {"body": "x"}}, "query"),
    ({"query": "x"}, "query"),
    ({"action": {"targets": ["a@b.example", "nobody"]}}, "action_forward"),
    ({"unknown": 1}, "unknown"),
]


@pytest.mark.parametrize(("order", "field"), WRONG)
def test_what_is_wrong_is_named(site: Site, order: dict[str, Any], field: str) -> None:
    reply = site.post(home(site), order)
    assert (reply.status, reply.json["code"]) == (400, "InputValidationError")
    assert list(reply.json["details"]) == [field]


def test_errors(site: Site) -> None:
    foreign = run(site.world.mailboxes.all(site.world.people[ANN].number))[0].id
    for mailbox in (NOBODY, foreign):
        reply = site.post(home(site), {"action_mailbox": mailbox})
        assert (reply.status, reply.json["code"]) == (404, "NoSuchMailbox")
    reply = site.post(f"/users/{NOBODY}/filters", {})
    assert (reply.status, reply.json["code"]) == (404, "UserNotFound")
    reply = site.get(f"{home(site)}/xyz")
    assert (reply.status, reply.json["code"]) == (400, "InputValidationError")
    id = make(site)
    reply = site.put(f"{home(site)}/{id}", {})
    assert (reply.status, reply.json["code"]) == (400, "NoUpdates")


def test_there_may_be_so_many(site: Site) -> None:
    assert site.put(f"/users/{site.world.people[JOE].id}", {"filters": 2}).status == 200
    for _ in range(2):
        make(site)
    reply = site.post(home(site), {})
    assert (reply.status, reply.json["code"], reply.json["allowed"]) == (403, "TooMany", 2)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20)
queries = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("from", "to", "subject", "listId", "text"), texts),
        "ha": st.booleans(),
        "size": st.integers(-(1 << 40), 1 << 40),
    },
)
actions = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.booleans() for name in ("seen", "flag", "delete", "spam")},
        "targets": st.lists(st.sampled_from(["a@b.example", "c@d.example"]), max_size=2),
    },
)
MANY = Site(world(people=(JOE,)))


@given(queries, actions)
@settings(max_examples=50, deadline=None)
def test_what_is_shown_makes_the_same_filter_again(
    query: dict[str, Any], action: dict[str, Any]
) -> None:
    first = make(MANY, query=query, action=action)
    one = shown(MANY, first)
    wanted = {
        name: value.strip() if isinstance(value, str) else value for name, value in query.items()
    }
    assert one["query"] == {
        name: value for name, value in wanted.items() if value is False or value not in ("", 0)
    }
    flat = {name: one[name] for name in one if name.startswith(("query_", "action_"))}
    second = make(MANY, **flat)
    again = shown(MANY, second)
    assert (again["query"], again["action"]) == (one["query"], one["action"])
    for id in (first, second):
        MANY.delete(f"{home(MANY)}/{id}")


# -- automatic replies


def reply_of(site: Site, who: str = JOE) -> str:
    return f"/users/{site.world.people[who].id}/autoreply"


WEEK = {
    "status": True,
    "subject": "Out of office",
    "text": "I'm out of office this week",
    "start": "2017-11-15T00:00:00.000Z",
    "end": "2017-11-19T00:00:00.000Z",
}


def test_the_documents_lines_about_autoreplies(site: Site) -> None:
    assert site.put(reply_of(site), WEEK).json == {"success": True}
    found = site.get(reply_of(site)).json
    assert found == {
        **WEEK,
        "success": True,
        "name": "",
        "html": "",
        "message": "I'm out of office this week",
    }
    assert site.delete(reply_of(site)).json == {"success": True}
    assert site.delete(reply_of(site)).json == {"success": True}
    found = site.get(reply_of(site)).json
    assert (found["status"], found["message"], found["start"]) == (False, "", False)


def test_an_autoreply_changes_in_parts(site: Site) -> None:
    site.put(reply_of(site), WEEK)
    for change in (
        {"status": False},
        {"subject": "", "html": "<p>x</p>", "name": "Joe"},
        {"start": "", "end": None},
        {"text": None, "status": "yes"},
    ):
        assert site.put(reply_of(site), change).status == 200
    assert site.get(reply_of(site)).json == {
        "success": True,
        "status": True,
        "name": "Joe",
        "subject": "",
        "text": "",
        "message": "",
        "html": "<p>x</p>",
        "start": False,
        "end": False,
    }


TIMES = [
    ("2017-11-15T01:00:00+01:00", "2017-11-15T00:00:00.000Z"),
    ("2017-11-15", "2017-11-15T00:00:00.000Z"),
    (1510704000000, "2017-11-15T00:00:00.000Z"),
    (False, False),
]


@pytest.mark.parametrize(("given", "expected"), TIMES)
def test_times_are_taken_as_clients_write_them(site: Site, given: Any, expected: Any) -> None:
    assert site.put(reply_of(site), {"start": given}).status == 200
    assert site.get(reply_of(site)).json["start"] == expected


BAD: list[tuple[dict[str, Any], str]] = [
    ({"status": "maybe"}, "status"),
    ({"subject": "x" * 2049}, "subject"),
    ({"subject": "a\r\nBcc: x@y.example"}, "subject"),
    ({"text": "x" * (128 * 1024 + 1)}, "text"),
    ({"start": "next week"}, "start"),
    ({"start": "999999999-01-01"}, "start"),
    ({"start": 10**20}, "start"),
    ({"start": "2017-11-15T00:00:00Z", "end": "2017-11-14T00:00:00Z"}, "end"),
    ({"begin": "2017-11-15"}, "begin"),
]


@pytest.mark.parametrize(("order", "field"), BAD)
def test_wrong_autoreplies_are_refused(site: Site, order: dict[str, Any], field: str) -> None:
    reply = site.put(reply_of(site), order)
    assert (reply.status, reply.json["code"]) == (400, "InputValidationError")
    assert list(reply.json["details"]) == [field]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nobody_has_no_autoreply(site: Site, method: str) -> None:
    body = {"status": True} if method == "PUT" else None
    reply = site.ask(method, f"/users/{NOBODY}/autoreply", body)
    assert (reply.status, reply.json["code"]) == (404, "UserNotFound")


# -- everybody's, and what applications keep with them


def test_everybodys_filters_in_pages(site: Site) -> None:
    shop = box(site, "Shop")
    ids = [make(site, name=str(n), query_from="a", action_mailbox=shop) for n in range(3)]
    hers = site.post(home(site, ANN), {"action_forward": "x@far.example"}).json["id"]
    first = site.get("/filters?limit=3").json
    assert (first["total"], first["page"], first["previousCursor"]) == (4, 1, False)
    assert [row["id"] for row in first["results"]] == ids
    row = first["results"][0]
    assert (row["user"], row["targets"]) == (site.world.people[JOE].id, [])
    assert row["action"] == [["move to folder", "Shop"]]
    second = site.get(f"/filters?limit=3&next={first['nextCursor']}").json
    assert [(row["id"], row["targets"]) for row in second["results"]] == [
        (hers, ["x@far.example"]),
    ]
    back = site.get(f"/filters?limit=3&previous={second['previousCursor']}").json
    assert back["results"] == first["results"]
    for part, found in (("FAR.ex", [hers]), ("%", []), ("no", [])):
        assert [row["id"] for row in site.get(f"/filters?forward={part}").json["results"]] == found


def test_what_applications_keep_with_filters(site: Site) -> None:
    id = make(site, query_from="a", metaData={"color": "red"})
    assert shown(site, id)["metaData"] == {"color": "red"}
    for path in (home(site), "/filters"):
        assert "metaData" not in site.get(path).json["results"][0]
        assert site.get(f"{path}?metaData=yes").json["results"][0]["metaData"] == {"color": "red"}
    site.put(f"{home(site)}/{id}", {"name": "other"})
    assert shown(site, id)["metaData"] == {"color": "red"}
    for empty in ("", None, False):
        site.put(f"{home(site)}/{id}", {"metaData": '{"a":1}'})
        assert shown(site, id)["metaData"] == {"a": 1}
        site.put(f"{home(site)}/{id}", {"metaData": empty})
        assert "metaData" not in shown(site, id)
    assert site.put(f"{home(site)}/{id}", {"metaData": "[1]"}).status == 400


def test_how_many_filters_there_may_be_is_told(site: Site) -> None:
    make(site, query_from="a")
    assert site.get(home(site)).json["limits"] == {"allowed": 400, "used": 1}
