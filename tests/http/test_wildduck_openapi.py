"""The description that WildDuck's dialect gives of itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from mailhub.http.app import mounts
from tests.http.browsing import FOREIGN, Site, with_token
from tests.world import world

pytestmark = pytest.mark.thorough

HIDDEN = {"/openapi.json"}


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(world=world(people=()), settings=with_token("r00t"))


@pytest.fixture(scope="module")
def told(site: Site) -> Any:
    reply = site.ask("GET", "/wildduck/openapi.json", peer=FOREIGN)
    assert reply.status == 200
    return reply.json


def operations(told: Any) -> dict[tuple[str, str], Any]:
    return {
        (method.upper(), path): one
        for path, calls in told["paths"].items()
        for method, one in calls.items()
    }


def test_it_is_openapi_3_1(told: Any) -> None:
    assert told["openapi"] == "3.1.0"
    assert told["servers"] == [{"url": "/wildduck"}]
    validate(told, cls=OpenAPIV31SpecValidator)


def test_every_call_is_in_it_once(site: Site, told: Any) -> None:
    """Singular and old paths lead to calls that are described under another one."""
    described = operations(told)
    routes = [
        (one.method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", one.path), one)
        for prefix, dialect in mounts(site.parts)
        if dialect.name == "wildduck"
        for one in dialect.routes()
    ]
    runs = {(method, path): one.run.__qualname__ for method, path, one in routes}
    shown = {runs[call] for call in described}
    assert {run for call, run in runs.items() if call[1] not in HIDDEN} == shown
    assert not any(path.startswith("/user/") for _, path in described)
    ids = [one["operationId"] for one in described.values()]
    assert len(set(ids)) == len(ids) > 70


def test_every_call_says_what_it_does_takes_and_gives(told: Any) -> None:
    for call, one in operations(told).items():
        assert one["summary"].endswith("."), call
        inside = set(re.findall(r"\{(\w+)\}", call[1]))
        found = {each["name"] for each in one.get("parameters", ()) if each["in"] == "path"}
        assert found == inside, call
        assert all(each["schema"] for each in one.get("parameters", ())), call
        success = one["responses"].get("200")
        assert success is not None, call
        assert success["content"], call
        for status in ("400", "403", "404", "503"):
            (shape,) = one["responses"][status]["content"].values()
            assert shape["schema"] == {"$ref": "#/components/schemas/Failure"}


def test_whoever_calls_shows_a_token_in_one_of_three_places(told: Any) -> None:
    schemes = told["components"]["securitySchemes"]
    assert [one.get("name", one.get("scheme")) for one in schemes.values()] == [
        "bearer",
        "X-Access-Token",
        "accessToken",
    ]
    for one in operations(told).values():
        assert one["security"] == [{name: []} for name in schemes]


def test_parameters_stand_where_callers_put_them(told: Any) -> None:
    described = operations(told)
    query = {one["name"] for one in described["GET", "/users"]["parameters"]}
    assert {"query", "tags", "limit", "next", "sess", "ip"} <= query
    new = described["POST", "/users"]["requestBody"]
    body = new["content"]["application/json"]["schema"]
    assert (new["required"], sorted(body["required"])) == (True, ["password", "username"])
    assert "sess" in body["properties"]
    old = described["PUT", "/users/{user}"]["requestBody"]["content"]["application/json"]["schema"]
    assert "user" not in old["properties"]
    assert old["additionalProperties"] is False


def test_what_is_no_json_says_so(told: Any) -> None:
    media = {
        path.rpartition("/")[2]: list(one["responses"]["200"]["content"])
        for (_, path), one in operations(told).items()
    }
    assert media["message.eml"] == ["message/rfc822"]
    assert media["updates"] == ["text/event-stream"]
    assert media["{attachment}"] == ["*/*"]


def test_models_of_the_same_name_are_told_apart(told: Any) -> None:
    assert not [name for name in told["components"]["schemas"] if "__" in name]
