"""What a call takes and gives, beside its code: `openapi` makes a description of it.

Declared where the route is declared, of the same types that read and write the JSON, so that a
description cannot say what the code does not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

Shape = Any
"""A pydantic model, or a type made of them such as `list[User]`; None: no body."""


@dataclass(frozen=True, slots=True)
class About:
    """One call. `path` and `query`: models whose fields are the parameters. `body`: of the
    request; `needs_body`: it has to be there. `takes`: the parameters wherever they may stand, for
    a dialect that merges path, query and body. `answers`: the body of each success; errors are the
    dialect's. `secured`: credentials are asked for. `media`: the type of answers that are no JSON;
    `accepts`: those of bodies beside JSON. `form`: the fields of a body that is a form. `or_media`:
    of successes that are JSON only where the caller wants that."""

    path: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    body: Shape = None
    needs_body: bool = False
    takes: type[BaseModel] | None = None
    answers: Mapping[int, Shape] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    secured: bool = True
    media: str = ""
    accepts: tuple[str, ...] = ()
    form: type[BaseModel] | None = None
    or_media: str = ""
