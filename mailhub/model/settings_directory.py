"""The settings of directories that accounts come from."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class LDAPSettings:
    """`[ldap]`: accounts that an organisation's directory keeps."""

    __pydantic_config__ = STRICT

    urls: tuple[str, ...] = setting(
        (),
        "servers in the order in which they are asked: ldaps://host:636, or ldap://host:389, which "
        "goes over to TLS; empty: all accounts are this server's own",
    )
    tls: str = setting(
        "required",
        "for ldap://: required (StartTLS), or none: only for a server on this machine or network",
    )
    authority: str = setting(
        "", "PEM file of who may sign the servers' certificates; empty: the system's"
    )
    bind_dn: str = setting("", "who asks, as a distinguished name; empty: nobody in particular")
    bind_password: str = setting("", "its password")
    bind_password_file: str = setting("", "a file with its password, instead")
    base: str = setting("", "where in the tree people are looked for, like ou=people,dc=example")
    filter: str = setting(
        "(&(objectClass=inetOrgPerson)(|(uid={name})(mail={name})))",
        "finds one person; {name}: the login name or address, escaped",
    )
    all_filter: str = setting("(objectClass=inetOrgPerson)", "finds all who have accounts here")
    locked_filter: str = setting(
        "", "which of them may not log in, like (pwdAccountLockedTime=*); empty: none"
    )
    admin_group: str = setting(
        "", "group whose members administer this server, as a distinguished name; empty: none"
    )
    domains: tuple[str, ...] = setting(
        (), "mail domains whose accounts the directory has; those of other domains are our own"
    )
    key: str = setting(
        "entryUUID", "attribute that never changes: objectGUID with Active Directory"
    )
    username: str = setting("uid", "attribute with the login name")
    name: str = setting("cn", "attribute with the person's name")
    mail: str = setting("mail", "attribute with the addresses, the main one first")
    aliases: str = setting("", "attribute with further addresses; empty: none")
    quota: str = setting("", "attribute with the quota; empty: none")
    quota_unit: int = setting(1, "what the quota is counted in", "bytes")
    timeout: int = setting(3, "wait for one answer", "seconds")
    connections: int = setting(4, "questions under way at a time; the others wait")
    life: int = setting(
        300, "for how long is believed what the directory said of a name", "seconds"
    )
    sync: int = setting(900, "time between two comparisons of everything; 0: never", "seconds")
