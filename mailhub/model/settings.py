"""Every setting as a frozen value with its default; `config` reads them from TOML.

The metadata of each field is its documentation: `etc/mailhub.toml` and `mailhub config sample`
are generated from it, so a setting that is not explained here does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting
from mailhub.model.settings_access import TokenSettings
from mailhub.model.settings_acme import ACMESettings
from mailhub.model.settings_archive import ArchiveSettings
from mailhub.model.settings_backup import BackupSettings
from mailhub.model.settings_checks import CheckSettings
from mailhub.model.settings_directory import LDAPSettings
from mailhub.model.settings_dns import DNSSettings
from mailhub.model.settings_elsewhere import ElsewhereSettings
from mailhub.model.settings_filters import (
    ClamAVSettings,
    DnsblSettings,
    GreylistSettings,
    HelloSettings,
    LevelSettings,
    MilterSettings,
    OriginSettings,
    RateSettings,
    ReverseSettings,
    RspamdSettings,
    SpamAssassinSettings,
    TarpitSettings,
)
from mailhub.model.settings_identity import ProfileSettings
from mailhub.model.settings_node import NodeSettings
from mailhub.model.settings_people import AccountSettings, LimitSettings
from mailhub.model.settings_rules import FilterSettings
from mailhub.model.settings_s3 import EncryptionSettings, S3Settings
from mailhub.model.settings_search import SearchSettings
from mailhub.model.settings_sending import (
    ProgramSettings,
    QueueSettings,
    RedisSettings,
    ResolverSettings,
    SenderSettings,
)
from mailhub.model.settings_sieve import ManageSieveSettings, SieveSettings
from mailhub.model.settings_sites import SiteSettings, SitesSettings
from mailhub.model.settings_store import StoreSettings
from mailhub.model.settings_system import SystemSettings
from mailhub.model.settings_web import JournalSettings, UpdateSettings, WebhookSettings, WebSettings

__all__ = [
    "ACMESettings",
    "AccountSettings",
    "ArchiveSettings",
    "BackupSettings",
    "CheckSettings",
    "ClamAVSettings",
    "DNSSettings",
    "DkimSettings",
    "DnsblSettings",
    "EncryptionSettings",
    "FilterSettings",
    "GreylistSettings",
    "HTTPSettings",
    "HelloSettings",
    "HookSettings",
    "IMAPSettings",
    "JournalSettings",
    "LDAPSettings",
    "LevelSettings",
    "LimitSettings",
    "ListenerSettings",
    "LogSettings",
    "MilterSettings",
    "OriginSettings",
    "POP3Settings",
    "PolicySettings",
    "ProfileSettings",
    "ProgramSettings",
    "QueueSettings",
    "RateSettings",
    "RedisSettings",
    "ReportSettings",
    "ResolverSettings",
    "ReverseSettings",
    "RspamdSettings",
    "S3Settings",
    "SMTPSettings",
    "SearchSettings",
    "SenderSettings",
    "Settings",
    "SiteSettings",
    "SitesSettings",
    "SpamAssassinSettings",
    "StoreSettings",
    "SystemSettings",
    "TLSSettings",
    "TarpitSettings",
    "TokenSettings",
    "UpdateSettings",
    "WebSettings",
    "WebhookSettings",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """One `[[listener]]`: where a service is offered, and how."""

    __pydantic_config__ = STRICT

    service: str = setting("", "smtp, submission, lmtp, imap, pop3, managesieve or http")
    endpoint: str = setting("", "a Twisted endpoint string, such as tcp:25 or unix:/run/lmtp.sock")
    tls: str = setting("none", "none, starttls or implicit")
    proxy_from: tuple[str, ...] = setting((), "networks whose PROXY protocol header is believed")
    root: str = setting("", "for http: the dialect that this listener's root speaks, or web")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """One `[[hook]]`: code of yours that is asked at a stage of every transaction."""

    __pydantic_config__ = STRICT

    stage: str = setting(
        "", "connect, hello, mail, rcpt, data, message, deliver, delivered or quit"
    )
    url: str = setting("", "where the question goes, as JSON by POST")
    entry: str = setting("", "or: the name of a Python entry point of the group mailhub.hooks")
    timeout: int = setting(5, "longest time to wait for its answer", "seconds")
    on_failure: str = setting("accept", "what to do without an answer: accept or defer")


@dataclass(frozen=True, slots=True, kw_only=True)
class SMTPSettings:
    """`[smtp]`: receiving mail, over SMTP, submission and LMTP."""

    __pydantic_config__ = STRICT

    message_size: int = setting(64 << 20, "largest message taken", "bytes")
    recipients: int = setting(1000, "most recipients of one message")
    messages: int = setting(1000, "most messages of one connection")
    errors: int = setting(20, "refused commands after which a connection is closed")
    line: int = setting(2048, "longest command line", "bytes")
    received_hops: int = setting(100, "Received fields from which on a message loops")
    idle_timeout: int = setting(300, "silence after which a session ends", "seconds")
    data_timeout: int = setting(3600, "longest time one message may take to arrive", "seconds")
    bare_newlines: str = setting("refuse", "refuse or normalize line ends other than CRLF in DATA")
    over_quota: str = setting(
        "temporary", "temporary (452) or permanent (552) when a mailbox is full"
    )
    plaintext_auth: bool = setting(False, "allow AUTH without TLS")
    auth_on_smtp: bool = setting(False, "offer AUTH on smtp listeners too, not only on submission")
    trusted_networks: tuple[str, ...] = setting((), "clients that may relay without AUTH")
    xclient_from: tuple[str, ...] = setting((), "peers whose XCLIENT is believed")
    vrfy: bool = setting(False, "let VRFY confirm local addresses")
    hide_submitter: bool = setting(False, "leave a user's address out of Received")
    banner: str = setting("mailhub", "the words after the host name in the greeting")


@dataclass(frozen=True, slots=True, kw_only=True)
class IMAPSettings:
    """`[imap]`: reading mail over IMAP."""

    __pydantic_config__ = STRICT

    append_limit: int = setting(64 << 20, "largest message APPEND takes", "bytes")
    line: int = setting(65536, "longest command without its APPEND literals", "bytes")
    idle_timeout: int = setting(1800, "silence after which a session ends", "seconds")
    login_timeout: int = setting(60, "time a client has to log in", "seconds")
    plaintext_auth: bool = setting(False, "allow LOGIN and AUTHENTICATE without TLS")
    compress: bool = setting(True, "offer COMPRESS=DEFLATE")
    mailboxes: int = setting(1500, "most mailboxes of one account")


@dataclass(frozen=True, slots=True, kw_only=True)
class POP3Settings:
    """`[pop3]`: reading mail over POP3."""

    __pydantic_config__ = STRICT

    idle_timeout: int = setting(600, "silence after which a session ends", "seconds")
    plaintext_auth: bool = setting(False, "allow USER and AUTH without TLS")
    delete: str = setting("expunge", "what DELE does at QUIT: expunge, or trash to move to Trash")
    newest: int = setting(0, "show only so many of the newest messages; 0 shows all")
    mark_seen: bool = setting(True, "what RETR fetched gets \\Seen at QUIT")
    errors: int = setting(20, "refused commands after which a connection is closed")
    login_timeout: int = setting(60, "time a client has to log in", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPSettings:
    """`[http]`: the HTTP faces."""

    __pydantic_config__ = STRICT

    body: int = setting(1 << 20, "largest request body", "bytes")
    upload: int = setting(64 << 20, "the same, of calls that take a message or a file", "bytes")
    access_token: str = setting(
        "", "root token of the WildDuck dialect, 16 characters or more; empty: loopback only"
    )
    idle_timeout: int = setting(60, "silence after which a connection ends", "seconds")
    tmail_login: str = setting(
        "", "a name that may use the tmail dialect, beside the administrators' accounts"
    )
    tmail_password: str = setting("", "the password of tmail_login")
    tmail_hashes: tuple[str, ...] = setting(
        (),
        "who is shown the hashes of passwords in the tmail dialect, by the name they log in with",
    )
    easymail_secrets: tuple[str, ...] = setting(
        (),
        "administrators whose exports in the EasyMail dialect have the hashes of passwords and"
        " private keys, by the name they log in with",
    )
    easymail_legacy_status: bool = setting(
        False, "the EasyMail dialect refuses with status 200, as that product did"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimSettings:
    """`[dkim]`: signing what leaves (DKIM), and sealing what is passed on (ARC)."""

    __pydantic_config__ = STRICT

    sign: bool = setting(True, "sign mail of local domains that have keys")
    seal: bool = setting(True, "put an ARC set on mail that aliases and filters pass on")
    keys: bool = setting(True, "make keys for every new domain; they sign once the DNS has them")
    algorithms: tuple[str, ...] = setting(("rsa", "ed25519"), "kinds of new keys: rsa, ed25519")
    lifetime: int = setting(0, "signatures expire after this; 0: never", "seconds")
    wait: int = setting(3600, "least age of a key that takes another's place", "seconds")
    retire: int = setting(604800, "how long a replaced key stays in the DNS", "seconds")
    review: int = setting(600, "how often the DNS is looked at for new keys", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """`[reports]`: what other servers are told about mail in their name (DMARC) and about TLS with
    them (TLS-RPT), and what they tell."""

    __pydantic_config__ = STRICT

    sender: str = setting("", "address that reports are sent from; empty: none are sent")
    organization: str = setting("", "who reports; empty: the sender's domain")
    contact: str = setting("", "how to reach who reports; empty: the sender")
    dmarc: bool = setting(True, "send aggregate reports about mail in other domains' names")
    dmarc_format: str = setting(
        "rfc9990", "how they are written: rfc9990, or rfc7489 for who reads nothing newer"
    )
    tls: bool = setting(True, "send reports about TLS with other domains' servers")
    hour: int = setting(1, "hour (UTC) from which yesterday's reports are sent, some time in it")
    write: int = setting(30, "how often counts are written to the store", "seconds")
    rows: int = setting(
        100_000, "most different counts of one day; one domain has at most a tenth of them"
    )
    size: int = setting(10 << 20, "largest report sent, compressed", "bytes")
    receive: str = setting("", "local address whose INBOX is read for reports; empty: none is")
    keep: int = setting(90, "how long what reports said is kept", "days")


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSSettings:
    """`[tls]`: certificates; files are read again when they change and on SIGHUP."""

    __pydantic_config__ = STRICT

    certificate: str = setting("", "PEM chain; empty: a self-signed one is made under data")
    key: str = setting("", "PEM private key of it")
    directory: str = setting("", "folder of NAME.crt and NAME.key pairs, chosen by SNI")
    authorities: str = setting(
        "", "PEM certificates of authorities that your clients know, besides the system's"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """`[log]`: one line an event, on standard output or where twistd --logfile says."""

    __pydantic_config__ = STRICT

    format: str = setting("auto", "json, plain, or auto: plain on a terminal")
    level: str = setting("info", "debug, info, warn or error")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """`[policy]`: judging mail that other servers bring over SMTP."""

    __pydantic_config__ = STRICT

    authenticate: bool = setting(
        True, "check SPF, DKIM, DMARC and ARC, and say in Authentication-Results what they gave"
    )
    authserv_id: str = setting("", "this server's name in Authentication-Results; empty: hostname")
    exempt_networks: tuple[str, ...] = setting(
        ("127.0.0.0/8", "::1"), "clients whose mail is not judged, besides smtp.trusted_networks"
    )
    deadline: int = setting(
        10,
        "time for all DNS questions about who sent a message, and again for its author's policy",
        "seconds",
    )
    dmarc_reject: str = setting(
        "reject",
        "what becomes of mail that fails DMARC where its domain says reject: reject, defer, "
        "quarantine (into Junk, marked as a possible fraud, and not forwarded), junk, or add (only "
        "said in the header)",
    )
    dmarc_quarantine: str = setting("junk", "the same, where its domain says quarantine")
    dmarc_temperror: str = setting(
        "add", "the same, where a failing DNS leaves DMARC without a result"
    )
    malformed_from: str = setting(
        "reject", "the same, where From is not exactly one field with one plain address"
    )
    spf_fail: str = setting("add", "the same, of mail from a server that its sender's SPF forbids")
    arc_sealers: tuple[str, ...] = setting(
        (),
        "domains whose ARC seals are believed: DMARC passes that were seen before they forwarded",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration."""

    __pydantic_config__ = STRICT

    hostname: str = setting("", "this server's name in greetings; empty: the machine's own")
    data: str = setting("var", "folder of everything the server keeps; relative to this file")
    user: str = setting("", "account to become after binding, when started as root")
    default_domain: str = setting("", "domain added to a login name without one")
    listener: tuple[ListenerSettings, ...] = setting((), "see [[listener]]")
    hook: tuple[HookSettings, ...] = setting((), "see [[hook]]")
    dnsbl: tuple[DnsblSettings, ...] = setting((), "see [[dnsbl]]")
    milter: tuple[MilterSettings, ...] = setting((), "see [[milter]]")
    site: tuple[SiteSettings, ...] = setting((), "see [[site]]")
    smtp: SMTPSettings = setting(SMTPSettings, "")
    imap: IMAPSettings = setting(IMAPSettings, "")
    pop3: POP3Settings = setting(POP3Settings, "")
    http: HTTPSettings = setting(HTTPSettings, "")
    sieve: SieveSettings = setting(SieveSettings, "")
    managesieve: ManageSieveSettings = setting(ManageSieveSettings, "")
    tokens: TokenSettings = setting(TokenSettings, "")
    limits: LimitSettings = setting(LimitSettings, "")
    accounts: AccountSettings = setting(AccountSettings, "")
    profile: ProfileSettings = setting(ProfileSettings, "")
    policy: PolicySettings = setting(PolicySettings, "")
    levels: LevelSettings = setting(LevelSettings, "")
    filters: FilterSettings = setting(FilterSettings, "")
    hello: HelloSettings = setting(HelloSettings, "")
    reverse: ReverseSettings = setting(ReverseSettings, "")
    origin: OriginSettings = setting(OriginSettings, "")
    greylist: GreylistSettings = setting(GreylistSettings, "")
    rate: RateSettings = setting(RateSettings, "")
    tarpit: TarpitSettings = setting(TarpitSettings, "")
    rspamd: RspamdSettings = setting(RspamdSettings, "")
    spamassassin: SpamAssassinSettings = setting(SpamAssassinSettings, "")
    clamav: ClamAVSettings = setting(ClamAVSettings, "")
    queue: QueueSettings = setting(QueueSettings, "")
    programs: ProgramSettings = setting(ProgramSettings, "")
    sender: SenderSettings = setting(SenderSettings, "")
    resolver: ResolverSettings = setting(ResolverSettings, "")
    redis: RedisSettings = setting(RedisSettings, "")
    ldap: LDAPSettings = setting(LDAPSettings, "")
    elsewhere: ElsewhereSettings = setting(ElsewhereSettings, "")
    web: WebSettings = setting(WebSettings, "")
    sites: SitesSettings = setting(SitesSettings, "")
    updates: UpdateSettings = setting(UpdateSettings, "")
    webhooks: WebhookSettings = setting(WebhookSettings, "")
    journal: JournalSettings = setting(JournalSettings, "")
    store: StoreSettings = setting(StoreSettings, "")
    node: NodeSettings = setting(NodeSettings, "")
    s3: S3Settings = setting(S3Settings, "")
    encryption: EncryptionSettings = setting(EncryptionSettings, "")
    search: SearchSettings = setting(SearchSettings, "")
    archive: ArchiveSettings = setting(ArchiveSettings, "")
    backup: BackupSettings = setting(BackupSettings, "")
    checks: CheckSettings = setting(CheckSettings, "")
    dkim: DkimSettings = setting(DkimSettings, "")
    reports: ReportSettings = setting(ReportSettings, "")
    tls: TLSSettings = setting(TLSSettings, "")
    system: SystemSettings = setting(SystemSettings, "")
    acme: ACMESettings = setting(ACMESettings, "")
    dns: DNSSettings = setting(DNSSettings, "")
    log: LogSettings = setting(LogSettings, "")
