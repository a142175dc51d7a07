"""The faces over the parts: what each kind of listener serves.

A part of the composition root, apart from it for its size. Nothing is decided here.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThreadPool

from mailhub import overseeing
from mailhub.core.holding import Holding
from mailhub.http import app as http
from mailhub.imap import server as imap
from mailhub.imap import session as imap_talk
from mailhub.managesieve import server as managesieve
from mailhub.managesieve import talk as managesieve_talk
from mailhub.model.account import Service
from mailhub.model.settings import ListenerSettings
from mailhub.net.tls import Certificates
from mailhub.parts import Parts
from mailhub.pop3 import server as pop3
from mailhub.pop3 import session as pop3_session
from mailhub.smtp import server as smtp


def _starttls(settings: ListenerSettings, certificates: Certificates) -> Any:
    return certificates.context_factory() if settings.tls == "starttls" else None


def _imap(parts: Parts, settings: ListenerSettings, certificates: Certificates) -> Any:
    site = imap_talk.Site(
        hostname=parts.hostname,
        settings=parts.settings.imap,
        storage=parts.store,
        login=parts.login,
        mailboxes=parts.mailboxes,
        messages=parts.messages,
        selections=parts.selections,
        sessions=parts.sessions,
        allowances=parts.allowances,
        watch=parts.watch,
        ids=parts.ids,
        clock=parts.clock,
        log=parts.log,
        quota=parts.settings.store.quota,
    )
    return imap.IMAPFactory(
        site,
        reactor=parts.reactor,
        new_session=parts.ids.new,
        tls=_starttls(settings, certificates),
    )


def _pop3(parts: Parts, settings: ListenerSettings, certificates: Certificates) -> Any:
    services = pop3_session.Services(
        login=parts.login,
        maildrops=parts.maildrops,
        allowances=parts.allowances,
        watch=parts.watch,
        settings=parts.settings.pop3,
        clock=parts.clock,
        log=parts.log,
    )
    return pop3.POP3Factory(
        services,
        hostname=parts.hostname,
        reactor=parts.reactor,
        new_session=parts.ids.new,
        tls=_starttls(settings, certificates),
    )


def _managesieve(parts: Parts, settings: ListenerSettings, certificates: Certificates) -> Any:
    services = managesieve_talk.Services(
        login=parts.login,
        scripts=parts.scripts,
        watch=parts.watch,
        settings=parts.settings.managesieve,
        clock=parts.clock,
        log=parts.log,
    )
    return managesieve.ManageSieveFactory(
        services,
        hostname=parts.hostname,
        reactor=parts.reactor,
        new_session=parts.ids.new,
        tls=_starttls(settings, certificates),
    )


def _http(parts: Parts, settings: ListenerSettings, certificates: Certificates) -> Any:
    faces = http.Parts(
        accounts=parts.accounts,
        addresses=parts.addresses,
        mailboxes=parts.mailboxes,
        mailroom=parts.mailroom,
        mailing=parts.mailing,
        desk=parts.desk,
        allowances=parts.allowances,
        sessions=parts.sessions,
        domains=parts.domains,
        queue=parts.queue,
        routes=parts.routes,
        relays=parts.relays,
        keys=parts.keys,
        login=parts.login,
        tokens=parts.tokens,
        sign_ins=parts.sign_ins,
        elsewheres=parts.elsewheres,
        logins=parts.watch.logins,
        identity=parts.identity,
        spools=parts.store.spools,
        filters=parts.filters,
        scripts=parts.scripts,
        upload_keys=parts.upload_keys,
        feeds=parts.feeds,
        webhooks=parts.webhooks,
        administration=parts.administration,
        hostname=parts.hostname,
        panel_secret=parts.secret("panel"),
        backups=parts.backups.backups,
        exporting=parts.exporting,
        settings=parts.settings.http,
        default_domain=parts.settings.default_domain,
        quota=parts.settings.store.quota,
        registry=parts.metrics.registry,
        ready=parts.ready,
        reactor=parts.reactor,
        clock=parts.clock,
        log=parts.log,
        certificates=parts.certificates,
        websites=parts.certifying.websites,
        profiles=parts.profiles,
        sites=parts.settings.sites,
        oversight=overseeing.compose(parts),
        aside=lambda work: deferToThreadPool(parts.reactor, parts.reactor.getThreadPool(), work),
    )
    return http.application(faces, settings.root)


def _smtp(parts: Parts, settings: ListenerSettings, certificates: Certificates) -> Any:
    return smtp.SMTPFactory(
        Service(settings.service),
        hostname=parts.hostname,
        settings=parts.settings.smtp,
        tarpit=parts.settings.tarpit,
        intake=parts.intake,
        login=parts.login,
        watch=parts.watch,
        addresses=parts.addresses,
        relays=parts.relays,
        hooks=parts.hooks,
        holding=Holding(parts.clock, parts.settings.queue.future_release),
        judging=parts.judging,
        reactor=parts.reactor,
        log=parts.log,
        new_session=parts.ids.new,
        tls=_starttls(settings, certificates),
    )


FACES = {
    "smtp": _smtp,
    "submission": _smtp,
    "lmtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "managesieve": _managesieve,
    "http": _http,
}
