"""The restrictions of an API key: scopes, end and networks; no key makes or shows one that may do more than itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from servicekit.errors import InvalidArgument, PermissionDenied, Violation

from auth_service.api_keys import networks
from auth_service.api_keys.networks import MAX_NETWORKS, NotANetwork

if TYPE_CHECKING:
    from auth_service.api_keys.models import ApiKey

SCOPES = frozenset({"read", "write", "generate", "deliver", "admin"})


@dataclass(frozen=True, slots=True)
class KeyRestrictions:
    """What a key is restricted to.

    Attributes:
        scopes: sorted.
        expires_at: None for never.
        allowed_ips: networks in CIDR form; empty means any.
    """

    scopes: tuple[str, ...]
    expires_at: datetime | None
    allowed_ips: tuple[str, ...]


def check(
    *, scopes: Iterable[str], expires_at: datetime | None, allowed_ips: Iterable[str], now: datetime
) -> tuple[KeyRestrictions, list[Violation]]:
    """The restrictions that were asked for, in one form, with everything that is wrong about them."""
    asked = sorted(set(scopes))
    violations = _check_scopes(asked)
    if expires_at is not None and expires_at <= now:
        violations.append(Violation("/expires_at", "must lie in the future"))
    checked, problems = _check_networks(list(allowed_ips))
    return KeyRestrictions(tuple(asked), expires_at, checked), violations + problems


def _check_networks(given: Sequence[str]) -> tuple[tuple[str, ...], list[Violation]]:
    if len(given) > MAX_NETWORKS:  # before each of them is looked at
        return (), [Violation("/allowed_ips", f"must have at most {MAX_NETWORKS} entries")]
    violations: list[Violation] = []
    checked: dict[str, None] = {}
    for index, text in enumerate(given):
        try:
            checked[networks.canonical(text)] = None
        except NotANetwork as problem:
            violations.append(Violation(f"/allowed_ips/{index}", str(problem)))
    return tuple(checked), violations


def check_within(asked: KeyRestrictions, own: "ApiKey") -> None:
    """Refuse restrictions that are wider than those of the key that asks: it would outgrow or outlive itself.

    Raises:
        PermissionDenied: `scope_missing`, a scope that the key does not have.
        InvalidArgument: a later end, or other addresses.
    """
    missing = sorted(set(asked.scopes) - set(own.scopes))
    if missing:
        raise PermissionDenied(
            f"This API key lacks the scope {', '.join(missing)}, so it cannot give it to another.",
            reason="scope_missing",
            metadata={"needed": ", ".join(missing)},
        )
    violations: list[Violation] = []
    if own.expires_at is not None and (asked.expires_at is None or asked.expires_at > own.expires_at):
        violations.append(Violation("/expires_at", "must not lie after the end of the key that asks"))
    if own.allowed_ips and not networks.is_inside(asked.allowed_ips, own.allowed_ips):
        violations.append(Violation("/allowed_ips", "must lie within the networks of the key that asks"))
    if violations:
        raise InvalidArgument("A key cannot make one that may do more than itself.", violations=violations)


def _check_scopes(asked: Sequence[str]) -> list[Violation]:
    unknown = [scope for scope in asked if scope not in SCOPES]
    if asked and not unknown:
        return []
    return [Violation("/scopes", f"must be one or more of {', '.join(sorted(SCOPES))}")]
