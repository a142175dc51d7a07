"""The description that the Mail-in-a-Box dialect gives of itself."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from tests.http.box import TEXT, Box

pytestmark = pytest.mark.thorough

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def told() -> Any:
    return Box().get("/openapi.json", authorization="").json


def test_it_is_openapi_3_1(told: Any) -> None:
    assert told["openapi"] == "3.1.0"
    validate(told, cls=OpenAPIV31SpecValidator)
    assert told["servers"] == [{"url": "/admin"}]


def test_every_call_tells_what_it_does_and_wants_a_password(told: Any) -> None:
    operations = [one for calls in told["paths"].values() for one in calls.values()]
    assert len({one["operationId"] for one in operations}) == len(operations) >= 15
    assert all(one["summary"].endswith((".", ":")) for one in operations)
    open_calls = [one["operationId"] for one in operations if not one["security"]]
    assert sorted(open_calls) == ["get-login", "get-logout", "post-login", "post-logout"]
    assert told["components"]["securitySchemes"] == {"main": {"type": "http", "scheme": "basic"}}


def test_bodies_are_forms_and_answers_words(told: Any) -> None:
    add = told["paths"]["/mail/users/add"]["post"]
    assert list(add["requestBody"]["content"]) == [FORM]
    assert list(add["responses"]["200"]["content"]) == [TEXT]
    assert TEXT in add["responses"]["400"]["content"]
    fields = told["components"]["schemas"]["NewAlias"]["properties"]
    assert list(fields) == ["address", "forwards_to", "permitted_senders", "update_if_exists"]
    users = told["paths"]["/mail/users"]["get"]["responses"]["200"]["content"]
    assert set(users) == {"application/json", TEXT}
