"""What people may change of their own accounts by the call that changes accounts.

The call takes what an operator sets on anybody: limits, tags, second factors. A token of a
person's own may set what people decide for themselves, and nothing that is added to the call later
until it stands here.
"""

from __future__ import annotations

from mailhub.core.rights import Action, Caller, Resource, Right, Standing
from mailhub.http import body
from mailhub.http.call import Call
from mailhub.http.wildduck import replies
from mailhub.http.wildduck.shapes import FieldErrors

LABELS = frozenset({"accessToken", "sess", "ip", "user"})
PROOF = frozenset({"password", "existingPassword"})
PROFILE = frozenset(
    {
        "name",
        "language",
        "pubKey",
        "encryptMessages",
        "encryptForwarded",
        "spamLevel",
        "targets",
        "reason",
    }
)


def check(call: Call, right: Right) -> None:
    """Raises Refusal, FieldErrors for what the caller may not set, Invalid for what is no body."""
    caller = call.caller
    if caller is None or not caller.role.is_personal:
        return
    if right != Right(Resource.USERS, Action.UPDATE):
        return
    given = {name for name, value in call.fields().items() if value}
    given |= body.fields(call).keys()
    if given - _allowed(caller):
        raise replies.Refusal(403, "MissingPrivileges", "This token may not change that")
    if "password" in given and "existingPassword" not in given:
        raise FieldErrors({"existingPassword": '"existingPassword" is required'})


def _allowed(caller: Caller) -> frozenset[str]:
    if caller.standing is Standing.PASSWORD:
        return LABELS | PROOF
    return LABELS | PROOF | PROFILE
