"""What every Mail-in-a-Box call takes in common: form fields, all of them text, none unknown.

As the product, this reads a form's fields and passes over others; what is left out is empty. Pure.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from mailhub.http.body import FORM, JSON_LIMIT
from mailhub.http.call import Call, form
from mailhub.http.mailinabox.replies import Refusal
from mailhub.model.errors import Invalid, TooLarge


class Form(BaseModel):
    """What a client sends as a form."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Query(BaseModel):
    """Parameters behind the question mark."""

    model_config = ConfigDict(frozen=True)


class Shown(BaseModel):
    """What it gets as JSON."""

    model_config = ConfigDict(frozen=True)


class Reason(BaseModel):
    """A refusal of credentials, for who wants JSON."""

    status: str
    reason: str


def text(*others: str, **about: Any) -> Any:
    """A field whose absence is emptiness. `others`: further names of it, in order of precedence
    after its own."""
    if others:
        about["validation_alias"] = AliasChoices(*others)
    return Field("", **about)


_Form = TypeVar("_Form", bound=Form)


def read(shape: type[_Form], call: Call) -> _Form:
    """The form that the body is. Raises Refusal, TooLarge."""
    return shape.model_validate(fields(call))


def fields(call: Call) -> dict[str, str]:
    """The body's fields; a body that is no form has none. Raises Refusal, TooLarge."""
    kind = call.header("content-type").partition(";")[0].strip().lower()
    if not call.body or kind != FORM:
        return {}
    if len(call.body) > JSON_LIMIT:
        raise TooLarge("The body is too large", JSON_LIMIT)
    try:
        return form(call.body.decode())
    except (Invalid, UnicodeDecodeError):
        raise Refusal("The form cannot be read.") from None


def asked(call: Call, name: str) -> str:
    """A parameter behind the question mark, empty for none. Raises Refusal."""
    try:
        return call.fields().get(name, "")
    except Invalid:
        raise Refusal("The parameters cannot be read.") from None
