"""A milter on libmilter (Debian's python3-milter), run by the system's own Python: it does what the
envelope and the subject ask for. Arguments: its socket, and the file that it writes its log to."""

import os
import sys

import Milter

SOCKET, LOG = sys.argv[1:]


def note(*words):
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(" ".join(map(str, words)) + "\n")


class Odd(Milter.Base):
    def connect(self, hostname, family, address):
        note("connect", hostname, address[0], self.getsymval("j"))
        return Milter.CONTINUE

    def hello(self, name):
        note("hello", name)
        return Milter.REJECT if name == "bad.example" else Milter.CONTINUE

    def envfrom(self, sender, *parameters):
        self.subject = ""
        self.size = 0
        note("mail", sender, self.getsymval("{auth_authen}") or "-")
        if sender.startswith("<drop"):
            return Milter.DISCARD
        if sender.startswith("<accept"):
            return Milter.ACCEPT
        return Milter.CONTINUE

    def envrcpt(self, recipient, *parameters):
        note("rcpt", recipient)
        if recipient.startswith("<refused"):
            self.setreply("553", "5.1.3", "Not this one")
            return Milter.REJECT
        return Milter.TEMPFAIL if recipient.startswith("<later") else Milter.CONTINUE

    def header(self, name, value):
        note("header", name)
        if name == "Subject":
            self.subject = value
        return Milter.CONTINUE

    def body(self, chunk):
        self.size += len(chunk)
        return Milter.CONTINUE

    def eom(self):
        note("eom", self.size, self.getsymval("i"))
        if self.subject == "crash":
            os._exit(1)
        if self.subject == "refuse":
            self.setreply("554", "5.7.1", "Two", "lines")
            return Milter.REJECT
        if self.subject == "hold":
            self.quarantine("odd")
        self.addheader("X-Odd", f"{self.size}\n\toctets")
        self.addheader("X-First", "1", 0)
        self.chgheader("Subject", 1, f"[odd] {self.subject}")
        self.chgheader("X-Gone", 2, "")
        return Milter.CONTINUE

    def abort(self):
        note("abort")
        return Milter.CONTINUE

    def close(self):
        note("close")
        return Milter.CONTINUE


Milter.factory = Odd
Milter.set_flags(Milter.ADDHDRS | Milter.CHGHDRS | Milter.QUARANTINE)
Milter.runmilter("odd", f"unix:{SOCKET}", 60)
