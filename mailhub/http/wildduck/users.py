"""WildDuck's /users calls: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.core.allowances import Allowances, Kind
from mailhub.core.credential import Visit
from mailhub.core.domains import Domains
from mailhub.core.filters import Filters
from mailhub.core.homes import at_home
from mailhub.core.identity import Identity
from mailhub.core.login import Login
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.rights import Resource, administers, creates, deletes, reads, updates
from mailhub.core.sessions import Sessions
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import paging, replies, shapes, user_answers, user_shapes
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.account import Account, RemovedAccount, Scope, Service
from mailhub.model.errors import AuthenticationFailed, Invalid, NotFound
from mailhub.wire.address import searched

COUNTED = {
    "recipients": Kind.RECIPIENTS,
    "forwards": Kind.FORWARDS,
    "received_max": Kind.RECEIVED,
    "imap_max_upload": Kind.IMAP_UPLOAD,
    "imap_max_download": Kind.IMAP_DOWNLOAD,
    "pop3_max_download": Kind.POP3_DOWNLOAD,
}
"""Parameters whose change begins a count anew."""


class Users:
    """`default_domain`: of users without an address of their own, empty for the first domain;
    `quota`: the default, 0 none."""

    def __init__(
        self,
        accounts: Accounts,
        subjects: Subjects,
        domains: Domains,
        mailboxes: Mailboxes,
        allowances: Allowances,
        sessions: Sessions,
        filters: Filters,
        login: Login,
        identity: Identity,
        default_domain: str,
        quota: int,
    ) -> None:
        self._accounts = accounts
        self._subjects = subjects
        self._domains = domains
        self._mailboxes = mailboxes
        self._allowances = allowances
        self._sessions = sessions
        self._filters = filters
        self._login = login
        self._identity = identity
        self._default_domain = default_domain
        self._quota = quota

    @route(
        "GET",
        "/users",
        about=About(takes=user_shapes.UserList, answers={200: user_answers.Users}),
        right=reads(Resource.USERS),
    )
    async def page(self, call: Call) -> Answer:
        """Users in the order they were made."""
        wanted = shapes.read(user_shapes.UserList, call)
        where = paging.span(wanted)
        rows, total = await self._accounts.page(
            after=where.after,
            before=where.before,
            limit=wanted.limit + 1,
            query=searched(wanted.query),
            tags=wanted.tags,
            required_tags=wanted.required_tags,
        )
        rows, frame = paging.listed(wanted, where, rows, total)
        data, internal = wanted.meta_data, wanted.internal_data
        results = [user_answers.row(row, self._quota, data=data, internal=internal) for row in rows]
        return replies.shown(user_answers.Users.of(wanted.query, frame, results))

    @route(
        "GET",
        "/users/resolve/<username>",
        about=About(takes=user_shapes.UserName, answers={200: user_answers.Made}),
        right=reads(Resource.USERS),
    )
    async def resolve(self, call: Call) -> Answer:
        """The id of the user who logs in with this name."""
        wanted = shapes.read(user_shapes.UserName, call)
        try:
            account = await self._accounts.by_username(wanted.username)
        except NotFound:
            raise replies.user_not_found() from None
        return replies.shown(user_answers.Made(id=account.id))

    @route(
        "GET",
        "/users/<user>",
        about=About(takes=shapes.UserCall, answers={200: user_answers.User}),
        right=reads(Resource.USERS),
    )
    async def show(self, call: Call) -> Answer:
        """One user."""
        account = await self._subjects.of(shapes.read(shapes.UserCall, call).user)
        kept = await self._filters.of_account(account.number)
        shown = user_answers.user(
            account,
            self._quota,
            await self._allowances.used(account),
            filters=user_answers.Room(allowed=self._filters.most(account), used=len(kept)),
            sessions=user_answers.Room(
                allowed=self._allowances.bound(account, "imap_connections"),
                used=await self._sessions.count(account.number),
            ),
        )
        return replies.shown(shown)

    @route(
        "POST",
        "/users",
        about=About(takes=user_shapes.NewUser, answers={200: user_answers.Made}),
        right=creates(Resource.USERS),
    )
    async def create(self, call: Call) -> Answer:
        """A new user; a domain that is new to the server is made with it."""
        wanted = shapes.read(user_shapes.NewUser, call)
        actor = shapes.actor(call, wanted)
        order = wanted.order(await self._home())
        if order.address:
            account = await at_home(
                self._domains,
                order.address,
                actor,
                lambda: self._accounts.create(order, actor),
                ignore_dots=True,
            )
        else:
            account = await self._accounts.create(order, actor)
        return replies.shown(user_answers.Made(id=account.id))

    @route(
        "PUT",
        "/users/<user>",
        about=About(takes=user_shapes.OldUser, answers={200: shapes.Result}),
        right=updates(Resource.USERS),
    )
    async def update(self, call: Call) -> Answer:
        """Changes what is given. A new password ends the user's sessions."""
        wanted = shapes.read(user_shapes.OldUser, call)
        actor = shapes.actor(call, wanted)
        account = await self._subjects.of(wanted.user)
        if wanted.existing_password:
            await self._verify(account, wanted.existing_password, call, wanted)
        if not wanted.changes():
            raise replies.Refusal(400, "NoUpdates", "Nothing was changed")
        changed = wanted.applied(account)
        if changed != account:
            await self._accounts.update(changed, actor)
        await self._count_anew(account, wanted)
        if wanted.password is not None:
            clear = wanted.password or ""
            hashed = clear if wanted.hashed_password else ""
            await self._accounts.set_password(
                account.number, "" if hashed else clear, actor, hashed=hashed
            )
        if wanted.disable2fa:
            await self._identity.codes.disable_all(changed, actor)
        return replies.shown(shapes.Result())

    @route(
        "PUT",
        "/users/<user>/logout",
        about=About(takes=user_shapes.Goodbye, answers={200: shapes.Result}),
        right=updates(Resource.USERS),
    )
    async def log_out(self, call: Call) -> Answer:
        """Ends every session of the user; IMAP clients are told the reason."""
        wanted = shapes.read(user_shapes.Goodbye, call)
        account = await self._subjects.of(wanted.user)
        actor = shapes.actor(call, wanted)
        await self._accounts.end_sessions(account.number, actor, wanted.reason)
        return replies.shown(shapes.Result())

    @route(
        "POST",
        "/users/<user>/quota/reset",
        about=About(takes=shapes.UserCall, answers={200: user_answers.QuotaCounted}),
        right=updates(Resource.USERS),
    )
    async def count_again(self, call: Call) -> Answer:
        """Counts what lies in the user's mailboxes."""
        account = await self._subjects.of(shapes.read(shapes.UserCall, call).user)
        before, after = await self._mailboxes.count_again(account.number)
        return replies.shown(
            user_answers.QuotaCounted(storage_used=after, previous_storage_used=before)
        )

    @route(
        "POST",
        "/quota/reset",
        about=About(takes=shapes.Parameters, answers={200: user_answers.QuotaCounted}),
        right=administers(Resource.USERS),
    )
    async def count_all_again(self, call: Call) -> Answer:
        """Counts what lies in everybody's mailboxes, user after user."""
        shapes.read(shapes.Parameters, call)
        before, after = await self._mailboxes.count_all_again()
        return replies.shown(
            user_answers.QuotaCounted(storage_used=after, previous_storage_used=before)
        )

    @route(
        "DELETE",
        "/users/<user>",
        about=About(
            takes=user_shapes.OldUserGone, answers={200: user_answers.Scheduled | shapes.Result}
        ),
        right=deletes(Resource.USERS),
    )
    async def remove(self, call: Call) -> Answer:
        """The user is gone, the mail goes later; done again it succeeds again."""
        wanted = shapes.read(user_shapes.OldUserGone, call)
        try:
            account = await self._accounts.by_id(wanted.user)
        except NotFound:
            return await self._removed_before(wanted.user)
        actor = shapes.actor(call, wanted)
        count, due = await self._accounts.remove(account.number, actor, due=wanted.delete_after)
        return replies.shown(user_answers.scheduled(account.id, count, due))

    @route(
        "GET",
        "/users/<user>/restore",
        about=About(takes=shapes.UserCall, answers={200: user_answers.Recoverable}),
        right=reads(Resource.USERS),
    )
    async def show_removed(self, call: Call) -> Answer:
        """What of a removed user can come back."""
        gone = await self._removed(shapes.read(shapes.UserCall, call).user)
        return replies.shown(user_answers.recoverable(gone))

    @route(
        "POST",
        "/users/<user>/restore",
        about=About(takes=shapes.UserCall, answers={200: user_answers.Restored}),
        right=creates(Resource.USERS),
    )
    async def restore(self, call: Call) -> Answer:
        """The user is back with their mail, and with the addresses that nobody took meanwhile."""
        wanted = shapes.read(shapes.UserCall, call)
        gone = await self._removed(wanted.user)
        account, count = await self._accounts.restore(gone.id, shapes.actor(call, wanted))
        back = user_answers.Recovered(recovered=count, main=account.address)
        return replies.shown(
            user_answers.Restored(user=account.id, task=account.id, addresses=back)
        )

    async def _removed(self, id: str) -> RemovedAccount:
        try:
            return await self._accounts.removed(id)
        except NotFound:
            raise replies.user_not_found() from None

    async def _removed_before(self, id: str) -> Answer:
        try:
            gone = await self._accounts.removed(id)
        except NotFound:
            return replies.shown(shapes.Result())
        return replies.shown(user_answers.scheduled(gone.id, 0, gone.due))

    async def _home(self) -> str:
        """Where users are at home whose name is no address: as set, else the first domain."""
        if self._default_domain:
            return self._default_domain
        domains = await self._domains.all()
        return min(domains, key=lambda domain: domain.number).name if domains else ""

    async def _count_anew(self, account: Account, wanted: user_shapes.OldUser) -> None:
        for parameter, kind in COUNTED.items():
            if getattr(wanted, parameter) is not None:
                await self._allowances.begin_anew(account.number, kind)

    async def _verify(
        self, account: Account, password: str, call: Call, wanted: user_shapes.OldUser
    ) -> None:
        visit = Visit(
            call.peer, Service.HTTP, Scope.MASTER, label="API", ip=wanted.ip, session=wanted.sess
        )
        try:
            await self._login.prove(account.username, password, visit)
        except (AuthenticationFailed, Invalid):
            raise replies.Refusal(403, "AuthFail", "Password validation failed") from None
