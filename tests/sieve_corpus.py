"""Messages and scripts that two implementations of Sieve are asked about.

`TESTS`: (extensions, test) pairs, each asked of every message; `SCRIPTS`: whole scripts, each
played on every message. What differs on purpose, the test that compares says.
"""

from __future__ import annotations

from tests.sieving import letter

_PARTS = b"""Return-Path: <ann@example.org>
Received: from a.example (a.example [192.0.2.1]) by b.example with ESMTP id 1;
 Sat, 22 Nov 2025 01:02:03 +0200
Received: from c.example by a.example; Fri, 21 Nov 2025 22:00:00 +0000
From: "Ann, the \\"first\\"" <Ann+Lists@Example.ORG>
To: bob+detail@example.com, "C D" <cd@sub.example.net>
Cc: undisclosed: one@group.example, two@group.example;
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8?b?IGF1cw==?= dem
 Norden
Date: Fri, 21 Nov 2025 23:27:00 +0130
Message-ID: <parts@example.org>
X-Priority: 1 (Highest)
X-Spam-Score: 7.5
X-Empty:
List-Id: Development <dev.lists.example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

before the parts
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Caf=E9 au lait=
 continued
--inner
Content-Type: text/html; charset=utf-8

<html><body><p>Hello <b>wor</b>ld</p></body></html>
--inner--
--outer
Content-Type: application/octet-stream; name=secret.bin
Content-Transfer-Encoding: base64

aGlkZGVuIHRyZWFzdXJl
--outer
Content-Type: message/rfc822

From: inner@example.net
Subject: the inner subject

inner body
--outer--
behind the parts
""".replace(b"\n", b"\r\n")

_ODD = b"""From: mailer-daemon@[192.0.2.7]
To: "quoted local"@example.com, broken@, <@a.example,@b.example:route@example.com>
Subject:    spaces   inside\t and tab
subject: second subject
Date: 5 Mar 99 04:05 EST
X-Number: 0012abc
X-Number: 99999999999999999999
X-Number: none
X-Wild: a*b?c\\d
X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab

odd body
.leading dot
last line""".replace(b"\n", b"\r\n")

MESSAGES: dict[str, bytes] = {
    "plain": letter(
        "Hello world\nsecond line\n",
        from_="ann+list@example.org",
        to="bob+detail@example.com",
        subject="[Dev] A proposal from the sea",
        date="Fri, 21 Nov 2025 18:27:00 +0100",
        message_id="<plain@example.org>",
        x_number="15",
    ),
    "parts": _PARTS,
    "odd": _ODD,
    "short": b"From: x@y.example\r\n\r\n",
    "nothing": b"\r\nno header at all\r\n",
    "spam": letter(
        "Buy now! " * 400,
        from_="Seller <seller@shop.example>",
        to="list@example.com",
        cc="bob@example.com",
        subject="$$$ Buy *now* $$$",
        date="Mon, 01 Dec 2025 23:59:59 -0800",
        message_id="<spam@shop.example>",
        x_spam_flag="YES",
        x_number="200",
        precedence="bulk",
        auto_submitted="auto-generated",
    ),
}

_SUBJECTS = ["", "*", "?*", "*e*", "a*", "*a", "*proposal*sea", "[[]*", "*the*", "*T?E*", "$$$*$$$"]


def _tests() -> list[tuple[list[str], str]]:
    made: list[tuple[list[str], str]] = []

    def add(needs: str, *tests: str) -> None:
        made.extend((needs.split(), test) for test in tests)

    add(
        "",
        "true",
        "false",
        "not true",
        "anyof (false, true)",
        "allof (true, false)",
        "anyof (allof (true, true), false)",
        "not anyof (false, not true)",
        'exists "subject"',
        'exists ["subject", "from"]',
        'exists ["From", "X-None"]',
        'exists "X-Empty"',
        "size :over 1K",
        "size :under 1K",
        "size :over 0",
        "size :over 20",
        "size :under 1M",
        'header "subject" "x"',
        'header :is "x-empty" ""',
        'header :contains "x-empty" ""',
        'header :contains "x-none" ""',
        'header :matches "x-empty" "*"',
        'header :matches "x-none" "*"',
        'header :contains "subject" ["proposal", "buy"]',
        'header :contains ["subject", "from"] "ANN"',
        'header :comparator "i;octet" :contains "subject" "BUY"',
        'header :comparator "i;octet" :contains "subject" "Buy"',
        'header :comparator "i;ascii-casemap" :is "x-spam-flag" "yes"',
        'header :is "subject" "Grüße aus dem Norden"',
        'header :contains "subject" "GRüßE"',
        'header :is "subject" "spaces   inside\t and tab"',
        'header :is "subject" "second subject"',
        'header :is "x-priority" "1 (Highest)"',
        'header :matches "x-wild" "a\\\\*b\\\\?c*"',
        'header :matches "x-wild" "a*b?c\\\\\\\\d"',
        'header :matches "x-wild" "?\\\\*?\\\\??????"',
        'header :matches "x-long" "*a*a*a*a*a*a*a*a*a*a*a*b"',
        'header :matches "x-long" "*a*a*a*a*a*a*a*a*a*a*a*c"',
        'header :matches "x-long" "a*a?a*ab"',
        'header :contains "received" "192.0.2.1"',
        'header :contains "list-id" "<dev.lists.example.org>"',
        'address "from" "ann+list@example.org"',
        'address :all :is "from" "ann+lists@example.org"',
        'address :localpart "from" "ann+list"',
        'address :domain :is "from" ["example.org", "shop.example"]',
        'address :domain :contains ["to", "cc"] "example"',
        'address :domain :is "to" "sub.example.net"',
        'address :localpart :is "to" "quoted local"',
        'address :domain :matches "to" "*.example.net"',
        'address :is "cc" "one@group.example"',
        'address :is "cc" "bob@example.com"',
        'address :comparator "i;octet" :domain "from" "Example.ORG"',
        'address :all :contains "from" "first"',
        'address :localpart :is "to" "route"',
    )
    for pattern in _SUBJECTS:
        add("", f'header :matches "subject" "{pattern}"')
    add(
        "envelope",
        'envelope "from" "ann@example.org"',
        'envelope :domain "from" "example.org"',
        'envelope :localpart :contains "to" "bob"',
        'envelope :all :is "to" "BOB+detail@example.com"',
        'envelope :matches ["from", "to"] "*@example.com"',
        'envelope :is "from" ""',
        'envelope "auth" "bob"',
        'envelope :contains ["auth", "FROM"] "ann"',
        'envelope :matches ["To", "Auth"] "*+*@*"',
        'envelope :domain :comparator "i;octet" "to" "Example.com"',
    )
    add(
        "subaddress envelope",
        'address :user "from" "ann"',
        'address :detail "from" "list"',
        'address :detail :is "to" "detail"',
        'address :detail :contains "to" ""',
        'address :user :is "to" "cd"',
        'envelope :detail "to" "detail"',
        'envelope :user "to" "bob"',
        'envelope :detail "from" ""',
        'envelope :detail :matches "from" "*"',
    )
    add(
        "envelope relational comparator-i;ascii-numeric",
        'envelope :count "eq" :comparator "i;ascii-numeric" "from" "1"',
        'envelope :count "ge" :comparator "i;ascii-numeric" ["from", "to"] "2"',
        'envelope :value "lt" "to" "c"',
    )
    add(
        "relational comparator-i;ascii-numeric",
        'header :count "gt" :comparator "i;ascii-numeric" "received" "1"',
        'header :count "ge" :comparator "i;ascii-numeric" ["to", "cc", "subject"] "3"',
        'header :count "eq" :comparator "i;ascii-numeric" "x-none" "0"',
        'header :count "ne" :comparator "i;ascii-numeric" "subject" "1"',
        'address :count "gt" :comparator "i;ascii-numeric" ["to", "cc"] "1"',
        'address :count "eq" :comparator "i;ascii-numeric" ["to"] ["1", "2"]',
        'header :value "gt" :comparator "i;ascii-numeric" "x-number" "14"',
        'header :value "lt" :comparator "i;ascii-numeric" "x-number" "15"',
        'header :value "eq" :comparator "i;ascii-numeric" "x-number" "12"',
        'header :value "ge" :comparator "i;ascii-numeric" "x-number" "infinite"',
        'header :value "ne" :comparator "i;ascii-numeric" "x-number" "15"',
        'header :is :comparator "i;ascii-numeric" "x-number" "012"',
        'header :is :comparator "i;ascii-numeric" "x-number" "word"',
        'header :value "gt" "subject" "m"',
        'header :value "le" :comparator "i;octet" "subject" "Z"',
        'header :value "ge" "subject" "_"',
        'header :value "lt" :comparator "i;ascii-casemap" "from" "b"',
        'address :domain :value "gt" "from" "f"',
    )
    add(
        "index",
        'header :index 1 :contains "received" "b.example"',
        'header :index 2 :contains "received" "by a.example"',
        'header :index 1 :last :contains "received" "by a.example"',
        'header :index 3 :contains "received" ""',
        'header :last :index 1 :is "subject" "second subject"',
        'address :index 1 :is "to" "bob+detail@example.com"',
    )
    dates = {
        "year": "2025",
        "month": "11",
        "day": "21",
        "date": "2025-11-21",
        "julian": "61000",
        "hour": "23",
        "minute": "27",
        "second": "00",
        "time": "18:27:00",
        "iso8601": "2025-11-21T18:27:00+01:00",
        "std11": "Fri, 21 Nov 2025 18:27:00 +0100",
        "zone": "+0100",
        "weekday": "5",
    }
    for part, value in dates.items():
        add("date", f'date :originalzone "date" "{part}" "{value}"')
    for part in ("date", "hour", "julian", "weekday", "zone", "iso8601"):
        for zone in ("+0000", "-0500", "+0545"):
            for value in (dates[part], "2025-11-22", "22", "61001", "6", "+0545"):
                add("date", f'date :zone "{zone}" "date" "{part}" "{value}"')
    add(
        "date index relational",
        'date :value "ge" :originalzone "date" "year" "2000"',
        'date :value "lt" :zone "+0000" "date" "date" "2025-11-22"',
        'date :zone "+0000" "received" "hour" "23"',
        'date :index 2 :zone "+0000" "received" "hour" "22"',
        'date :index 1 :last :originalzone "received" "hour" "22"',
        'date :originalzone "subject" "year" "2025"',
        'date :matches :originalzone "date" "std11" "*"',
        'date :originalzone "date" "year" "1999"',
        'date :originalzone "date" "time" "04:05:00"',
        'currentdate :value "ge" "year" "2024"',
        'currentdate :matches "date" "????-??-??"',
        'currentdate :zone "+0530" :is "zone" "+0530"',
        'currentdate :matches "iso8601" "????-??-??T??:??:??*"',
    )
    add(
        "body",
        'body :raw :contains "Hello"',
        'body :raw :contains "Caf=E9"',
        'body :raw :contains "--inner"',
        'body :raw :contains ".leading"',
        'body :text :contains "hello world"',
        'body :contains "second line"',
        'body :text :contains "café au lait continued"',
        'body :text :contains "<b>"',
        'body :content "text" :contains "<b>wor</b>"',
        'body :content "text/plain" :contains "café"',
        'body :content "text/html" :contains "café"',
        'body :content "application/octet-stream" :contains "hidden treasure"',
        'body :content ["image", "application"] :contains "treasure"',
        'body :content "message/rfc822" :contains "the inner subject"',
        'body :content "" :contains "treasure"',
        'body :content "text/" :contains "hello"',
        'body :text :matches "*line*"',
        'body :text :contains "buy now! buy now!"',
        'body :raw :matches "odd*last line"',
        'body :text :contains "inner body"',
    )
    add(
        "imap4flags",
        'hasflag "\\\\Seen"',
        'hasflag :contains ["a", "b"]',
    )
    add(
        "mailbox",
        'mailboxexists "Work"',
        'mailboxexists ["INBOX", "Work"]',
        'mailboxexists "Missing"',
        'mailboxexists ["Work", "Missing"]',
    )
    add(
        "environment",
        'environment :is "name" "nobody knows"',
        'environment :matches "vnd.nothing" "*"',
    )
    add("ihave", 'ihave "fileinto"', 'ihave ["fileinto", "nonsense"]')
    add(
        "encoded-character",
        'header :contains "subject" "${hex:70 72}oposal"',
        'header :contains "subject" "${unicode:47}r${unicode:fc}"',
        'header :contains "subject" "Gr${hex:c3 bc}"',
        'header :contains "x-wild" "${hex:2a}"',
        'header :contains "subject" "${hex:}"',
        'header :contains "subject" "${HEX:24}${hex: 24 24 }"',
    )
    return made


TESTS = _tests()

SCRIPTS: dict[str, str] = {
    "nothing": "",
    "comments": "# one\n/* two\n * three */ keep; # four",
    "keep": "keep;",
    "discard": "discard;",
    "stop": "discard; stop; keep;",
    "chain": 'if header :contains "subject" "Buy" {discard;} elsif size :over 1K '
    '{keep;} else {redirect "x@y.example";}',
    "copy": 'require ["fileinto", "copy"]; fileinto :copy "Work"; redirect :copy "a@b.example";',
    "twice": 'require "fileinto"; fileinto "Work"; fileinto "Work"; keep; keep;',
    "redirects": 'redirect "a@b.example"; redirect "a@b.example"; redirect "c@d.example";',
    "too many redirects": "".join(f'redirect "a{n}@b.example";' for n in range(5)),
    "both cancelled": 'require ["fileinto", "copy"]; fileinto "Work"; '
    'redirect :copy "a@b.example";',
    "text": 'require "reject"; reject text:\r\nNo,\r\n..thanks\r\n.\r\n;',
    "reject": 'require "reject"; if exists "message-id" {reject "No thanks";}',
    "reject and keep": 'require "reject"; keep; reject "No thanks";',
    "reject twice": 'require "reject"; reject "one"; reject "two";',
    "reject and discard": 'require "reject"; discard; reject "one";',
    "flags": 'require ["imap4flags", "fileinto"]; setflag "\\\\Seen"; '
    'addflag ["\\\\Flagged Red", "red"]; removeflag "\\\\Seen"; fileinto "Work"; '
    'keep :flags "\\\\Deleted Blue";',
    "flags of implicit keep": 'require "imap4flags"; addflag "\\\\Seen"; addflag "Big";',
    "flags asked": 'require ["imap4flags", "relational", "comparator-i;ascii-numeric"]; '
    'setflag "\\\\Seen Red"; if hasflag "RED" {addflag "a1";} if hasflag :contains "ee" '
    '{addflag "a2";} if hasflag :matches "\\\\\\\\S*" {addflag "a3";} '
    'if hasflag :count "eq" :comparator "i;ascii-numeric" "5" {addflag "a4";} '
    'if not hasflag "blue" {addflag "a5";} if hasflag ["blue", "Red"] {addflag "a6";}',
    "flags in variables": 'require ["imap4flags", "variables", "fileinto"]; '
    'setflag "mine" ["one", "two"]; addflag "mine" "three ONE"; removeflag "mine" "two"; '
    'if hasflag "mine" "three" {fileinto :flags "${mine}" "Work";} keep;',
    "invalid flags": 'require "imap4flags"; setflag ["\\\\Nonsense", "ok", "(bad", "\\\\Recent"];',
    "variables": 'require ["variables", "fileinto"]; set "a" "Wo"; set "b" "${a}rk"; '
    'set "A" "x${a}"; fileinto "${b}"; fileinto "n${none}one${A}"; fileinto "$${b}"; '
    'fileinto "${b"; fileinto "${}${1a}b";',
    "modifiers": 'require ["variables", "fileinto"]; set :upper "a" "mIxed wordÄ"; '
    'fileinto "${a}"; set :lower :upperfirst "b" "mIXED"; fileinto "${b}"; '
    'set :lowerfirst "c" "ABC"; fileinto "${c}"; set :length "d" "${b}"; fileinto "${d}"; '
    'set :quotewildcard "e" "a*b?c\\\\d"; fileinto "${e}"; '
    'set :length :quotewildcard "f" "**"; fileinto "${f}"; set :length "g" ""; fileinto "g${g}";',
    "captures": 'require ["variables", "fileinto"]; '
    'if header :matches "subject" "*o*s*" {fileinto "1${1}"; fileinto "2${2}"; fileinto "3${3}"; '
    'fileinto "0${0}"; fileinto "4${4}.";} '
    'if address :matches "from" "?*@*.*" {fileinto "a${1}-${2}-${3}-${4}";} '
    'if header :matches "x-none" "*" {discard;} fileinto "k${1}.";',
    "captures of the first that fits": 'require ["variables", "fileinto"]; '
    'if header :matches ["x-none", "from", "subject"] ["nothing*", "*@*", "*"] '
    '{fileinto "v${1}|${2}.";}',
    "captures kept": 'require ["variables", "fileinto"]; set "x" "abcabc"; '
    'if string :matches "${x}" "*b*" {fileinto "1${1}.${2}";} '
    'if string :matches "${x}" "*z*" {discard;} fileinto "2${1}.${2}"; '
    'if string :matches "${x}" "??c*" {fileinto "3${1}${2}.${3}";} '
    'if string :is "${x}" "ABCABC" {fileinto "4${1}";}',
    "strings": 'require ["variables", "fileinto", "relational", "comparator-i;ascii-numeric"]; '
    'set "n" "12"; if string :value "gt" :comparator "i;ascii-numeric" "${n}" "9" {fileinto "A";} '
    'if string :count "eq" :comparator "i;ascii-numeric" ["a", "", "${none}"] "1" {fileinto "B";} '
    'if string "" "" {fileinto "C";} if string :contains ["x", "y"] ["z", "y"] {fileinto "D";}',
    "vacation": 'require "vacation"; vacation "I am away";',
    "vacation in full": 'require "vacation"; vacation :days 3 :subject "Away" '
    ':from "bob@example.com" :addresses ["b@example.com", "c@example.com"] :handle "h" '
    '"I am away";',
    "vacation in seconds": 'require "vacation-seconds"; vacation :seconds 3600 "Brb";',
    "vacation twice": 'require "vacation"; vacation "one"; vacation "two";',
    "vacation and discard": 'require "vacation"; discard; vacation "one";',
    "vacation and reject": 'require ["vacation", "reject"]; vacation "one"; reject "two";',
    "vacation of mime": 'require "vacation"; vacation :mime "Content-Type: text/plain\r\n\r\nX";',
    "edited": 'require ["editheader", "fileinto", "index", "relational", '
    '"comparator-i;ascii-numeric"]; addheader "X-New" "one"; addheader :last "X-New" "two"; '
    'if header :index 1 "x-new" "one" {fileinto "A";} '
    'if header :index 2 "x-new" "two" {fileinto "B";} deleteheader "subject"; '
    'if not exists "subject" {fileinto "C";} deleteheader :index 1 "x-new"; '
    'if header :index 1 "x-new" "two" {fileinto "D";} '
    'deleteheader :contains "x-number" ["5", "9"]; '
    'if header :count "eq" :comparator "i;ascii-numeric" "x-number" "2" {fileinto "E";} '
    'if exists "x-number" {fileinto "F";}',
    "edited by place": 'require ["editheader", "fileinto"]; addheader "X-N" "c"; '
    'addheader "X-N" "b"; addheader "X-N" "a"; deleteheader :index 1 :last "x-n"; '
    'if header "x-n" "c" {fileinto "A";} if header "x-n" "a" {fileinto "B";} '
    'deleteheader :index 1 :is "x-n" "b"; if header "x-n" ["b"] {fileinto "C";} '
    'deleteheader :matches "x-n" "?"; if exists "x-n" {fileinto "D";}',
    "edited unicode": 'require ["editheader", "fileinto"]; addheader "Subject" "Grüße"; '
    'if header :is "subject" "Grüße" {fileinto "A";}',
    "created": 'require ["fileinto", "mailbox"]; fileinto :create "New/Inner";',
    "duplicate": 'require ["duplicate", "fileinto"]; if duplicate {discard;} '
    'if duplicate :handle "h" :uniqueid "x" :seconds 60 {fileinto "Again";}',
    "duplicate by header": 'require ["duplicate", "fileinto"]; '
    'if duplicate :header "x-number" :last {discard;}',
    "included": 'require ["include", "fileinto", "variables"]; global "g"; set "g" "G"; '
    'include "inner"; fileinto "${g}";',
    "included twice": 'require ["include", "fileinto"]; include :once "filing"; '
    'include :once "filing"; include :personal "filing"; include :global "shared";',
    "included and stopped": 'require ["include", "fileinto"]; include "stopping"; '
    'fileinto "Never";',
    "included and returned": 'require ["include", "fileinto"]; include "returning"; '
    'fileinto "Behind"; return; fileinto "Never";',
    "optional": 'require ["include", "fileinto"]; include :optional "missing"; fileinto "Work";',
    "error": 'require "ihave"; error "This is wrong";',
    "if it has": 'require ["ihave", "fileinto"]; if ihave "nonsense" {nonsense "x";} '
    'else {fileinto "Without";} if ihave "copy" {fileinto :copy "With";}',
    "bad address later": 'require "variables"; set "a" "no address"; redirect "${a}";',
    "bad command": "nonsense;",
    "bad extension": 'require "nonsense";',
    "missing require": 'fileinto "Work";',
    "missing semicolon": "keep",
    "missing brace": "if true { keep;",
    "late require": 'keep; require "fileinto";',
    "else alone": "else {keep;}",
    "two matches": 'if header :is :contains "a" "b" {keep;}',
    "bad comparator": 'if header :comparator "i;nonsense" "a" "b" {keep;}',
    "bad type": "redirect 5;",
    "bad number": "if size :over 5X {keep;}",
    "large number": "if size :over 5000000000 {keep;}",
    "bad field": 'if header "a b" "c" {keep;}',
    "address of a subject": 'if address "subject" "a@b.example" {discard;}',
    "bad redirect": 'redirect "nobody";',
    "bad relation": 'require "relational"; if header :value "xx" "a" "b" {keep;}',
    "bad date part": 'require "date"; if date "date" "century" "20" {keep;}',
    "bad zone": 'require "date"; if date :zone "x" "date" "year" "20" {keep;}',
    "bad envelope part": 'require "envelope"; if envelope "nose" "b" {keep;}',
    "test as command": "true;",
    "command as test": "if keep {stop;}",
    "no test": "if {keep;}",
    "two tests": "if not true, false {keep;}",
    "unknown tag": "keep :nonsense;",
    "too many arguments": 'redirect "a@b.example" "c@d.example";',
    "too few arguments": "redirect;",
    "open string": 'redirect "a@b.example;',
    "open comment": "/* keep;",
    "list for a string": 'redirect ["a@b.example"];',
    "set a number": 'require "variables"; set "1" "x";',
    "foreign namespace": 'require ["variables", "fileinto"]; fileinto "${foo.bar}";',
    "index of zero": 'require "index"; if header :index 0 "a" "b" {keep;}',
    "last alone": 'require "index"; if header :last "a" "b" {keep;}',
    "bad count": 'require "relational"; if header :count "a" "b" {keep;}',
    "deleted received": 'require "editheader"; deleteheader "received";',
    "bad field added": 'require "editheader"; addheader "a b" "c";',
}

INCLUDED: dict[str, str] = {
    "inner": 'require ["include", "fileinto", "variables"]; global "g"; fileinto "in${g}"; '
    'set "g" "changed"; set "local" "x";',
    "filing": 'require "fileinto"; fileinto "Filed";',
    "stopping": "stop;",
    "returning": 'require ["include", "fileinto"]; fileinto "Before"; return; fileinto "Never";',
}
SHARED: dict[str, str] = {"shared": 'require "fileinto"; fileinto "Shared";'}
