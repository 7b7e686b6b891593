"""redact: text of build steps with the secrets taken out; names and everything else stay.

Names that promise a secret go by their words, after dockle's list (``PASS|PASSWD|PASSWORD|SECRET|KEY|ACCESS|TOKEN``,
https://github.com/goodwithtech/dockle), narrowed by what official images have in public: ``GPG_KEY``, ``NGINX_GPGKEY``,
``--recv-keys``, ``apt-key``. Values that are secrets by themselves go by the prefixes that their issuers document.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

import attrs

REDACTED = "<redacted>"

_MAX_TEXT = 1 << 16  # characters of a step that are shown; what people write is shorter
_KEPT = 256  # texts whose answers are kept: each is asked for several times
_MAX_ROUNDS = 8  # what stands around a secret may hide another
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ANYWHERE = re.compile(  # a word like this promises a secret anywhere in a name …
    "PASSWORDS?|PASSWD|PASSPHRASE|SECRETS?|CREDENTIALS?|PGPASS|(?:STORE|KEY)PASS|(?:API|ACCESS|SECRET|PRIVATE)KEY|AUTHORIZATION"
)
_LAST = re.compile("TOKEN|PASS|PAT|.*(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|APIKEY)")  # … or as its last word …
_LAST_OF_MORE = re.compile("KEY|PWD")  # … unless it is the only one
_ABOUT = re.compile(  # as the last word: the name is of something about the secret
    "FILES?|PATH|DIR|DIRECTORY|FOLDER|UR[LIN]|ENDPOINT|HOST|IDS?|NAMES?|TYPE|KIND|LEN|LENGTH|SIZE|TTL|EXPIR(?:Y|ES|ATION)"
    "|LIFETIME|TIMEOUT|AGE|DAYS|ALGO|ALGORITHM|VERSION|STORE|STDIN|POLICY|PROVIDER|BACKEND|MANAGER|HELPER|ENABLED|DISABLED"
    "|REQUIRED|HEADER|FIELD|PREFIX|SUFFIX|PROMPT|LIMIT|SHA|SALT|CACHE|COUNT|CLASS|MODE|ROTATION|ENCRYPTION"
)
_SWITCH = re.compile("NO|DISABLED?|WITHOUT|ALLOW|ENABLE|SKIP|REQUIRE|WITH|USE|MAX|MIN|NUM")
_PUBLIC = re.compile(  # what the name is of is public, unless a word is _FIRM
    "GPG|PGP|PUB|PUBLIC|RECV|APT|KEYRING|SIGNED|SIGNING|HOST|SORT|PRIMARY|FOREIGN|PARTITION|PAGE|CACHE|FINGERPRINT"
)
_FIRM = re.compile("PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIALS")

_HARMLESS = re.compile(
    r"""(?ix) <redacted>.* | .? | true | false | yes | none | null | off | \*+ | x+ | %\w+ | \{\{.*
    | (?: \\?\$(?:\w+|\{\w+(?::?[?+][^}]*|:?[-=])?\})[:@/.-]? )+ | \\?\$(?:\(.*)? | `.*  # variables, a command
    | (?!.{40}$)~?/[\w./-]* | @.* | file:.* | https?://[^@]*                           # where it is
    | [\w./-]+\.(?:pem|key|crt|cer|json|txt|ya?ml|gpg|asc|pub|env|cfg|conf|p12|jks)
    | (?:id|type|src|source)=.*                                                       # buildah's --secret"""
)
_LONGEST_HARMLESS = 500  # characters; keeps the search through hostile text linear
_OWN_KEY = re.compile("API|ACCESS|PRIVATE|ENCRYPT|AUTH|SECRET|LICEN[CS]E")
_FINGERPRINT = re.compile(r"(?:0x)?(?:[0-9A-F]{8}|[0-9A-F]{16}|[0-9A-F]{40})|(?:[0-9A-F]{4}\s*){10}", re.IGNORECASE)
_NAME = re.compile(
    r"""(?<![\w.$-]) (?<!\$\{) (?<!://) (?!passwd:) (?P<name>-{0,2}[A-Za-z_][\w.-]{0,80})
    (?P<between> \s{1,9}=\s{1,9} | = | \\?["']\s{0,9}:\s{0,9} | \\?["'](?:,|(?=\s))\s{0,9}(?=\\?["'])
    | :\s{0,9}(?![\\/\s:]) | \s{1,9})
    (?:(?:bearer|basic|token)\s{1,9}(?!["']))?""",
    re.VERBOSE | re.IGNORECASE,
)
_VALUE = re.compile(
    r"""\\"[^"\\]*\\" | "(?:\\.|[^"\\])*(?:"|$) | '[^']*(?:'|$)
    | (?: [^\s"';&|<>()`\\] | \\. | \$\([^)]{0,500}\)? | `[^`]{0,500}`?
    | "(?=[^\s;&|<>)"])[^"]*"? | '(?=[^\s;&|<>)'])[^']*'? )+""",
    re.VERBOSE | re.DOTALL,
)
_QUOTE = re.compile(r"\\?[\"']")
_ASSIGNMENT = re.compile(r"(?:^|(?<=\s))[A-Za-z_][\w.-]*=")
_STEP = re.compile(r"(?:/bin/sh -c #\(nop\)\s+)?(?:ENV|ARG|LABEL)\s+")
_OLD_FORM = re.compile(r"(?:/bin/sh -c #\(nop\)\s+)?ENV\s+([A-Za-z_][\w.-]*)\s+(?=\S)")
_ARGUMENTS = re.compile(r"(?:RUN\s+)?\|(\d{1,4})\s")
_SHELL = re.compile(r"\s(?=/\S*sh\s|/bin/\S+\s|cmd(?:\.exe)?\s+/S|powershell|pwsh)")
_LOGIN = (
    r"\b(?:docker|podman|buildah|skopeo|crane|nerdctl|helm|oc|az)\s(?:\w{1,20}\s)?login\b[^|;&]{0,200}?"
    r"\s-p[ =]?([^\s|;&]{1,256})"
)
_PIPED = (
    r"\b(?:echo|printf)\s{1,9}(?:-\w\s{1,9})?[\"']?([^\s'\"|;&]{1,256})[\"']?\s{0,9}\|\s{0,9}(?:sudo\s)?"
    r"(?:passwd\s{1,9}--stdin|\w{1,20}\s(?:[^|;&]{0,200}\s)?--password-stdin)"
)
_HTPASSWD = (
    r"\bhtpasswd\s{1,9}(?=(?:-\w{1,12}\s{1,9}(?:\d{1,4}\s{1,9})?){0,5}-\w{0,11}b)(?:-\w{1,12}\s{1,9}(?:\d{1,4}\s{1,9})?){1,6}"
    r"(?:[^\s|;&>]{1,200}\s{1,9}){1,2}?[\"']?([^\s'\"|;&>-][^\s'\"|;&>]{0,255})[\"']?\s{0,9}(?=$|[|;&>\n])"
)
_SHAPES = tuple(
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("private key", r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(.*?)(?:-----END|$)"),
        ("password in a URL", r"(?<=://)[^\s/:@'\"]{0,256}:([^\s/@'\"]{1,256})(?=@)"),
        ("token in a URL", r"\bhttps?://(?=[^\s/@]{0,255}\d)([^\s/:@'\"]{20,256})(?=@)"),
        ("AWS access key", r"\b((?:AKIA|ASIA)[0-9A-Z]{16})\b"),
        (
            "AWS secret key",
            r"\bconfigure\s{1,9}set\s{1,9}aws_(?:secret_access_key|session_token)\s{1,9}([^\s'\"|;&]{1,256})",
        ),
        ("GitHub token", r"\b(gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})"),
        ("GitLab token", r"\b(gl(?:pat|rt|dt|ptt|ft|cbt|soat)-[\w-]{20,255})"),
        ("Slack token", r"\b(xox[abeoprs]-[\w-]{10,255})"),
        ("Stripe key", r"\b([sr]k_(?:live|test)_[0-9A-Za-z]{16,255})"),
        ("npm token", r"\b(npm_[A-Za-z0-9]{36})\b"),
        ("PyPI token", r"\b(pypi-AgE[\w-]{50,1000})"),
        ("Docker token", r"\b(dckr_[op]at_[\w-]{20,255})"),
        ("Google API key", r"\b(AIza[\w-]{35})(?![\w-])"),
        ("Hugging Face token", r"\b(hf_[A-Za-z]{30,255})\b"),
        ("API key", r"\b(sk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{32,255})"),
        ("SendGrid key", r"\b(SG\.[\w-]{22}\.[\w-]{43})(?![\w-])"),
        ("JSON Web Token", r"(?<![\w-])(eyJ[\w-]{10,4000}\.eyJ[\w-]{10,4000}\.[\w-]{5,1000})"),
        (
            "password of curl",
            r"\bcurl\b[^|;&]{0,300}?\s(?:-u|--user|--proxy-user)[ =]?[\"']?[^\s:'\"$]{1,100}:([^\s'\"]{1,256})",
        ),
        ("password of a login", _LOGIN),
        ("password of mysql", r"\b(?:mysql|mariadb)(?:-?dump|-?admin)?\s(?:[^|;&]{0,300}?\s)?-p[\"']?([^\s'\"|;&]{1,256})"),
        ("password of useradd", r"\buser(?:add|mod)\s(?:[^|;&]{0,300}?\s)?-p\s{1,9}[\"']?([^\s'\"|;&]{1,256})"),
        ("password that is piped", _PIPED),
        ("secure string", r"\bConvertTo-SecureString\s{1,9}(?:-String\s{1,9})?[\"']([^'\"]{1,256})"),
        ("password of sshpass", r"\bsshpass\s{1,9}-p\s{0,9}([^\s|;&]{1,256})"),
        ("password of .netrc", r"\blogin\s{1,9}[^\s]{1,100}\s{1,9}password\s{1,9}([^\s'\"\\]{1,256})"),
        ("password of debconf", r"password(?:_again)?\s{1,9}password\s{1,9}([^\s'\"\\|]{1,256})"),
        ("password of htpasswd", _HTPASSWD),
        ("password of Redis", r"\b(?:redis-cli\s(?:[^|;&]{0,300}?\s)?-a|requirepass)\s{1,9}[\"']?([^\s'\"|;&]{1,256})"),
        ("password of openssl", r"\bopenssl\s(?:[^|;&]{0,300}?\s)?-k\s{1,9}[\"']?([^\s'\"|;&]{1,256})"),
        (
            "Vault token",
            r"\bvault\s{1,9}login\s{1,9}(?:-\S{1,100}\s{1,9}){0,5}[\"']?([^\s'\"|;&=-][^\s'\"|;&=]{1,255})(?!=)(?![^\s'\"|;&])",
        ),
        ("Vault token", r"\b(hv[sbr]\.[\w-]{20,255})"),
        ("login of a registry", r"\\?[\"']auth\\?[\"']\s{0,9}:\s{0,9}\\?[\"']([A-Za-z0-9+/=_-]{8,1000})(?=\\?[\"'])"),
        ("password of a database", r"(?<![/\w.-])[\w.-]{1,64}:([^\s:@/'\"]{1,128})(?=@(?:tcp|unix)\()"),
        ("webhook", r"\bhttps://hooks\.slack\.com/(?:services|workflows|triggers)/([\w/+-]{10,255})"),
        ("webhook", r"\bhttps://(?:\w{1,20}\.)?discord(?:app)?\.com/api/webhooks/\d{1,30}/([\w-]{10,255})"),
        ("webhook", r"\bhttps://[\w.-]{1,100}\.webhook\.office\.com/webhookb2/([^\s'\"]{10,500})"),
        ("Telegram token", r"\bapi\.telegram\.org/bot(\d{5,20}:[\w-]{30,64})"),
        ("password of chpasswd", r"[\w.-]{1,64}:([^\s:'\"|]{1,128})['\"]?\s{0,9}\|\s{0,9}(?:sudo\s)?chpasswd"),
    )
)


_Span = tuple[int, int, str]  # of a secret, with what it is called


@attrs.frozen
class Redacted:
    """Text without its secrets, and what they were called, in their order."""

    text: str
    secrets: tuple[str, ...] = ()


@functools.lru_cache(_KEPT)
def redact(text: str) -> Redacted:
    """Take the secrets out of the text of a build step, and what is beyond 65,536 characters; twice changes nothing more."""
    if len(text) > _MAX_TEXT:
        text = f"{text[: _MAX_TEXT - 1]}…"
    names: dict[str, None] = {}
    for _ in range(_MAX_ROUNDS):
        spans = sorted({*_by_shape(text), *_by_name(text)})
        if not spans:
            break
        names.update((name, None) for _, _, name in spans)
        text = _without(text, spans)
    return Redacted(text, tuple(names))


def _without(text: str, spans: Sequence[_Span]) -> str:
    parts, end = list[str](), 0
    for start, stop, _ in spans:
        if start >= end:
            parts += [text[end:start], REDACTED]
        end = max(end, stop)
    return "".join([*parts, text[end:]])


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, by its name or by what its value looks like."""
    if promises_secret(name) and not _is_harmless(name, value):
        return True
    return any(True for spans in (_by_shape(value), _named(value, 0, len(value))) for _ in spans)


def promises_secret(name: str) -> bool:
    """Whether a name says that its value is a secret."""
    words = [word.upper() for word in _WORD.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    if not words or _ABOUT.fullmatch(words[-1]) or any(map(_SWITCH.fullmatch, words)):
        return False
    if any(map(_PUBLIC.fullmatch, words)) and not any(map(_FIRM.fullmatch, words)):
        return False
    return bool(
        any(map(_ANYWHERE.fullmatch, words))
        or _LAST.fullmatch(words[-1])
        or (_LAST_OF_MORE.fullmatch(words[-1]) and len(words) > 1)
        or name == "_auth"
    )


def _is_harmless(name: str, value: str) -> bool:
    if len(value) > _LONGEST_HARMLESS:
        return False
    value, name = value.strip("\\\"' \t,"), name.upper()
    if name.endswith("KEY") and not _OWN_KEY.search(name) and _FINGERPRINT.fullmatch(value):
        return True
    return _HARMLESS.fullmatch(value) is not None


def _by_shape(text: str) -> Iterator[_Span]:
    """Values that are secrets whatever they are called."""
    for name, pattern in _SHAPES:
        for match in pattern.finditer(text):
            if not _is_harmless("", match[1]):
                yield match.start(1), match.end(1), name


def _by_name(text: str) -> Iterator[_Span]:
    """Values whose names promise a secret: variables, build arguments, options, headers and JSON fields."""
    start = 0
    if match := _ARGUMENTS.match(text):
        shell = _SHELL.search(text, match.end())
        start = shell.start() if shell else match.end()
        yield from _assignments(text, match.end(), start, int(match[1]))
    elif match := _STEP.match(text):
        if old := _OLD_FORM.match(text):
            if is_secret(old[1], text[old.end() :]):
                yield old.end(), len(text), old[1]
            return
        start = len(text)
        yield from _assignments(text, match.end(), start)
    yield from _named(text, start, len(text))


def _named(text: str, start: int, end: int) -> Iterator[_Span]:
    """Values behind names, within a part of a text."""
    while match := _NAME.search(text, start, end):
        name, between = match["name"], match["between"]
        start = match.end("name")
        spaced = not {"=", ":"}.intersection(between)
        if (spaced and name[0] not in "-_") or not promises_secret(name):
            continue
        value = _VALUE.match(text, match.end(), end)
        if value is None or _is_harmless(name, value[0]) or (spaced and value[0].startswith("-")):
            continue
        start = value.end()
        mark = _QUOTE.match(value[0])
        cut = len(mark[0]) if mark and value[0].endswith(mark[0]) and len(value[0]) > len(mark[0]) else 0
        yield value.start() + cut, start - cut, name.lstrip("-")


def _assignments(text: str, start: int, end: int, count: int | None = None) -> Iterator[_Span]:
    """``NAME=VALUE`` pairs whose values may hold blanks without quotes; beyond ``count``, one holds a pair."""
    found = [match for match in _ASSIGNMENT.finditer(text, start, end) if match.start() >= start]
    surplus = count is not None and len(found) > count
    for at, match in enumerate(found, 1):
        name = match[0][:-1]
        following = end if at == len(found) else found[at].start() - 1
        stop = end if surplus else following
        if promises_secret(name) and not _is_harmless(name, text[match.end() : stop]):
            yield match.end(), stop, name
        else:
            yield from _named(text, match.end(), following)
