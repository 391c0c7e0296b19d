"""People: what makes a valid one, and what they may change of themselves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from servicekit import audit
from servicekit.errors import Aborted, AlreadyExists, Unauthenticated, Violation
from servicekit.ids import new_id
from servicekit.normal_form import nfc
from sqlalchemy import select
from sqlalchemy import update as update_rows
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from auth_service.users.models import DISPLAY_NAME_MAX_CHARS, EMAIL_MAX_CHARS, User
from auth_service.validation import check_name, clean_name, has_unseen, refuse

LOCALES = ("zh", "en")
CHANGEABLE = ("display_name", "locale")
# What browsers take for an address (HTML, "valid email address"), with letters of any script.
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]\x00-\x1f\x7f]{1,64}@[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)*")


@dataclass(frozen=True, slots=True)
class NewUser:
    """Someone who may be added, folded and cleaned."""

    email: str
    display_name: str
    locale: str


def fold_email(email: str) -> str:
    """The address by which a person is known: NFC, lower case. Equal addresses are equal texts."""
    # Once more, since lower case may compose where capitals do not: ẖ has no single capital.
    return nfc(nfc(email).lower())


def check_new(*, email: str, display_name: str, locale: str) -> tuple[NewUser, list[Violation]]:
    """The person that was asked for, with everything that is wrong about them; no locale means Chinese."""
    user = NewUser(fold_email(email), clean_name(display_name), locale or LOCALES[0])
    violations: list[Violation] = []
    if len(user.email) > EMAIL_MAX_CHARS or not _EMAIL.fullmatch(user.email) or has_unseen(user.email):
        violations.append(Violation("/email", f"must be an e-mail address of at most {EMAIL_MAX_CHARS} characters"))
    return user, violations + _check_display_name(user.display_name) + _check_locale(user.locale)


async def create(session: AsyncSession, new: NewUser, *, password_hash: str, now: datetime) -> User:
    """Add a person.

    Raises:
        AlreadyExists: `email_taken`.
    """
    user = User(
        id=new_id(),
        email=new.email,
        password_hash=password_hash,
        display_name=new.display_name,
        locale=new.locale,
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


async def find(session: AsyncSession, user_id: str, *, is_locking: bool = False) -> User | None:
    """A person, None when there is no such account any more."""
    row = select(User).where(User.id == user_id)
    if is_locking:
        row = row.with_for_update().execution_options(populate_existing=True)
    found: User | None = await session.scalar(row)
    return found


async def get(session: AsyncSession, user_id: str, *, is_locking: bool = False) -> User:
    """A person.

    Raises:
        Unauthenticated: there is no such account any more.
    """
    user = await find(session, user_id, is_locking=is_locking)
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
        violations += _check_display_name(cleaned["display_name"])
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


async def bump_roles_version(session: AsyncSession, user_id: str) -> None:
    """Make every live record of a person newer than those before, since a role of theirs changes."""
    await session.execute(
        update_rows(User).where(User.id == user_id).values(roles_version=User.roles_version + 1),
    )


def _check_display_name(name: str) -> list[Violation]:
    return check_name(name, pointer="/display_name", max_chars=DISPLAY_NAME_MAX_CHARS)


def _check_locale(locale: str) -> list[Violation]:
    return [] if locale in LOCALES else [Violation("/locale", "must be zh or en")]
