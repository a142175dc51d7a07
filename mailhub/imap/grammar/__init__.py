"""Bytes of one complete IMAP command ↔ its value: pure, no state, no I/O, no rule of mailboxes.

`values` holds what every command means; the other modules are named after the RFC's rules and
parse them with a `cursor`. Framing (where a command ends) belongs to `imap.machine`.
"""
