"""An OpenAPI 3.1 description of a dialect, made of its routes and of their pydantic models.

Knows no dialect. What a call does is told by the first line of its own words in the code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from inspect import getdoc
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from mailhub.http.about import About, Shape
from mailhub.http.body import FORM
from mailhub.http.call import JSON
from mailhub.http.routing import Route

_ARGUMENT = re.compile(r"<(?:path:)?(\w+)>")
_SENTENCE = re.compile(r"(?<=[.]) (?=[A-Z])")
_REFERENCES = "#/components/schemas/{model}"
_BODILESS = frozenset({"GET", "DELETE", "HEAD"})
"""Methods whose parameters stand in the query."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Description:
    """A dialect as a whole. `security`: OpenAPI security schemes, any of which opens its calls.
    `error`: the body of every error; None: words of one of the types `words`.
    `everywhere`: errors that any call may answer with."""

    title: str
    version: str
    about: str
    security: Sequence[Mapping[str, object]]
    error: type[BaseModel] | None
    everywhere: tuple[int, ...]
    words: tuple[str, ...] = ()

    @property
    def schemes(self) -> Mapping[str, Mapping[str, object]]:
        """By name: `main` is the first."""
        names = ("main", *(f"other{place}" for place in range(1, len(self.security))))
        return dict(zip(names, map(dict, self.security), strict=True))


def document(what: Description, routes: Iterable[Route], server: str) -> Json:
    """The description of those routes that tell about themselves. `server`: the URL that paths
    stand behind, which may be relative to that of the document."""
    told = [one for one in routes if one.about is not None]
    schemas = _Schemas(what, told)
    paths: dict[str, Json] = {}
    for one in told:
        path = _ARGUMENT.sub(r"{\1}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(what, one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": what.title, "version": what.version, "description": what.about},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": schemas.used_in(paths),
            "securitySchemes": dict(what.schemes),
        },
    }


_Key = tuple[int, JsonSchemaMode]


@dataclass(slots=True)
class _Schemas:
    """Of each type that routes speak of, and the definitions that they refer to."""

    what: Description
    routes: Sequence[Route]
    _made: dict[_Key, Json] = field(default_factory=dict)
    _definitions: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted: dict[_Key, TypeAdapter[Any]] = {}
        shapes = list(_shapes(self.routes))
        if self.what.error is not None:
            shapes.append((self.what.error, "serialization"))
        for shape, mode in shapes:
            wanted.setdefault(_key(shape, mode), TypeAdapter(shape))
        made, rest = TypeAdapter.json_schemas(
            [(key, key[1], adapter) for key, adapter in wanted.items()], ref_template=_REFERENCES
        )
        self._made = {key: _renamed(made[key, key[1]]) for key in wanted}
        self._definitions = {
            _short(name): _renamed(one) for name, one in rest.get("$defs", {}).items()
        }

    def of(self, shape: Shape, mode: JsonSchemaMode) -> Json:
        """As a call's schema has it: mostly a reference."""
        return self._made[_key(shape, mode)]

    def fields(self, shape: type[BaseModel]) -> Json:
        """The schema of a model of parameters itself, not a reference."""
        schema = self.of(shape, "validation")
        name = schema.get("$ref", "").rpartition("/")[2]
        found: Json = self._definitions[name] if name else schema
        return found

    def used_in(self, paths: Json) -> Json:
        """The definitions that calls refer to, directly or not."""
        used: Json = {}
        waiting = _references(paths)
        while waiting:
            name = waiting.pop()
            if name not in used:
                used[name] = self._definitions[name]
                waiting |= _references(used[name])
        return {name: used[name] for name in self._definitions if name in used}


def _short(name: str) -> str:
    """pydantic puts whole module paths before names that two models have."""
    *_, module, own = ("", *name.split("__"))
    return "".join(word.capitalize() for word in module.split("_")) + own


def _renamed(schema: Json) -> Json:
    text = re.sub(
        r'"#/components/schemas/([^"]+)"',
        lambda found: f'"#/components/schemas/{_short(found[1])}"',
        json.dumps(schema),
    )
    renamed: Json = json.loads(text, object_hook=_said)
    return renamed


def _said(schema: Json) -> Json:
    """Without defaults that only say that something is absent: they may break its own rules. Pairs
    are lists of two, which more programs understand than `prefixItems`."""
    if schema.get("default", 0) in ("", None):
        del schema["default"]
    firsts = schema.get("prefixItems")
    if isinstance(firsts, list) and all(one == firsts[0] for one in firsts):
        del schema["prefixItems"]
        schema["items"] = firsts[0]
    return schema


def _references(schema: Json) -> set[str]:
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(schema)))


def _shapes(routes: Iterable[Route]) -> Iterator[tuple[Shape, JsonSchemaMode]]:
    for one in routes:
        assert one.about is not None
        for taken in (one.about.body, one.about.takes, one.about.form):
            if taken is not None:
                yield taken, "validation"
        for shape in one.about.answers.values():
            if shape is not None:
                yield shape, "serialization"


def _key(shape: Shape, mode: str) -> _Key:
    return hash(shape), "validation" if mode == "validation" else "serialization"


def _operation(what: Description, one: Route, schemas: _Schemas) -> Json:
    about = one.about
    assert about is not None
    words = " ".join((getdoc(one.run) or "").split())
    summary, more = (*_SENTENCE.split(words, 1), "")[:2]
    operation: Json = {
        "operationId": f"{one.method.lower()}{re.sub(r'[^A-Za-z0-9]+', '-', one.path).rstrip('-')}",
        "summary": summary,
        "security": [{name: []} for name in what.schemes] if about.secured else [],
        "responses": {
            **{str(status): _answer(status, about, schemas) for status in about.answers},
            **{
                str(status): _failure(status, what, schemas)
                for status in sorted({*what.everywhere, *about.errors})
            },
        },
    }
    if more:
        operation["description"] = more
    parameters = [*_parameters("path", about.path), *_parameters("query", about.query)]
    body = schemas.of(about.body, "validation") if about.body is not None else None
    required = about.needs_body
    if about.takes is not None:
        parameters, body = _split(one, schemas.fields(about.takes))
        required = body is not None and bool(body.get("required"))
    if parameters:
        operation["parameters"] = parameters
    if about.form is not None:
        form = schemas.of(about.form, "validation")
        operation["requestBody"] = {"required": required, "content": {FORM: {"schema": form}}}
    elif body is not None or about.accepts:
        content: Json = {JSON: {"schema": body}} if body is not None else {}
        content |= {media: {} for media in about.accepts}
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def _split(one: Route, schema: Json) -> tuple[list[Json], Json | None]:
    """Parameters of a call that takes them wherever they stand: those in the path, and others
    where callers of this method put them: query, or body."""
    fields: Json = schema.get("properties", {})
    required = set(schema.get("required", ()))
    inside = set(_ARGUMENT.findall(one.path))
    parameters = [_parameter("path", name, fields.get(name, {}), True) for name in sorted(inside)]
    rest = {name: about for name, about in fields.items() if name not in inside}
    if one.method in _BODILESS:
        parameters += [
            _parameter("query", name, about, name in required) for name, about in rest.items()
        ]
        return parameters, None
    body = {key: value for key, value in schema.items() if key not in ("required", "title")}
    body["properties"] = rest
    if required - inside:
        body["required"] = sorted(required - inside)
    return parameters, body


def _parameter(place: str, name: str, schema: Json, required: bool) -> Json:
    parameter: Json = {"name": name, "in": place, "required": required, "schema": schema}
    if place == "query" and "array" in _types(schema):
        parameter["explode"] = False  # a,b
        parameter["schema"] = _lenient(schema)
    return parameter


def _lenient(schema: Json) -> Json:
    """A list in a query has commas between its items; how many there may be is told in words, for
    empty ones do not count."""
    most = schema.get("maxItems")
    if most is None:
        return schema
    rest = {key: value for key, value in schema.items() if key != "maxItems"}
    return rest | {"description": f"At most {most} items."}


def _types(schema: Json) -> set[str]:
    return {one.get("type", "") for one in (schema, *schema.get("anyOf", ()))}


def _answer(status: int, about: About, schemas: _Schemas) -> Json:
    shape = about.answers[status]
    if shape is None and about.media:
        return {"description": HTTPStatus(status).phrase, "content": {about.media: {}}}
    response = _response(status, None if shape is None else schemas.of(shape, "serialization"))
    if about.or_media:
        response.setdefault("content", {})[about.or_media] = {}
    return response


def _failure(status: int, what: Description, schemas: _Schemas) -> Json:
    if what.error is None:
        content: Json = {media: {} for media in what.words}
        return {"description": HTTPStatus(status).phrase, "content": content}
    return _response(status, schemas.of(what.error, "serialization"))


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
