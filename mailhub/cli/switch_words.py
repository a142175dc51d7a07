"""What `mailhub switch` says: lines for people, and the files that it writes for them to fill in.

No decision stands here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from mailhub.switching.ledger import Made, Post, Record
from mailhub.switching.moving import Report
from mailhub.switching.plan import Fate, Item

MARKS = {Fate.NEW: "+", Fate.HERE: "=", Fate.CONFLICT: "!"}
MADE_MARKS = {Made.DONE: "+", Made.THERE: "=", Made.REFUSED: "!", Made.BEGUN: "?"}
SHOWN = 20
"""Faults of one folder that are told one by one."""


def item(one: Item) -> str:
    """An object of a plan, with what cannot be carried over below it."""
    about = f": {one.about}" if one.about else ""
    return _noted(f"{MARKS[one.fate]} {one.kind} {one.name}{about}", one.notes)


def made(kind: str, name: str, what: Made, notes: Sequence[str]) -> str:
    """An object that was made, or not."""
    return _noted(f"{MADE_MARKS[what]} {kind} {name}", notes)


def _noted(line: str, notes: Sequence[str]) -> str:
    return "\n".join([line, *(f"    - {note}" for note in notes)])


def summary(counts: Mapping[tuple[str, str], int], remarks: Sequence[str], *, mail: bool) -> str:
    """The end of a plan."""
    lines = [""]
    for kind in ("domain", "account", "address", "alias"):
        some = {fate.value: counts.get((kind, fate.value), 0) for fate in Fate}
        if any(some.values()):
            lines.append(
                f"{kind}: {some['new']} new, {some['here']} here already,"
                f" {some['conflict']} in conflict"
            )
    lines += [f"- {remark}" for remark in remarks]
    if not mail:
        lines.append("- mail is not copied: the file has no table [imap]")
    return "\n".join(lines)


def report(one: Report, verb: str) -> Iterator[str]:
    """What came of an account's mail."""
    copied = one.copied
    head = f"! {one.post.user}: {one.fault}" if one.fault else f"+ {one.post.user}: {verb}"
    yield (
        f"{head} ({copied.taken} new, {copied.reflagged} with other flags, {copied.dropped} gone)"
    )
    for note in copied.notes if not one.fault else ():
        yield f"    - {note}"
    if copied.renumbered:
        yield f"    - {copied.renumbered} messages have other UIDs here"
    for folder, uid, why in one.damaged[:SHOWN]:
        yield f"    - {folder}: UID {uid}: {why}"
    if len(one.damaged) > SHOWN:
        yield f"    - and {len(one.damaged) - SHOWN} more"


def verdicts(one: Report, *, as_json: bool) -> Iterator[str]:
    """How an account's folders compare."""
    if one.fault:
        yield (
            json.dumps({"user": one.post.user, "fault": one.fault})
            if as_json
            else (f"! {one.post.user}: {one.fault}")
        )
        return
    for folder, found in (one.verdicts or {}).items():
        if as_json:
            yield json.dumps(
                {
                    "user": one.post.user,
                    "folder": folder,
                    "same": found.same,
                    "there": found.there,
                    "here": found.here,
                    "missing": found.missing,
                    "extra": found.extra,
                    "sizes": found.sizes,
                    "flags": found.flags,
                    "digest": found.digest,
                    "digest_here": found.digest_here,
                }
            )
            continue
        mark = "=" if found.same else "!"
        yield f"{mark} {one.post.user} {folder}: {found.there} there, {found.here} here"
        for what, uids in (
            ("not here", found.missing),
            ("of another size", found.sizes),
            ("with other flags", found.flags),
        ):
            if uids:
                shown = ", ".join(map(str, uids[:SHOWN]))
                yield f"    - {len(uids)} {what}: UID {shown}{' …' if len(uids) > SHOWN else ''}"
        if found.extra:
            yield f"    - {len(found.extra)} came here besides"


def status(records: Sequence[Record], posts: Sequence[Post]) -> str:
    """How far a move is."""
    kinds: dict[str, Counter[str]] = {}
    for record in records:
        kinds.setdefault(record.kind, Counter())[record.made.value] += 1
    lines = [
        f"{kind}: {', '.join(f'{number} {what}' for what, number in sorted(some.items()))}"
        for kind, some in sorted(kinds.items())
    ]
    stages = Counter(post.stage.value for post in posts)
    if stages:
        lines.append(f"mail: {', '.join(f'{n} {what}' for what, n in sorted(stages.items()))}")
    for record in records:
        if record.made in (Made.REFUSED, Made.BEGUN):
            lines.append(_noted(f"! {record.kind} {record.name}", record.notes))
    for post in posts:
        damaged = f", {post.damaged} damaged" if post.damaged else ""
        detail = f": {post.detail}" if post.detail else ""
        lines.append(f"{post.user}: {post.stage.value}, {post.messages} messages{damaged}{detail}")
    return "\n".join(lines) or "nothing was done yet"


# -- files to be filled in

_API = {
    "wildduck": 'url = "https://old.example.com:8080"\ntoken = "…"  # of api.accessToken or a role'
    "\n# token_in_query = true  # releases of the first years",
    "mailinabox": 'url = "https://box.example.com/admin"\nuser = "admin@example.com"'
    '\npassword = "…"\n# code = "123456"  # of its second factor',
    "tmail": 'url = "https://old.example.com:8080"\nuser = "admin"\npassword = "…"',
    "easymail": 'url = "https://old.example.com"\nuser = "admin"\npassword = "…"',
}
_SAMPLE = """\
# Where a move comes from. It holds secrets: chmod 600.
kind = "{kind}"
# name = "old"  # of the folder below data/switch that notes how far it came
# only = ["example.com"]  # these domains alone

# What becomes of accounts whose password nobody tells: none (it is set or learned later),
# random (one is given out) or reset (one is given out, to be replaced at the first login).
passwords = "none"

[api]
{api}
# ca = "ca.pem"  # trust this too
# plain = true  # without TLS, over a network that nobody else is in

[imap]
host = "old.example.com"
# port = 993
tls = "implicit"  # implicit, starttls or none
# As whom mail is read: each (a password of each account from `credentials`), master (Dovecot's
# master users), proxy (SASL PLAIN for another), or xoauth2 (a token of each from `credentials`).
login = "each"
credentials = "passwords.csv"  # lines of account,secret
# master = "importer"
# password = "…"
# separator = "*"
connections = 2
rate = 0  # octets a second of all connections together; 0: no bound

# While this is here, new accounts log in at the old server through this one, which learns their
# passwords, and mail for them goes on there, until `mailhub switch cutover`.
# [elsewhere]
# imap = "imaps://old.example.com"
# pop3 = "pop3s://old.example.com"
# mail = "smtp://old.example.com"

# What the API does not tell, where you have it.
# [given]
# hashes = "hashes.csv"  # lines of account,hash
# aliases = "aliases.txt"  # lines of address, white space, targets with commas between
# [given.keys]
# "example.com/mail" = "mail.private"  # keys that sign, by domain/selector
"""


def sample(kind: str) -> str:
    """A source file."""
    return _SAMPLE.format(kind=kind, api=_API[kind])
