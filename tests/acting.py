"""The control socket's acts over a world in memory."""

from __future__ import annotations

from mailhub.control.acts import Services
from mailhub.core.exporting import Exporting
from mailhub.core.importedmail import MailImport
from mailhub.core.importing import Importing
from mailhub.core.messages import Messages
from mailhub.core.suppressions import Suppressions
from mailhub.core.transfer import Transfers
from mailhub.core.uploading import Keys
from mailhub.core.webhooks import Webhooks
from mailhub.core.zones import Zones
from mailhub.model.settings import QueueSettings, ReportSettings
from mailhub.queue.destination import Destinations
from mailhub.queue.ways import Ways
from mailhub.store.leases import Alone
from tests.backing import backups
from tests.certified import certify
from tests.checked import FakeMachine, checkup
from tests.reported import office
from tests.web import FakeWeb
from tests.world import HOSTNAME, World
from tests.zoned import place


def importing(here: World, messages: Messages, zones: Zones) -> Importing:
    """What takes domains in."""
    return Importing(
        here.store,
        here.domains,
        here.accounts,
        here.addresses,
        here.mailboxes,
        MailImport(here.store, here.accounts, here.mailboxes, messages),
        here.filters,
        here.scripts,
        here.keys,
        zones,
        here.mailroom,
        here.clock,
    )


def services(here: World, reports: ReportSettings | None = None) -> Services:
    """What the acts use: whoever adds a part adds it here."""
    named, papers = place(here), certify(here)
    kept = backups(here.clock, here.log)
    desk = office(here, reports or ReportSettings())
    messages = Messages(here.store, here.clock)
    destinations = Destinations(
        here.resolver,
        None,
        QueueSettings(),
        here.randomness,
        hostname=HOSTNAME,
        own=lambda address, port: False,
    )
    return Services(
        domains=here.domains,
        accounts=here.accounts,
        addresses=here.addresses,
        mailboxes=here.mailboxes,
        transfers=Transfers(here.store, here.mailboxes, messages, here.clock),
        spools=here.store.spools,
        routes=here.routes,
        relays=here.relays,
        keys=here.keys,
        records=here.records,
        queue=here.queue,
        suppressions=Suppressions(here.store, here.clock, QueueSettings().suppress_time),
        ways=Ways(here.store, destinations, here.clock, here.randomness),
        reporting=desk.reporting,
        report_reading=desk.reading,
        summaries=desk.summaries,
        identity=here.identity,
        search_index=here.store.search_index,
        tokens=here.tokens,
        filters=here.filters,
        filtering=here.owners.filtering,
        mirroring=None,
        mailroom=here.mailroom,
        zones=named.zones,
        secondaries=named.secondaries,
        zone_keys=named.keys,
        scripts=here.scripts,
        upload_keys=Keys(b"secret"),
        certificates=papers.certificates,
        provisioning=papers.provisioning,
        elsewheres=here.elsewheres,
        exporting=Exporting(here.store, here.keys, here.clock, "mailhub test"),
        importing=importing(here, messages, named.zones),
        checkup=checkup(here, FakeMachine(), papers, kept, zones=named.zones),
        nodes=Alone(here.clock.now),
        backups=kept,
        webhooks=Webhooks(here.store, FakeWeb(), here.clock, here.ids, here.randomness),
    )
