"""OpenDKIM (in C) and Mail::DKIM (in Perl), asked whether they verify a message.

`zone`: a file with a line for each key's record: its name, then its text.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.programs import program

PERL = """
use Mail::DKIM::Verifier; use Mail::DKIM::ARC::Verifier; use Net::DNS::RR; use Mail::DKIM::DNS;
my ($kind, $zone) = @ARGV; my %records; open(my $in, '<', $zone) or die $!;
while (<$in>) { chomp; my ($name, $text) = split / /, $_, 2; $records{$name} = $text; }
no warnings 'redefine';
*Mail::DKIM::DNS::query = sub {
    my ($name) = @_; my $text = $records{$name}; $@ = $text ? 'NOERROR' : 'NXDOMAIN';
    return $text ? Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => $text) : ();
};
my $judge = $kind eq 'arc' ? Mail::DKIM::ARC::Verifier->new() : Mail::DKIM::Verifier->new();
binmode STDIN; local $/; $judge->PRINT(<STDIN>); $judge->CLOSE;
print $kind eq 'arc' ? $judge->result_detail : join("\\n", map {
    $_->algorithm . ' ' . $_->result_detail } $judge->signatures), "\\n";
"""


def opendkim(message: bytes, zone: Path) -> str:
    """What `opendkim -t` prints; it verifies one message and takes its keys from a file."""
    letter, settings = zone.with_name("letter"), zone.with_name("conf")
    letter.write_bytes(message)
    settings.write_text(
        f"Mode v\nSocket local:{zone}.sock\nSyslog no\nTestPublicKeys {zone}\n"
        f"TemporaryDirectory {zone.parent}\nAlwaysAddARHeader yes\n"
    )
    words = [program("opendkim"), "-x", str(settings), "-t", str(letter), "-vvv"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def perl(kind: str, message: bytes, zone: Path) -> Sequence[str]:
    """What Mail::DKIM says of each signature, or of the whole chain."""
    words = [program("perl"), "-e", PERL, kind, str(zone)]
    done = subprocess.run(words, input=message, capture_output=True, timeout=60, check=True)
    return done.stdout.decode().splitlines()
