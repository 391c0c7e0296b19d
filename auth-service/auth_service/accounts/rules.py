"""Accounts: what makes a valid one, and what a person may change of it."""

import re
import unicodedata
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from servicekit import audit
from servicekit.errors import Aborted, AlreadyExists, InvalidArgument, Unauthenticated, Violation
from servicekit.ids import new_id
from servicekit.normal_form import nfc
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.accounts import passwords
from auth_service.accounts.models import DISPLAY_NAME_MAX_CHARS, EMAIL_MAX_CHARS, User

LOCALES = ("zh", "en")
CHANGEABLE = ("display_name", "locale")
# What browsers take for an address (HTML, "valid email address"), with letters of any script.
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]\x00-\x1f\x7f]{1,64}@[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)*")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Someone who may register, checked and folded."""

    email: str
    display_name: str
    locale: str


def fold_email(email: str) -> str:
    """The address by which an account is known: NFC, lower case. Equal addresses are equal texts."""
    # Once more, since lower case may compose where capitals do not: ẖ has no single capital.
    return nfc(nfc(email).lower())


def check_new_account(*, email: str, password: str, display_name: str, locale: str) -> NewAccount:
    """Check everything a person fills in, and fold what is folded.

    Raises:
        InvalidArgument: with every field that is wrong.
    """
    folded, name = fold_email(email), clean_name(display_name)
    violations = passwords.check_new(password, pointer="/password")
    if len(folded) > EMAIL_MAX_CHARS or not _EMAIL.fullmatch(folded) or has_unseen(folded):
        violations.append(Violation("/email", f"must be an e-mail address of at most {EMAIL_MAX_CHARS} characters"))
    violations += _check_name(name)
    violations += _check_locale(locale or LOCALES[0])
    refuse(violations)
    return NewAccount(folded, name, locale or LOCALES[0])


def clean_name(name: str) -> str:
    """A display name as it is kept: NFC, without blanks around it."""
    return nfc(name).strip()


def has_unseen(text: str, *, categories: AbstractSet[str] = frozenset({"Cc", "Cf"})) -> bool:
    """True when a character controls or formats and cannot be seen itself, by which two texts would look the same."""
    return any(unicodedata.category(character) in categories for character in text)


async def create(session: AsyncSession, account: NewAccount, *, password_hash: str, now: datetime) -> User:
    """Add a person.

    Raises:
        AlreadyExists: `email_taken`.
    """
    user = User(
        id=new_id(),
        email=account.email,
        password_hash=password_hash,
        display_name=account.display_name,
        locale=account.locale,
        roles_version=0,
        created_at=now,
        updated_at=now,
        row_version=1,
    )
    session.add(user)
    try:
        await session.flush()
    except IntegrityError:
        # The address is the only thing that can collide; asking before would leave a gap between the two.
        raise email_taken() from None
    return user


def email_taken() -> AlreadyExists:
    """Somebody has registered this address."""
    return AlreadyExists(
        "There is an account with this e-mail address; sign in instead.",
        reason="email_taken",
        violations=[Violation("/email", "is taken")],
    )


async def find_by_email(session: AsyncSession, email: str) -> User | None:
    """The person with this folded address."""
    found: User | None = await session.scalar(select(User).where(User.email == email))
    return found


async def get(session: AsyncSession, user_id: str, *, is_locking: bool = False) -> User:
    """A person.

    Raises:
        Unauthenticated: there is no such account any more.
    """
    found = select(User).where(User.id == user_id)
    if is_locking:
        found = found.with_for_update().execution_options(populate_existing=True)
    user: User | None = await session.scalar(found)
    if user is None:
        raise Unauthenticated("This account does not exist any more; sign in again.")
    return user


async def update(
    session: AsyncSession,
    user_id: str,
    changes: Mapping[str, str],
    *,
    expected_version: int | None,
    now: datetime,
) -> User:
    """Change a person's `display_name` or `locale`.

    Raises:
        InvalidArgument: another field, or a wrong value.
        Aborted: `stale`, `expected_version` is not the row's.
    """
    cleaned = {field: clean_name(value) if field == "display_name" else value for field, value in changes.items()}
    violations = [Violation(f"/{field}", "cannot be changed") for field in cleaned if field not in CHANGEABLE]
    if "display_name" in cleaned:
        violations += _check_name(cleaned["display_name"])
    if "locale" in cleaned:
        violations += _check_locale(cleaned["locale"])
    refuse(violations)
    user = await get(session, user_id, is_locking=True)
    if expected_version is not None and expected_version != user.row_version:
        raise Aborted("The profile was changed meanwhile; read it again, then decide.")
    before = {field: getattr(user, field) for field in cleaned}
    if before == cleaned:
        return user
    for field, value in cleaned.items():
        setattr(user, field, value)
    user.updated_at = now
    user.row_version += 1
    audit.record(session, action="user.update", object_type="user", object_id=user.id, detail={"fields": [*cleaned]})
    return user


def _check_name(name: str) -> list[Violation]:
    if not 1 <= len(name) <= DISPLAY_NAME_MAX_CHARS:
        return [Violation("/display_name", f"must have 1 to {DISPLAY_NAME_MAX_CHARS} characters")]
    if has_unseen(name, categories={"Cc"}):  # "Cf" joins emoji and the letters of some scripts
        return [Violation("/display_name", "must not contain control characters")]
    return []


def _check_locale(locale: str) -> list[Violation]:
    return [] if locale in LOCALES else [Violation("/locale", "must be zh or en")]


def refuse(violations: list[Violation]) -> None:
    """Raise when anything is wrong.

    Raises:
        InvalidArgument: with all of `violations`.
    """
    if violations:
        first = violations[0]
        raise InvalidArgument(f"{first.pointer.removeprefix('/')} {first.message}.", violations=violations)
