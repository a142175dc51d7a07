"""The description that tmail's dialect gives of itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from tests.http.tmail import TMail, basic

pytestmark = pytest.mark.thorough

CALLS = {
    "/ping": {"get"},
    "/users": {"get"},
    "/users/{login}": {"get", "post", "put", "delete"},
    "/queue": {"get"},
    "/queue/{id}": {"get"},
    "/queue/discard/{id}": {"delete"},
    "/queue/bounce/{id}": {"delete"},
    "/aliases": {"get"},
    "/aliases/{alias}": {"get", "post", "put", "delete"},
    "/routes": {"get", "post"},
    "/routes/{id}": {"delete"},
    "/rcpthosts": {"get"},
    "/rcpthosts/{hostname}": {"post", "delete"},
    "/relayips": {"get"},
    "/relayips/{network}": {"post", "delete"},
    "/dkim/{hostname}": {"get", "post", "delete"},
}


@pytest.fixture(scope="module")
def told() -> Any:
    return TMail().get("/openapi.json", authorization="").json


def test_it_is_openapi_3_1(told: Any) -> None:
    assert told["openapi"] == "3.1.0"
    validate(told, cls=OpenAPIV31SpecValidator)


def test_every_call_is_in_it_and_no_other(told: Any) -> None:
    assert {path: set(calls) for path, calls in told["paths"].items()} == CALLS
    operations = [one for calls in told["paths"].values() for one in calls.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert all(one["summary"].endswith(".") for one in operations)


@pytest.mark.parametrize(("root", "server"), [("", "/"), ("/tmail", "/tmail")])
def test_its_paths_stand_where_it_stands(root: str, server: str) -> None:
    assert TMail().get(f"{root}/openapi.json").json["servers"] == [{"url": server}]


def test_only_ping_needs_no_password(told: Any) -> None:
    secured = {
        f"{method} {path}": one["security"]
        for path, calls in told["paths"].items()
        for method, one in calls.items()
    }
    assert secured.pop("get /ping") == []
    assert set(map(str, secured.values())) == {"[{'main': []}]"}
    assert told["components"]["securitySchemes"] == {"main": {"type": "http", "scheme": "basic"}}


@pytest.mark.parametrize(("given", "status"), [("", 401), (basic("joe@example.org"), 403)])
def test_no_other_call_is_answered_without_it(told: Any, given: str, status: int) -> None:
    """Whatever calls there will be."""
    site = TMail()
    walked = 0
    for path, calls in told["paths"].items():
        for method, one in calls.items():
            if one["security"]:
                filled = re.sub(r"\{\w+\}", "1", path)
                reply = site.ask(method.upper(), filled, {}, authorization=given)
                assert (reply.status, method, path) == (status, method, path)
                walked += 1
    assert walked >= 25


def test_answers_have_tmail_s_names(told: Any) -> None:
    schemas = told["components"]["schemas"]
    user = "Id Login Passwd DovePasswd Active AuthRelay HaveMailbox IsCatchall MailboxQuota Home"
    assert list(schemas["User"]["properties"]) == user.split()
    assert schemas["User"]["required"] == user.split()
    queued = schemas["QueuedMessage"]
    assert len(queued["required"]) == len(queued["properties"]) == 13
    assert queued["properties"]["AddedAt"]["format"] == "date-time"
    assert schemas["Status"]["enum"] == [0, 1, 2, 3]
    failure = told["paths"]["/queue/{id}"]["get"]["responses"]["404"]["content"]
    assert failure["application/json"]["schema"] == {"$ref": "#/components/schemas/Failure"}


def test_the_rules_of_a_new_user_are_told(told: Any) -> None:
    new = told["components"]["schemas"]["NewUser"]
    assert new["required"] == ["passwd"]
    assert new["properties"]["passwd"]["minLength"] == 6
    (path,) = told["paths"]["/users/{login}"]["post"]["parameters"]
    assert (path["schema"]["minLength"], path["schema"]["maxLength"]) == (4, 256)


def test_null_is_taken_for_nothing(told: Any) -> None:
    schemas = told["components"]["schemas"]
    new = schemas["NewRoute"]["properties"]
    assert new["remotePort"]["type"] == ["integer", "null"]
    assert new["tls"]["enum"] == ["none", "opportunistic", "required", "verified", None]
    assert schemas["NewAlias"]["properties"]["deliverTo"]["type"] == ["array", "null"]
    assert schemas["NewUser"]["properties"]["passwd"]["type"] == "string"
    assert schemas["Pong"]["properties"]["msg"]["type"] == "string"


@pytest.mark.parametrize(
    ("body", "status"), [({"passwd": "12345"}, 422), ({}, 422), ({"passwd": 123456}, 400)]
)
def test_a_broken_rule_is_not_a_broken_request(body: object, status: int) -> None:
    site = TMail()
    assert site.post("/users/somebody", body).status == status
    assert site.put("/users/joe@example.org", body).status == status
    assert site.get("/users/joe@example.org", authorization=basic()).status == 200
