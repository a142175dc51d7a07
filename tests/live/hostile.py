"""What strangers write to make a reader's browser run it: texts for names, subjects and anything
else that is shown, and HTML for bodies of messages.

Each calls `ran` with a number of its own, which a watched window reports (`chromium.WATCH`), or
asks for something of `CANARY`, which no page may.
"""

from __future__ import annotations

CANARY = "http://canary.test"
_TEXTS = (
    "<script>RAN</script>",
    "</title><script>RAN</script>",
    "</textarea><script>RAN</script>",
    "</option></select><script>RAN</script>",
    "</style><script>RAN</script>",
    "</script><script>RAN</script>",
    "--><script>RAN</script>",
    "<img src=x onerror=RAN>",
    '"><img src=x onerror=RAN>',
    "'><img src=x onerror=RAN>",
    "`><img src=x onerror=RAN>",
    '" onmouseover=RAN autofocus onfocus=RAN x="',
    "' onmouseover=RAN autofocus onfocus=RAN x='",
    "x autofocus onfocus=RAN",
    "<svg onload=RAN>",
    "<svg/onload=RAN//",
    "<details open ontoggle=RAN>",
    "<input autofocus onfocus=RAN>",
    "<iframe srcdoc='<script>parent.RAN</script>'>",
    "javascript:RAN",
    "data:text/html,<script>RAN</script>",
    "{{ 7 * 7 }}{% RAN %}",
    "${RAN}",
    "#{RAN}",
    "&lt;script&gt;RAN&lt;/script&gt;",
    "&#60;script&#62;RAN&#60;/script&#62;",
    "\\x3cscript\\x3eRAN\\x3c/script\\x3e",
    "%3Cscript%3ERAN%3C/script%3E",
    "\u202e<script>RAN</script>",
    "\uff1cscript\uff1eRAN\uff1c/script\uff1e",
    "<b hx-get=/panel/ hx-trigger=load hx-on::load=RAN>",
    "<a href=javascript:RAN>here</a>",
    "<base href=//canary.test/>",
    "<meta http-equiv=refresh content='0;url=javascript:RAN'>",
    "<form action=javascript:RAN><button autofocus>",
    "<xmp><p title='</xmp><img src=x onerror=RAN>'>",
)
_BODIES = (
    "<script>RAN</script>",
    "<script src=CANARY/script></script>",
    "<ScRiPt>RAN</sCrIpT>",
    "<script\x0c>RAN</script\x0c>",
    "<img src=x onerror=RAN>",
    "<img src=x:x onerror='RAN'>",
    "<img/src='x'/onerror=RAN>",
    "<img src=x\tonerror\n=\rRAN>",
    "<image src=x onerror=RAN>",
    "<svg onload=RAN></svg>",
    "<svg><script>RAN</script></svg>",
    "<svg><script href='data:text/javascript,RAN'/></svg>",
    "<svg><animate onbegin=RAN attributeName=x dur=1s></svg>",
    "<svg><a><animate attributeName=href values=javascript:RAN /><text y=20>x</text></a></svg>",
    "<svg><set onbegin=RAN attributeName=x to=1></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=RAN />#x'/></svg>",
    "<svg><foreignObject><body onload=RAN></foreignObject></svg>",
    "<svg><image href=CANARY/svg></svg>",
    "<math href=javascript:RAN>x</math>",
    "<math><maction actiontype=statusline xlink:href=javascript:RAN>x</maction></math>",
    "<iframe src=javascript:RAN></iframe>",
    "<iframe srcdoc='&lt;script&gt;parent.RAN&lt;/script&gt;'></iframe>",
    "<iframe src='data:text/html,<script>parent.RAN</script>'></iframe>",
    "<iframe src=CANARY/frame></iframe>",
    "<object data='data:text/html,<script>parent.RAN</script>'></object>",
    "<embed src='data:image/svg+xml,<svg xmlns=http://www.w3.org/2000/svg onload=parent.RAN />'>",
    "<applet code=CANARY/applet></applet>",
    "<a href=javascript:RAN>one</a>",
    "<a href=' &#1; java&#x09;script&colon;RAN'>two</a>",
    "<a href='JaVaScRiPt:RAN'>three</a>",
    "<a href='vbscript:RAN'>four</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD5wYXJlbnQucmFuKDEpPC9zY3JpcHQ+'>five</a>",
    "<a href=x onclick=RAN onfocus=RAN autofocus tabindex=1>six</a>",
    "<form action=javascript:RAN><input type=submit autofocus onfocus=RAN></form>",
    "<form id=f action=CANARY/form><input name=x></form><button form=f formaction=javascript:RAN>x",
    "<input autofocus onfocus=RAN>",
    "<select autofocus onfocus=RAN></select>",
    "<textarea autofocus onfocus=RAN></textarea>",
    "<details open ontoggle=RAN><summary>x</summary></details>",
    "<video autoplay onerror=RAN><source src=x onerror=RAN></video>",
    "<video poster=CANARY/poster src=CANARY/video></video>",
    "<audio src=x onerror=RAN autoplay></audio>",
    "<marquee onstart=RAN>x</marquee>",
    "<body onload=RAN onpageshow=RAN onhashchange=RAN>",
    "<meta http-equiv=refresh content='0;url=javascript:RAN'>",
    "<meta http-equiv=refresh content='0;url=CANARY/refresh'>",
    "<base href=CANARY/base/><img src=relative>",
    "<link rel=stylesheet href=CANARY/sheet><link rel=prefetch href=CANARY/prefetch>",
    "<link rel=dns-prefetch href=CANARY/name><link rel=preconnect href=CANARY/connect>",
    "<style>@import 'CANARY/import'; * { background: url(CANARY/background) }</style>",
    "<style>@font-face { font-family: x; src: url(CANARY/font) } * { font-family: x }</style>",
    "<style>@keyframes x {} * { animation: x }</style><b onanimationstart=RAN>x</b>",
    "<p style=\"background-image: url('CANARY/style')\">x</p>",
    "<p style='background: url(&quot;javascript:RAN&quot;); behavior: url(CANARY/behavior)'>x</p>",
    "<p style='position: fixed; inset: 0; z-index: 99999' onclick=RAN>x</p>",
    "<table background=CANARY/table><tr><td background=CANARY/cell>x</td></tr></table>",
    "<img srcset='CANARY/srcset 1x' src=CANARY/image lowsrc=CANARY/lowsrc>",
    "<picture><source srcset=CANARY/picture><img src=data:,></picture>",
    "<input type=image src=CANARY/input formaction=javascript:RAN>",
    "<button popovertarget=x onbeforetoggle=RAN>x</button><p popover id=x onbeforetoggle=RAN>x</p>",
    "<p oncontentvisibilityautostatechange=RAN style='content-visibility: auto'>x</p>",
    "<b hx-get=/panel/ hx-trigger=load hx-on::load=RAN data-confirm=x>x</b>",
    "<div id=content><form method=post action=/panel/sign-out></form></div>",
)
_ALONE = (
    "<!--><img src=x onerror=RAN>-->",
    "<!-- --!><img src=x onerror=RAN> -->",
    "<![CDATA[><img src=x onerror=RAN>]]>",
    "<?x ><img src=x onerror=RAN>?>",
    "<noscript><p title='</noscript><img src=x onerror=RAN>'>",
    "<noembed><p title='</noembed><img src=x onerror=RAN>'>",
    "<xmp><p title='</xmp><img src=x onerror=RAN>'>",
    "<title><p title='</title><img src=x onerror=RAN>'>",
    "<template><p title='</template><img src=x onerror=RAN>'>",
    "<template shadowrootmode=open><script>RAN</script></template>",
    "<svg></p><style><a id='</style><img src=1 onerror=RAN>'>",
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title='--&gt;&lt;img src=1 onerror=RAN&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=RAN>",
    "<math><annotation-xml encoding='text/html'><style><img src=x onerror=RAN></style>",
    "<svg><desc><style><img src=x onerror=RAN></style></desc></svg>",
    "<select><style></select><img src=x onerror=RAN></style>",
    "<table><td><svg><title><style><img src='</style><img src=x onerror=RAN>'>",
    "<plaintext><script>RAN</script>",
    "<a title='</a><img src=x onerror=RAN>' href='//x' <img src=x onerror=RAN>",
    "<<script>RAN//<</script>",
    '<img src="x` `<script>RAN</script>"` `>',
    "<div\x00><scr\x00ipt>RAN</scr\x00ipt>",
)
BUNDLE = 9


def _numbered(vectors: tuple[str, ...], first: int) -> tuple[str, ...]:
    return tuple(
        one.replace("RAN", f"ran({first + place})").replace("CANARY", CANARY)
        for place, one in enumerate(vectors)
    )


TEXTS = _numbered(_TEXTS, 100)
BODIES = _numbered(_BODIES, 200)
ALONE = _numbered(_ALONE, 300)


def pages() -> list[str]:
    """Bodies of messages, together all of HTML: what closes behind itself shares one."""
    starts = range(0, len(BODIES), BUNDLE)
    shared = ["\r\n<hr>\r\n".join(BODIES[start : start + BUNDLE]) for start in starts]
    return [f"<p>Hello.</p>\r\n{one}\r\n<p>Bye.</p>" for one in (*shared, *ALONE)]


def lines(longest: int) -> list[str]:
    """All texts in as few lines of at most so many characters as can be."""
    made = [""]
    for one in TEXTS:
        if len(made[-1]) + len(one) + 1 > longest:
            made.append("")
        made[-1] = f"{made[-1]} {one}".strip()
    return made
