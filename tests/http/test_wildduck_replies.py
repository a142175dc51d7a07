"""What an error's answer says beside its body."""

from __future__ import annotations

from mailhub.http.routing import MethodNotAllowed
from mailhub.http.wildduck import replies
from mailhub.model import errors


def test_what_is_away_says_when_to_come_back() -> None:
    answer = replies.failure(errors.Unavailable("Redis is away"))
    assert (answer.status, answer.headers) == (503, (("Retry-After", "10"),))
    assert replies.failure(errors.NotFound("no")).headers == ()


def test_methods_that_are_allowed_are_named() -> None:
    answer = replies.failure(MethodNotAllowed(("PUT", "GET")))
    assert (answer.status, answer.headers) == (405, (("Allow", "GET, PUT"),))
