"""The SMTP client: `Sender` is a `ports.Outbound`.

`grammar` and `machine` are the wire; `talk` opens a session, `transaction` hands a message over,
`delivery` goes from server to server; `connection` and `dialer` alone know Twisted.
"""

from mailhub.smtp.sender.client import Sender

__all__ = ["Sender"]
