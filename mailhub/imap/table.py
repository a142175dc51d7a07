"""The table of all verbs; adding a command is adding its line here."""

from __future__ import annotations

from mailhub.imap.commands import (
    authenticate,
    capability,
    close,
    compress,
    create,
    delete,
    enable,
    id,
    idle,
    list,
    login,
    logout,
    lsub,
    namespace,
    noop,
    quota,
    rename,
    select,
    starttls,
    status,
    subscribe,
    unselect,
    xlist,
)
from mailhub.imap.verb import Verb

VERBS: dict[bytes, Verb] = {
    verb.name: verb
    for verb in (
        capability.CAPABILITY,
        noop.NOOP,
        logout.LOGOUT,
        id.ID,
        starttls.STARTTLS,
        authenticate.AUTHENTICATE,
        login.LOGIN,
        enable.ENABLE,
        namespace.NAMESPACE,
        list.LIST,
        lsub.LSUB,
        xlist.XLIST,
        create.CREATE,
        delete.DELETE,
        rename.RENAME,
        subscribe.SUBSCRIBE,
        subscribe.UNSUBSCRIBE,
        status.STATUS,
        quota.GETQUOTA,
        quota.GETQUOTAROOT,
        quota.SETQUOTA,
        compress.COMPRESS,
        idle.IDLE,
        select.SELECT,
        select.EXAMINE,
        unselect.UNSELECT,
        close.CLOSE,
        noop.CHECK,
    )
}
