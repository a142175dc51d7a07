"""GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208): one root, the account, over all its mailboxes."""

from __future__ import annotations

from mailhub.imap.grammar import mailboxes, spelling
from mailhub.imap.grammar.values import GetQuota, GetQuotaRoot, SetQuota
from mailhub.imap.replies import Refusal, Reply, no, ok
from mailhub.imap.session import Session
from mailhub.imap.verb import AUTHENTICATED, Verb
from mailhub.model.errors import NotFound

ROOT = "account"
UNIT = 1024
"""Octets of one unit of STORAGE."""
DONE = ok("That is all")
NO_SUCH_ROOT = no("No such quota root", b"NONEXISTENT")
FIXED = no("Quotas are set by the administrator", b"NOPERM")


async def run_get(session: Session, command: GetQuota) -> Reply:
    if command.root != ROOT:
        return NO_SUCH_ROOT
    session.write(await _quota(session))
    return DONE


async def run_root(session: Session, command: GetQuotaRoot) -> Reply:
    """Raises NotFound for a name that is no mailbox."""
    box = await session.site.mailboxes.get(session.account, command.mailbox)
    name = spelling.mailbox(box.name, session.utf8)
    session.write(b"* QUOTAROOT %b %b\r\n" % (name, ROOT.encode("ascii")))
    session.write(await _quota(session))
    return DONE


async def run_set(session: Session, command: SetQuota) -> Reply:
    raise Refusal(FIXED if command.root == ROOT else NO_SUCH_ROOT)


async def _quota(session: Session) -> bytes:
    """Only resources with a limit are told (RFC 9208 section 4.2.1)."""
    account = await session.site.storage.accounts.get(session.account)
    if account is None:
        raise NotFound("The account is gone")
    resources: list[bytes] = []
    storage = account.limits.storage or session.site.quota
    if storage:
        used = -(-account.used_storage // UNIT)
        resources.append(b"STORAGE %d %d" % (used, storage // UNIT))
    if account.limits.messages:
        resources.append(b"MESSAGE %d %d" % (account.used_messages, account.limits.messages))
    return b"* QUOTA %b (%b)\r\n" % (ROOT.encode("ascii"), b" ".join(resources))


GETQUOTA = Verb(b"GETQUOTA", mailboxes.get_quota, run_get, AUTHENTICATED)
GETQUOTAROOT = Verb(b"GETQUOTAROOT", mailboxes.get_quota_root, run_root, AUTHENTICATED)
SETQUOTA = Verb(b"SETQUOTA", mailboxes.set_quota, run_set, AUTHENTICATED)
