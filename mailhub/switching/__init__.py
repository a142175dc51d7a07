"""Moving to mailhub from another server: what is there is read through that server's own API and
over IMAP, what is to be done is told first, and done through the control socket.

`origin` has the values, `source` the file that says where from; `wildduck`, `mailinabox`, `tmail`
and `easymail` read one product each over `site`. `plan` compares; `objects` makes. Mail: `folders`
and `following` decide, `remote` speaks IMAP, `ledger` remembers, `copying` does. All of it runs in
the process of the `mailhub` command, never in the server's.
"""
