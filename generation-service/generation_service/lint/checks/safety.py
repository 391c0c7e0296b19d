"""Rules about what must not stand in a prompt at all.

- `secret` (error): keys by their vendor's form (OpenAI and DashScope `sk-`, our `psk_`, AWS `AKIA`, Aliyun
  `LTAI`, GitHub, Slack, Google, Stripe), private key blocks, JSON Web Tokens, user and password in an
  address, and a value of eight or more characters with letters and digits after "password", "密码",
  "api_key", "token" and the like. Variables, asterisks and words such as "your_…" or "example" are no
  secrets.
- `pii` (warning): mainland mobile numbers, identity card numbers and bank card numbers whose check digit is
  right, US social security numbers, and personal e-mail addresses (not support@, info@ …, not example.com).
  Well-known sample numbers pass.

Messages never repeat what was found.
"""

import re
from collections.abc import Iterator

from generation_service.lint.values import Expectations, Hit
from generation_service.text.document import Document

_SECRET = re.compile(
    r"(?<![\w-])(?:sk-(?:proj-|ant-|or-)?[A-Za-z0-9_-]{20,200}|psk_[A-Za-z0-9_-]{16,200}|(?:AKIA"
    r"|ASIA)[0-9A-Z]{16}|LTAI[A-Za-z0-9]{12,30}"
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{30,255}|xox[abprs]-[A-Za-z0-9-]{10,200}"
    r"|AIza[0-9A-Za-z_-]{35}"
    r"|[rs]k_live_[0-9A-Za-z]{16,200}|eyJ[\w-]{8,4000}\.eyJ[\w-]{8,4000}\.[\w-]{8,4000})(?![\w-])"
    r"|-----BEGIN (?:[A-Z]{1,12} ){0,3}PRIVATE KEY-----",
)
_ASSIGNED = re.compile(
    r"(?:\b(?:password|passwd|pwd|secret|api[_ -]?key|access[_ -]?key(?:[_ -]?(?:id|secret))?"
    r"|secret[_ -]?key|auth[_ -]?token|access[_ -]?token|token)\b"
    r"|密码|口令|密钥|令牌)[\"']?[ \t]{0,8}(?:[:=：]|是|为"
    r"|is\b)[ \t]{0,8}[\"'“]?(?P<value>[^\s\"'“”，,。；;<>{}()（）]{8,200})",
    re.IGNORECASE,
)
_ADDRESS_LOGIN = re.compile(r"://[^\s:/@{}<>]{1,64}:(?P<value>[^\s@/{}<>]{3,128})@")
_NO_SECRET = re.compile(
    r"^(?:\*+|x{3,}|\.+)|your|example|placeholder|changeme|示例|xxxx|\*{3}|<|…|\d{4}-\d{2}", re.IGNORECASE
)
_MOBILE = re.compile(r"(?<![\d.\w-])(?:\+?86[- ]?)?(?P<number>1[3-9]\d(?P<gap>[- ]?)\d{4}(?P=gap)\d{4})(?![\d\w-])")
_IDENTITY = re.compile(r"(?<!\w)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\w)")
_CARD = re.compile(r"(?<![\w.-])(?:62|4\d|5[1-5]|3[47])\d{2}(?:[ -]?\d{4}){2}[ -]?\d{3,7}(?![\w-])")
_SOCIAL_SECURITY = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_EMAIL = re.compile(
    r"(?<![\w.+%-])(?P<user>[A-Za-z0-9._%+-]{1,64})@(?P<host>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4})(?![\w-])"
)
_SAMPLE_MOBILES = frozenset({"13800138000", "13812345678", "13800000000", "13912345678", "18888888888", "13888888888"})
_SAMPLE_CARDS = frozenset({"4111111111111111", "4242424242424242", "5555555555554444", "6222020000000000000"})
_SAMPLE_HOSTS = (
    "example.com",
    "example.org",
    "example.net",
    "example.cn",
    "test.com",
    "email.com",
    "domain.com",
)
_ROLE_ACCOUNTS = frozenset(
    [
        "support",
        "service",
        "services",
        "info",
        "contact",
        "help",
        "helpdesk",
        "sales",
        "admin",
        "hr",
        "noreply",
        "no-reply",
        "postmaster",
        "webmaster",
        "security",
        "privacy",
        "billing",
        "press",
        "marketing",
        "feedback",
        "hello",
        "team",
        "office",
        "legal",
        "careers",
        "jobs",
        "customer",
        "customerservice",
        "kefu",
        "user",
        "username",
        "name",
        "you",
        "someone",
        "example",
        "test",
        "abc",
        "xxx",
    ],
)
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def secret(document: Document, _: Expectations) -> Iterator[Hit]:
    """A key or password that whoever reads the prompt could use."""
    for match in _SECRET.finditer(document.text):
        yield Hit(match.start(), match.end())
    for pattern in (_ASSIGNED, _ADDRESS_LOGIN):
        for match in pattern.finditer(document.text):
            start, end = match.span("value")
            value = match["value"]
            is_login = pattern is _ADDRESS_LOGIN
            if (is_login or _looks_random(value)) and not _NO_SECRET.search(value) and not _SECRET.match(value):
                yield Hit(start, end)


def _looks_random(value: str) -> bool:
    """A password has letters and digits; words, dates and limits don't."""
    has_letter = any("a" <= character.lower() <= "z" for character in value)
    return value.isascii() and has_letter and any(character.isdigit() for character in value)


def pii(document: Document, _: Expectations) -> Iterator[Hit]:
    """Personal data of somebody real."""
    text = document.text
    for match in _MOBILE.finditer(text):
        if re.sub(r"\D", "", match["number"]) not in _SAMPLE_MOBILES:
            yield Hit(match.start("number"), match.end("number"), variant="mobile")
    for match in _IDENTITY.finditer(text):
        if is_identity_number(match[0]):
            yield Hit(match.start(), match.end(), variant="identity")
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if is_card_number(digits) and digits not in _SAMPLE_CARDS and not is_identity_number(digits):
            yield Hit(match.start(), match.end(), variant="card")
    for match in _SOCIAL_SECURITY.finditer(text):
        yield Hit(match.start(), match.end(), variant="identity")
    for match in _EMAIL.finditer(text):
        if match["user"].lower() not in _ROLE_ACCOUNTS and not match["host"].lower().endswith(_SAMPLE_HOSTS):
            yield Hit(match.start(), match.end(), variant="email")


def is_identity_number(text: str) -> bool:
    """True when the check digit of a mainland identity number is right (GB 11643-1999)."""
    if len(text) != len(_IDENTITY_WEIGHTS) + 1 or not text[:-1].isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text[:-1], _IDENTITY_WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == text[-1].upper()


def is_card_number(digits: str) -> bool:
    """True when the digits pass the Luhn check (ISO/IEC 7812-1)."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
