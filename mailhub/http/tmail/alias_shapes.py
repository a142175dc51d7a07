"""Aliases in tmail's manner of JSON. tmail itself has a command for them, and no call. Pure."""

from __future__ import annotations

import shlex
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mailhub.http.tmail.shapes import Given, Shown
from mailhub.model.address import Address
from mailhub.model.errors import Invalid


class AliasPath(BaseModel):
    """Which alias it is about: an address of a domain that is here."""

    model_config = ConfigDict(frozen=True)

    alias: Annotated[str, Field(min_length=1)]


class NewAlias(Given):
    """POST and PUT /aliases/ALIAS. `pipe`: a program and its words, quoted as for a shell."""

    deliver_to: tuple[str, ...] = Field((), strict=False)
    pipe: str = ""
    is_mini_list: bool = False

    @property
    def program(self) -> tuple[str, ...]:
        """The program as words. Raises Invalid."""
        try:
            return tuple(shlex.split(self.pipe))
        except ValueError as error:
            raise Invalid(f"pipe cannot be read: {error}", field="pipe") from None


class Alias(Shown):
    """An alias, or an address of a user: then `user` has the login."""

    id: int
    alias: str
    user: str
    deliver_to: tuple[str, ...]
    pipe: str
    is_mini_list: bool


def shown(address: Address, user: str) -> Alias:
    """`user`: login of the account that the address belongs to, if it does."""
    return Alias(
        id=address.number,
        alias=address.address,
        user=user,
        deliver_to=address.targets,
        pipe=shlex.join(address.program),
        is_mini_list=address.minilist,
    )
