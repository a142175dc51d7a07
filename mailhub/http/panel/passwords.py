"""The pages of an account's password and of its app passwords."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.core.credential import Visit
from mailhub.core.identity import Identity
from mailhub.core.login import Login
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.call import Answer
from mailhub.http.panel.door import Door, Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.account import Scope, Service
from mailhub.model.errors import AuthenticationFailed, Invalid, MailhubError

SCOPES = (Scope.IMAP, Scope.POP3, Scope.SMTP)
PASSWORD = "/password"  # noqa: S105  (a path)


class Passwords:
    """The pages."""

    def __init__(self, door: Door, accounts: Accounts, login: Login, identity: Identity) -> None:
        self._door = door
        self._accounts = accounts
        self._login = login
        self._apps = identity.app_passwords

    @kept("GET", PASSWORD, updates(Resource.USERS))
    async def ask(self, visitor: Visitor) -> Answer:
        """Asks for the old password and a new one."""
        return shown(visitor, "password.html", problem="", done=False)

    @kept("POST", PASSWORD, updates(Resource.USERS))
    async def change(self, visitor: Visitor) -> Answer:
        """Takes them; every other session ends."""
        given = visitor.fields
        try:
            await self._prove(visitor, given.get("old", ""))
            if given.get("new", "") != given.get("again", ""):
                raise Invalid("The two new passwords differ", "again")
            if not given.get("new"):
                raise Invalid("A password is needed", "new")
            await self._accounts.set_password(
                visitor.account.number, given["new"], visitor.caller.actor
            )
        except MailhubError as error:
            return shown(visitor, "password.html", 400, problem=error.text, done=False)
        return await self._door.again(visitor, "/password/changed")

    @kept("GET", "/app-passwords", reads(Resource.APP_PASSWORDS))
    async def apps(self, visitor: Visitor) -> Answer:
        """Those that are good."""
        return await self._listed(visitor)

    @kept("POST", "/app-passwords", creates(Resource.APP_PASSWORDS))
    async def add(self, visitor: Visitor) -> Answer:
        """A new one, shown once."""
        given = visitor.fields
        wanted = frozenset(scope for scope in SCOPES if given.get(scope.value))
        try:
            made, password = await self._apps.create(
                visitor.account, given.get("description", ""), wanted, visitor.caller.actor
            )
        except MailhubError as error:
            return await self._listed(visitor, problem=error.text)
        groups = [password[start : start + 4] for start in range(0, len(password), 4)]
        return await self._listed(visitor, made=made.description, password=" ".join(groups))

    @kept("POST", "/app-passwords/<id>/remove", deletes(Resource.APP_PASSWORDS))
    async def remove(self, visitor: Visitor) -> Answer:
        """Ends one, and every session that uses it."""
        id = visitor.call.arguments["id"]
        await self._apps.remove(visitor.account.number, id, visitor.caller.actor)
        return await self._door.again(visitor, "/app-passwords")

    async def _listed(
        self, visitor: Visitor, *, problem: str = "", made: str = "", password: str = ""
    ) -> Answer:
        rows = await self._apps.all(visitor.account.number)
        return shown(
            visitor,
            "app-passwords.html",
            400 if problem else 200,
            rows=rows,
            scopes=[scope.value for scope in SCOPES],
            problem=problem,
            made=made,
            password=password,
        )

    async def _prove(self, visitor: Visitor, password: str) -> None:
        """Who sits there now is who signed in."""
        visit = Visit(visitor.call.peer, Service.HTTP, Scope.MASTER, label="Panel")
        who = await self._login.prove(visitor.account.username, password, visit)
        if who.account != visitor.account.number:
            raise AuthenticationFailed

    @kept("GET", "/password/changed", reads(Resource.USERS))
    async def changed(self, visitor: Visitor) -> Answer:
        """Says that it is done."""
        return shown(visitor, "password.html", problem="", done=True)
