"""An OpenAPI 3.1 description of a dialect, made of its routes and of their pydantic models.

Knows no dialect. What a call does is told by the first line of its own words in the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import getdoc
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from mailhub.http.about import About, Shape
from mailhub.http.call import JSON
from mailhub.http.routing import Route

_ARGUMENT = re.compile(r"<(?:path:)?(\w+)>")
_REFERENCES = "#/components/schemas/{model}"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Description:
    """A dialect as a whole. `security`: the OpenAPI security scheme of its calls. `error`: the
    body of every error. `everywhere`: errors that any call may answer with."""

    title: str
    version: str
    about: str
    security: Mapping[str, object]
    error: type[BaseModel]
    everywhere: tuple[int, ...]


def document(what: Description, routes: Iterable[Route], server: str) -> Json:
    """The description of those routes that tell about themselves. `server`: the URL that paths
    stand behind, which may be relative to that of the document."""
    told = [one for one in routes if one.about is not None]
    schemas, components = _schemas(what, told)
    paths: dict[str, Json] = {}
    for one in told:
        path = _ARGUMENT.sub(r"{\1}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(what, one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": what.title, "version": what.version, "description": what.about},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"main": dict(what.security)}},
    }


_Key = tuple[int, JsonSchemaMode]


def _schemas(what: Description, routes: Iterable[Route]) -> tuple[Mapping[_Key, Json], Json]:
    """(the schema of each type by its identity and mode, the definitions that they refer to)."""
    wanted: dict[_Key, TypeAdapter[Any]] = {}
    for shape, mode in ((what.error, "serialization"), *_shapes(routes)):
        wanted.setdefault(_key(shape, mode), TypeAdapter(shape))
    made, rest = TypeAdapter.json_schemas(
        [(key, key[1], adapter) for key, adapter in wanted.items()], ref_template=_REFERENCES
    )
    return {key: made[key, key[1]] for key in wanted}, rest.get("$defs", {})


def _shapes(routes: Iterable[Route]) -> Iterator[tuple[Shape, JsonSchemaMode]]:
    for one in routes:
        assert one.about is not None
        if one.about.body is not None:
            yield one.about.body, "validation"
        for shape in one.about.answers.values():
            if shape is not None:
                yield shape, "serialization"


def _key(shape: Shape, mode: str) -> _Key:
    return hash(shape), "validation" if mode == "validation" else "serialization"


def _operation(what: Description, one: Route, schemas: Mapping[_Key, Json]) -> Json:
    about = one.about
    assert about is not None
    summary, _, more = (getdoc(one.run) or "").partition("\n")
    operation: Json = {
        "operationId": f"{one.method.lower()}{re.sub(r'[^A-Za-z0-9]+', '-', one.path).rstrip('-')}",
        "summary": summary,
        "security": [{"main": []}] if about.secured else [],
        "responses": {
            **{str(status): _answer(status, about, schemas) for status in about.answers},
            **{
                str(status): _response(status, schemas[_key(what.error, "serialization")])
                for status in sorted({*what.everywhere, *about.errors})
            },
        },
    }
    if more.strip():
        operation["description"] = " ".join(more.split())
    parameters = [*_parameters("path", about.path), *_parameters("query", about.query)]
    if parameters:
        operation["parameters"] = parameters
    if about.body is not None:
        schema = schemas[_key(about.body, "validation")]
        content = {JSON: {"schema": schema}}
        operation["requestBody"] = {"required": about.needs_body, "content": content}
    return operation


def _answer(status: int, about: About, schemas: Mapping[_Key, Json]) -> Json:
    shape = about.answers[status]
    return _response(status, None if shape is None else schemas[_key(shape, "serialization")])


def _response(status: int, schema: Json | None) -> Json:
    response: Json = {"description": HTTPStatus(status).phrase}
    if schema is not None:
        response["content"] = {JSON: {"schema": schema}}
    return response


def _parameters(place: str, model: type[BaseModel] | None) -> Iterator[Json]:
    """The model's fields as parameters; they are plain values and refer to no definition."""
    if model is None:
        return
    schema = model.model_json_schema()
    for name, one in schema["properties"].items():
        required = place == "path" or name in schema.get("required", ())
        yield {"name": name, "in": place, "required": required, "schema": one}
