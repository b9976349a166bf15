"""Secrets that are known by where they stand: a table to read, like that of the formats.

A row says what it is, what any match holds in lower case, and the pattern over decoded text. What
goes is the group `secret`; the group `name`, if there is one, must be a secret's. `Sure`: nothing
but a value can stand there. `seen` is the row's part of the quick filter: a rare letter, and what
must follow it in the lower-case bytes of raw JSON, at least as wide as the pattern.
"""

# ruff: noqa: E501  a pattern is read in one piece
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

_Q = r"\\{0,31}[\"'`]"  # a quote, as JSON in JSON may escape it
_S = r"\\{0,31}/"  # a slash, likewise
_B = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))"
_PRIVATE = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PAIR = r"[\w.$-]{1,64}="
_LINE = r"(?:\r?\n|(?:\\{1,31}r)?\\{1,31}n)"  # a line's end, or the escape of one
_WORD = r"[^\s\"'`\\|;&<>]"
_VALUE = rf"(?:{_Q})?(?P<secret>(?<=[\"'`])[^\"'`\n\\]{{4,256}}|{_WORD}{{4,256}})"
_GAP = r"[^\n|;&]{0,200}?"  # of a command, up to an option
_RAW_BREAK = r"[a-z0-9_.-]{0,40}[\\\"']{0,64}:[ \t>|+-]{0,8}(?:\\|[\r\n])"
_RAW_GAP = r"[^\0]{0,600}?"
_RAW_SPACE = r"(?:[ \t\r\n]|\\{1,63}[nrt])"

How = Literal["format", "address", "cookie", "sure", "guess"]


class Place(NamedTuple):
    """A row, see above. `format`: every match goes; `address`: unless a placeholder."""

    rule: str
    held: str
    how: How
    seen: tuple[tuple[str, str], ...]
    pattern: str


_PLACES = (
    Place(
        "pem", "private key", "format", (("k", r"ey(?: block)?-----"),),
        rf"(?s:-----BEGIN {_PRIVATE}(?:.*?-----END {_PRIVATE}|.*))",
    ),
    Place(
        "putty", "private-lines", "format", (("v", r"ate-lines"),),
        rf"Private-Lines: ?\d{{1,4}}{_LINE}"
        rf"(?P<secret>[A-Za-z0-9+/=]{{8,}}(?:{_LINE}[A-Za-z0-9+/=]{{4,}})*)",
    ),
    Place(
        "pem", "ls0tls1crudj", "format", (("j", r"ti[a-z0-9+/=]{16}"),),
        rf"LS0tLS1CRUdJTi[A-Za-z0-9+/=]{{40,}}(?:{_LINE}[ \t]*[A-Za-z0-9+/=]{{20,}})*",
    ),
    Place(
        "slack", "hooks.slack.com", "format", (("k", r"(?<=hooks\.slack)\.com"),),
        rf"hooks\.slack\.com{_S}[a-z]{{4,16}}{_S}(?P<secret>(?:[\w-]|{_S}){{16,}})",
    ),
    Place(
        "discord", "webhooks", "format", (("w", r"ebhooks\\*/"),),
        rf"discord(?:app)?\.com{_S}api{_S}webhooks{_S}\d+{_S}(?P<secret>[\w-]{{20,}})",
    ),
    Place(
        "teams", "webhook", "format", (("w", r"ebhook\.office"),),
        rf"webhook\.office\.com{_S}(?P<secret>webhookb2{_S}[\w@/\\-]{{40,}})",
    ),
    Place(
        "twilio", "twilio", "format", (("w", r"ilio(?<=twilio)"),),
        r"(?i:twilio)[^\n]{0,40}?(?P<secret>SK[0-9a-f]{32})",
    ),
    Place(
        "jwt", ".eyj", "format", (("j", r"(?<=\.eyj)[\w-]{8}"),),
        _B + r"eyJ[\w-]{8,4096}+\.eyJ[\w-]{8,}(?:\.[\w-]*)?",
    ),
    Place(
        "url", "@", "address", (),
        rf":(?:{_S}){{2}}[^\s:/@\"'<>\\]{{0,128}}:(?P<secret>[^\s/\"'<>\\]{{1,256}})@",
    ),
    Place("url", "@", "address", (), rf":(?:{_S}){{2}}(?P<secret>[\w-]{{20,255}})@"),
    Place(
        "dsn", "@", "address", (),
        r"(?<![\w.-])[\w.-]{1,64}:(?P<secret>[^\s@/\"'\\]{3,128})@(?:tcp|unix)\(",
    ),
    Place(
        "curl", "curl", "address", (("u", rf"rl(?<=curl){_RAW_GAP} -(?:u|-user)"),),
        rf"curl\b[^\n]{{0,200}}?[ ](?:-u|--user)[ =]?(?:{_Q})?[\w.@+-]{{1,64}}:"
        r"(?P<secret>[^\s\"'`\\]{3,128})",
    ),
    Place(
        "netrc", "login", "address", (("g", rf"in{_RAW_SPACE}{{1,8}}[^ \t\r\n\"]{{1,800}}{_RAW_SPACE}{{1,8}}password"),),
        r"(?i:login)[ \t\r\n]{1,8}[^\s\"\\]{1,64}[ \t\r\n]{1,8}(?i:password)[ \t\r\n]{1,8}"
        r"(?P<secret>[^\s\"'\\]{4,128})",
    ),
    Place(
        "bearer", "bearer", "format", (("b", r"earer(?:[ \t]|\\t){1,8}[a-z0-9._~+/=-]{16}"),),
        r"(?i:bearer)[ \t]{1,8}(?=[A-Za-z._~+/=-]{0,200}\d)(?P<secret>[A-Za-z0-9._~+/=-]{16,})",
    ),
    Place(
        "cookie", "cookie", "cookie", (),  # the filter finds it by its name
        rf"{_B}(?i:(?:set-)?cookie)(?:{_Q})?[ \t]{{0,8}}[:=][ \t]{{0,8}}(?:{_Q})?"
        rf"(?P<secret>{_PAIR}[\w%.~+/:=-]{{4}}[^;\s\"'\\]*(?:;[ ]?{_PAIR}[^;\s\"'\\]*)*)",
    ),
    Place(
        "signature", "sig", "format",
        (("g", r"=(?<=sig=)[a-z0-9%+/]{16}"), ("g", r"nature=[a-f0-9]{16}")),
        r"(?i:[?&;]sig|(?:amz|goog)-signature)=(?P<secret>[\w%+/-]{20,}=*)",
    ),
    Place(
        "kubernetes", "secret", "sure", (("k", r"ind[\\\"': \t]{1,80}secret"),),
        rf"(?:(?<=\n)|(?<=\\n)|(?<=[{{,])|^)[ \t]*(?:{_Q})?[\w.-]{{1,64}}(?:{_Q})?:[ ]?(?:{_Q})?"
        r"(?P<secret>[A-Za-z0-9+/=_-]{8,})",
    ),
    Place(
        "printed", "base64", "guess", (("b", r"ase64 {1,4}-{1,2}d"),),
        rf"(?i:secret|passw|token|key)[^\n]{{0,300}}base64 {{1,4}}(?i:-d|--decode)[^\n\\]{{0,40}}{_LINE}"
        r"(?P<secret>[^\s\\]{6,256})",
    ),
    Place(
        "named", "value", "sure",
        (("v", r"alue[\\\"']{0,64}[ \t]?[:=][ \t]?[\\\"']{0,64}[^\"\\\n]{4,1024}"
          r"(?:[\\\"', \t\r\n]|\\{1,63}[nrt]){1,200}(?:name|key)"),),
        rf"(?i:value)(?:{_Q})?[ \t]?[:=][ \t]?(?:{_Q})?(?P<secret>[^\"'`\\\n]{{6,512}})(?:{_Q})?"
        rf"[ ]?,?(?:[ \t\r\n]|\\{{1,31}}[nrt]){{0,40}}(?:{_Q})?(?i:name|key)(?:{_Q})?"
        rf"[ \t]?[:=][ \t]?(?:{_Q})?(?P<name>[\w.-]{{1,64}})",
    ),
    Place(
        "option", "mysql", "sure", (("q", rf"l(?<=mysql){_RAW_GAP} -p"),),
        rf"(?i:mysql\w{{0,10}}){_GAP}[ ]-p{_VALUE}",
    ),
    Place(
        "option", "redis-cli", "sure", (("c", rf"li(?<=redis-cli){_RAW_GAP} -a"),),
        rf"redis-cli{_GAP}[ ]-a[ ]{{0,4}}{_VALUE}",
    ),
    Place(
        "option", "login", "sure", (("g", rf"in{_RAW_GAP} -p"),),
        rf"(?i:docker|podman|nerdctl|buildah|helm|skopeo|crane|oras|az|acr|oc|registry){_GAP}"
        rf"login{_GAP}[ ]-p[ =]{{0,4}}{_VALUE}",
    ),
    Place(
        "option", "sshpass", "sure", (("p", rf"ass(?<=sshpass){_RAW_GAP} -p"),),
        rf"sshpass{_GAP}[ ]-p[ ]{{0,4}}{_VALUE}",
    ),
    Place(
        "option", "mongo", "sure", (("g", rf"o{_RAW_GAP} -p"),),
        rf"(?i:mongo\w{{0,8}}){_GAP}[ ]-p[ ]{{1,4}}{_VALUE}",
    ),
    Place(
        "option", "ldap", "sure", (("w", r"(?<= -w) "),),
        rf"ldap(?:search|add|modify|delete|whoami|passwd){_GAP}[ ]-w[ ]{{1,4}}{_VALUE}",
    ),
    Place(
        "option", " -p", "sure", (("z", rf"ip{_RAW_GAP} -p"), ("z", rf"{_RAW_SPACE}{_RAW_GAP} -p")),
        rf"{_B}(?:7z[a-z]?{_GAP}[ ]-p|zip{_GAP}[ ]-P[ ]{{1,4}}){_VALUE}",
    ),
    Place(
        "option", "pass:", "sure", (("p", r"ass:[^ \"]{4}"),),
        rf"(?i:openssl){_GAP}[ ]-pass(?:in|out)?[ ]{{1,4}}pass:{_VALUE}",
    ),
    Place(
        "stdin", "sudo", "sure", (("|", rf"{_RAW_GAP}sudo"),),
        rf"(?:echo|printf)[ ](?:-n[ ])?{_VALUE}(?:{_Q})?[ ]{{0,4}}\|[ ]{{0,4}}sudo\b[^\n|]{{0,60}}?"
        r"(?:-[a-zA-Z]*S|--stdin)",
    ),
    Place(
        "stdin", "stdin", "sure", (("|", rf"{_RAW_GAP}stdin"),),
        rf"(?:echo|printf)[ ](?:-n[ ])?{_VALUE}(?:{_Q})?[ ]{{0,4}}\|[^\n|]{{1,200}}?"
        r"(?:--password-stdin|passwd[ ]--stdin)",
    ),
    Place(
        "stdin", "--with-token", "sure", (("|", rf"{_RAW_GAP}--with-token"),),
        rf"(?:echo|printf)[ ](?:-n[ ])?{_VALUE}(?:{_Q})?[ ]{{0,4}}\|[^\n|]{{1,200}}?--with-token",
    ),
    Place(
        "stdin", "chpasswd", "sure", (("|", rf"{_RAW_GAP}chpasswd"),),
        rf"(?:echo|printf)[ ](?:-n[ ])?(?:{_Q})?[\w.-]{{1,64}}:(?P<secret>[^\s\"'`\\|]{{4,128}})(?:{_Q})?"
        r"[ ]{0,4}\|[ ]{0,4}(?:sudo[ ])?chpasswd",
    ),
    Place(
        "pgpass", ":", "sure", ((":", r"(?:54[0-9][0-9]|6432|\*):[^: \t\r\n\"]{1,256}:[^: \t\r\n\"]{1,256}:"),),
        r"(?:^|(?<=\s)|(?<=\\n))[\w.*-]{1,128}:(?:5432|5433|6432|54\d\d|\*):[\w.*-]{1,64}:"
        r"[\w.*@-]{1,64}:(?P<secret>[^\s\"'\\]{4,256})",
    ),
    Place(
        "securestring", "securestring", "sure", (("c", r"urestring"),),
        rf"(?i:ConvertTo-SecureString)[ ]{{1,4}}(?:-String[ ]{{1,4}})?{_VALUE}",
    ),
    Place(
        "sql", "identified", "sure", (
            ("y", rf"(?<=by){_RAW_SPACE}{{1,8}}\\{{0,63}}[\"'`]"),
            ("w", rf"ith{_RAW_GAP}as{_RAW_SPACE}{{1,8}}\\{{0,63}}[\"'`]"),
        ),
        rf"(?i:identified)\s{{1,8}}(?:(?i:with)\s{{1,8}}\S{{1,64}}\s{{1,8}})?(?i:by|as)\s{{1,8}}{_Q}"
        r"(?P<secret>[^\"'`\n\\]{4,256})",
    ),
    Place(
        "sql", "password", "sure", (("p", rf"assword{_RAW_SPACE}{{0,8}}\(?{_RAW_SPACE}{{0,8}}\\{{0,63}}[\"']"),),
        rf"(?i:(?:with|encrypted|set|alter\s+user\s+\S{{1,64}})\s+password|password\()\s{{0,8}}{_Q}"
        r"(?P<secret>[^\"'`\n\\]{4,256})",
    ),
    Place(
        "named", "define", "sure", (("(", r"(?<=define\()"),),
        rf"(?i:define)\([ ]{{0,4}}{_Q}(?P<name>[\w.-]{{1,64}}){_Q}[ ]{{0,4}},[ ]{{0,4}}{_Q}"
        r"(?P<secret>[^\"'`\n\\]{4,256})",
    ),
    Place(
        "named", "tenv", "sure", (("v", r"[ (](?<=tenv[ (])"),),
        rf"(?i:setenv|putenv)[ (]{{1,4}}(?:{_Q})?(?P<name>[\w.-]{{1,64}})(?:{_Q})?[ ,]{{1,4}}(?:{_Q})?"
        r"(?P<secret>[^\s\"'`\n\\)]{4,256})",
    ),
    Place(
        "named", ":", "guess",
        (
            ("p", r"ass(?:word|phrase|wd)?" + _RAW_BREAK),
            ("p", r"wd" + _RAW_BREAK),
            ("k", r"e[ny]" + _RAW_BREAK),
            ("c", r"ret" + _RAW_BREAK),
            ("c", r"redential" + _RAW_BREAK),
        ),
        rf"(?:^|(?<=[\s\"'-])|(?<=\\n))(?P<name>[\w.-]{{2,64}})(?:{_Q})?:[ \t]{{0,4}}(?:[|>][+-]?)?[ \t]{{0,4}}{_LINE}"
        rf"[ \t]{{1,40}}(?:{_Q})?(?P<secret>[^\s\"'`\\:]{{6,256}})(?:{_Q})?[ \t]{{0,4}}(?:\Z|{_LINE}|{_Q}|[}}\]])",
    ),
    Place(
        "said", "pass", "guess",
        (("p", r"ass(?:word|phrase|code|wort)?[^\"\n]{0,60}? (?:is|was|ist|lautet|es|est)[: ]"),),
        r"(?i:pass(?:word|phrase|code|wort)?)(?:[ ](?:for|of|to|on|f\u00fcr|von)[ ][^\s]{1,40})?[ ]"
        r"(?:is|was|ist|lautet|es|est):?[ ](?:[\"'`(])?(?P<secret>[^\s\"'`\\<>]{6,256})",
    ),
    Place(
        "said", " is", "guess",
        (("k", r"e[ny][^\"\n]{0,60}? (?:is|was)[: ]"), ("c", r"ret[^\"\n]{0,60}? (?:is|was)[: ]")),
        r"(?i:(?:api|access|secret|private|auth)[ -]?(?:key|token)|token|secret)"
        r"(?:[ ](?:for|of|to|on)[ ][^\s]{1,40})?[ ](?:is|was):?[ ](?:[\"'`(])?(?P<secret>[^\s\"'`\\<>]{12,256})",
    ),
)  # fmt: skip
Places = tuple[tuple[Place, re.Pattern[str]], ...]
PLACES: Places = tuple((place, re.compile(place.pattern, re.ASCII)) for place in _PLACES)

_IS_SECRET = re.compile(rf"(?i:kind)(?:{_Q})?:[ ]?(?:{_Q})?Secret\b")
_DATA = re.compile(rf"(?:{_Q})?(?:data|stringData)(?:{_Q})?:[ ]?(?:{_LINE}|\{{)?")
_DATA_END = re.compile(r"\n(?=[^\s])|\\n(?=[^\s\\])|\}")


def found_in(text: str, low: str, places: Places) -> Iterator[tuple[Place, re.Match[str]]]:
    """Every match of every one of these rows, in the order of the table."""
    for place, pattern in places:
        if place.held not in low:
            continue
        if place.rule == "kubernetes":
            for start, end in _data_blocks(text):
                yield from ((place, match) for match in pattern.finditer(text, start, end))
        else:
            yield from ((place, match) for match in pattern.finditer(text))


def _data_blocks(text: str) -> Iterator[tuple[int, int]]:
    """Where the data of a Secret of Kubernetes begins and ends."""
    if not _IS_SECRET.search(text):
        return
    for data in _DATA.finditer(text):
        end = _DATA_END.search(text, data.end())
        yield data.end(), end.start() if end else len(text)
