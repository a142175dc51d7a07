"""Settings of the queue and of what it sends with: SMTP client, programs, resolver, Redis."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """`[queue]`: sending mail on to other servers."""

    __pydantic_config__ = STRICT

    concurrency: int = setting(100, "transactions with other servers at a time, in all")
    concurrency_per_destination: int = setting(
        20, "transactions at a time with one recipient domain"
    )
    batch: int = setting(50, "queued recipients that are taken to be tried at once")
    recipients: int = setting(100, "most recipients of one transaction")
    lease: int = setting(
        60, "time after which mail of a process that died is tried by another", "seconds"
    )
    retry: tuple[int, ...] = setting(
        (300, 600, 1200, 2400, 3600, 7200, 14400),
        "waits after the first, second … failed attempt; the last one repeats",
        "seconds",
    )
    jitter: int = setting(10, "how much a wait differs at random", "percent")
    lifetime: int = setting(5 * 86400, "age at which mail is given up", "seconds")
    bounce_lifetime: int = setting(86400, "the same, of notifications", "seconds")
    delay_warning: int = setting(
        4 * 3600, "age at which the sender is told of a delay, once; 0: never", "seconds"
    )
    backoff: int = setting(
        60, "wait for a destination that cannot be reached; doubles each time", "seconds"
    )
    backoff_most: int = setting(1800, "longest such wait", "seconds")
    grace: int = setting(5, "time that transactions under way have at a stop", "seconds")
    suppress: tuple[str, ...] = setting(
        ("5.1.1", "5.1.10"),
        "status codes of refused recipients that nothing is sent to any more; empty: none",
    )
    suppress_time: int = setting(30 * 86400, "time until they are tried again", "seconds")
    notice_template: str = setting(
        "", "file with the words of delivery status notifications; empty: the ones that come along"
    )
    notice_size: int = setting(
        1 << 20, "most of the original message that goes back with a notification", "bytes"
    )
    mx_hosts: int = setting(10, "most MX hosts of a domain that are tried")
    addresses: int = setting(6, "most addresses of one host that are tried")
    private_addresses: bool = setting(
        False, "send to private and loopback addresses where the DNS names them"
    )
    srs_domain: str = setting(
        "", "domain of rewritten senders of forwarded mail; empty: default_domain, else hostname"
    )
    future_release: int = setting(
        30 * 86400, "longest time that submitted mail may be held back; 0: not offered", "seconds"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSettings:
    """`[programs]`: commands that an alias hands mail to."""

    __pydantic_config__ = STRICT

    enabled: bool = setting(False, "run them; while it is false their mail waits in the queue")
    folder: str = setting("", "where they are; an alias names a file in it, and its arguments")
    concurrency: int = setting(4, "programs that run at the same time")
    timeout: int = setting(60, "longest time that one may take", "seconds")
    cpu: int = setting(30, "processor time that one may use", "seconds")
    memory: int = setting(512 << 20, "address space that one may use", "bytes")
    files: int = setting(1 << 30, "largest file that one may write", "bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderSettings:
    """`[sender]`: the SMTP client that hands mail to other servers."""

    __pydantic_config__ = STRICT

    hello: str = setting("", "name given with EHLO; empty: this server's hostname")
    connect_timeout: int = setting(30, "wait for a connection to one address", "seconds")
    greeting_timeout: int = setting(300, "wait for the greeting (RFC 5321 4.5.3.2)", "seconds")
    hello_timeout: int = setting(300, "wait for EHLO, STARTTLS, AUTH or RSET", "seconds")
    tls_timeout: int = setting(60, "longest TLS handshake", "seconds")
    mail_timeout: int = setting(300, "wait for the answer to MAIL", "seconds")
    rcpt_timeout: int = setting(300, "wait for the answer to each RCPT", "seconds")
    data_timeout: int = setting(120, "wait for the answer to DATA", "seconds")
    block_timeout: int = setting(180, "wait until the other side took a piece", "seconds")
    dot_timeout: int = setting(600, "wait for the answer to the whole message", "seconds")
    session_timeout: int = setting(
        7200, "longest time one attempt may take, over all servers that are tried", "seconds"
    )
    connections: int = setting(500, "connections to other servers at a time, in all")
    attempts_per_address: int = setting(10, "connections to one address begun at a time")
    away: int = setting(
        50,
        "time for which an address that did not answer is passed over; below queue.backoff, so "
        "that a destination's next try is one",
        "seconds",
    )
    idle: int = setting(5, "time for which a connection is kept for another message", "seconds")
    messages: int = setting(100, "most messages over one connection")
    age: int = setting(300, "age from which a connection takes no further message", "seconds")
    trusted: str = setting(
        "", "PEM file of authorities that servers are verified by; empty: the system's"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisSettings:
    """`[redis]`: what several servers share: the queue's schedule and counters; never mail."""

    __pydantic_config__ = STRICT

    url: str = setting(
        "",
        "redis://user:password@host:6379/0, rediss:// for TLS, or unix:///run/redis.sock?db=0; "
        "empty: this server works alone, without Redis",
    )
    sentinels: tuple[str, ...] = setting(
        (),
        "Sentinels as host:port, asked for the server's address; the host in url is then the name "
        "of the master that they watch",
    )
    sentinel_user: str = setting("", "the user that Sentinels know, where they have users")
    sentinel_password: str = setting("", "what Sentinels want to hear, when they do")
    cluster: tuple[str, ...] = setting(
        (),
        "nodes of a Redis Cluster as host:port, a few of them, one of which is asked where the "
        "others are; the host in url is one more; empty: no Cluster",
    )
    authority: str = setting(
        "", "PEM file of who may sign the certificates of rediss://; empty: the system's"
    )
    server_name: str = setting(
        "",
        "the name that the certificates of all these servers have; empty: each has the name or "
        "address that is connected to, as Sentinels and Cluster nodes tell it",
    )
    certificate: str = setting(
        "", "PEM file of the certificate that this server shows on rediss://; empty: none"
    )
    key: str = setting("", "PEM file of its private key; empty: it is in the same file")
    prefix: str = setting("mailhub", "the word all keys begin with; servers that share mail agree")
    timeout: int = setting(2, "longest wait for one answer", "seconds")
    quiet: int = setting(
        120,
        "longest lease, and how long mail that was queued is not tried after Redis lost its "
        "memory, so that no other server still sends it; at least queue.lease, the same on all "
        "servers",
        "seconds",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverSettings:
    """`[resolver]`: asking the DNS."""

    __pydantic_config__ = STRICT

    servers: tuple[str, ...] = setting(
        (),
        "recursive resolvers as address or address:port ([address]:port for IPv6), asked in this "
        "order; empty: those of /etc/resolv.conf",
    )
    trust_ad: str = setting(
        "loopback",
        "whose word is believed that an answer was validated with DNSSEC (AD): loopback (only of "
        "resolvers on this machine), always or never; without it there is no DANE",
    )
    timeout: int = setting(4, "wait for one answer before the next try", "seconds")
    tries: int = setting(2, "tries of each server")
    deadline: int = setting(12, "time after which a question is given up", "seconds")
    cache: int = setting(20000, "answers kept")
    sockets: int = setting(256, "questions under way at a time; the others wait")
