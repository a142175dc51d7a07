"""How an account likes to read and write its mail in pages of this server.

They are kept among the account's metadata, under a name of their own, beside what applications keep
there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from mailhub.model.account import Account
from mailhub.model.errors import Invalid

NAME = "preferences"
"""Where an account's metadata have them."""
SIGNATURE = 4000
"""Characters of a signature."""
PER_PAGE = (25, 50, 100)
UNDO = (0, 5, 10, 20, 30)
ALSO = 20
"""Further addresses."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """`fixed_width`: text is shown in letters of one width. `remote_images`: what a message fetches
    from other servers is fetched without asking. `per_page`: messages of a list. `undo`: seconds
    in which what was sent can be taken back. `also`: addresses that it writes as, beside its own.
    """

    signature: str = ""
    fixed_width: bool = False
    remote_images: bool = False
    per_page: int = 50
    undo: int = 10
    also: tuple[str, ...] = ()


def of(account: Account) -> Preferences:
    """Those of an account; what is not as it should be is as if it were not there."""
    kept = account.metadata.get(NAME)
    if not isinstance(kept, Mapping):
        return Preferences()
    plain = Preferences()
    given = {
        one.name: kept[one.name]
        for one in fields(Preferences)
        if one.name != "also" and type(kept.get(one.name)) is type(getattr(plain, one.name))
    }
    also = kept.get("also")
    if isinstance(also, list):
        given["also"] = tuple(one for one in also if isinstance(one, str))
    try:
        return checked(Preferences(**given))
    except Invalid:
        return plain


def kept(account: Account, wanted: Preferences) -> Account:
    """The account with these. Raises Invalid."""
    told = asdict(checked(wanted)) | {"also": list(wanted.also)}
    return replace(account, metadata={**account.metadata, NAME: told})


def checked(wanted: Preferences) -> Preferences:
    """The same. Raises Invalid, with the field at fault."""
    if len(wanted.signature) > SIGNATURE:
        raise Invalid(f"A signature has at most {SIGNATURE} characters", "signature")
    if wanted.per_page not in PER_PAGE:
        raise Invalid("There is no such number of messages", "per_page")
    if wanted.undo not in UNDO:
        raise Invalid("There is no such number of seconds", "undo")
    if len(wanted.also) > ALSO:
        raise Invalid(f"There are at most {ALSO} further addresses", "also")
    return wanted
