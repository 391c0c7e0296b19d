"""What each RPC demands, read once from the descriptors of the contracts; deny by default."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from promptsphere.policy.v1 import policy_pb2

from servicekit.auth.identity import Actor, Role
from servicekit.errors import PermissionDenied, Unauthenticated

LEVEL_ROLES = {
    policy_pb2.LEVEL_VIEWER: Role.VIEWER,
    policy_pb2.LEVEL_EDITOR: Role.EDITOR,
    policy_pb2.LEVEL_ADMIN: Role.ADMIN,
}

# The two services of the kit that are not ours and bear no option: they tell nothing that is worth hiding.
OPEN_SERVICES = (
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
)


@dataclass(frozen=True, slots=True)
class Demand:
    """What one RPC asks of its caller.

    Attributes:
        level: the least level.
        scopes: an API key needs one of these; empty means that no key may call.
        is_read_only: it changes nothing, so it may be sent again.
    """

    level: policy_pb2.Level.ValueType
    scopes: frozenset[str]
    is_read_only: bool


@cache
def demand_of(method: str) -> Demand | None:
    """The demand of the RPC with this full name (`/package.Service/Method`), None when it declares none."""
    service_name, _, method_name = method.removeprefix("/").partition("/")
    try:
        service = descriptor_pool.Default().FindServiceByName(service_name)
    except KeyError:
        return None
    descriptor: MethodDescriptor | None = service.methods_by_name.get(method_name)
    if descriptor is None:
        return None
    options = descriptor.GetOptions()
    access = options.Extensions[policy_pb2.access]
    if access.level == policy_pb2.LEVEL_UNSPECIFIED:
        return None
    return Demand(
        level=access.level,
        scopes=scope_names(access.scopes),
        is_read_only=options.idempotency_level == descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS,
    )


def scope_names(scopes: Iterable[policy_pb2.Scope.ValueType]) -> frozenset[str]:
    """The names on the wire of scopes: `read`, `write`, `generate`, `deliver`, `admin`."""
    return frozenset(policy_pb2.Scope.Name(scope).removeprefix("SCOPE_").lower() for scope in scopes)


def check_access(demand: Demand, *, identity: Actor | None, is_gateway: bool) -> None:
    """Let the caller pass, or say why not.

    Raises:
        Unauthenticated: the RPC needs a caller and none is known.
        PermissionDenied: the caller is known and falls short.
    """
    if demand.level == policy_pb2.LEVEL_PUBLIC:
        return
    if demand.level == policy_pb2.LEVEL_SERVICE:
        if is_gateway:
            return
        if identity is None:
            raise Unauthenticated("This call is the gateway's; it needs the gateway's credential.")
        raise PermissionDenied("This call is the gateway's; a user's token is not enough.")
    if identity is None:
        raise Unauthenticated("Sign in first, or send an API key as a bearer token.")
    _check_scopes(demand, identity)
    if demand.level == policy_pb2.LEVEL_USER:
        return
    role = LEVEL_ROLES.get(demand.level)
    if role is None:  # a level that this build does not know: newer than it
        raise PermissionDenied("This call declares an access level that is not known here, so nobody may make it.")
    if identity.role < role:
        raise PermissionDenied(
            f"This needs the role {role.label}; yours in this workspace is {identity.role.label}.",
            metadata={"needed": role.label, "role": identity.role.label},
        )


def _check_scopes(demand: Demand, identity: Actor) -> None:
    if identity.scopes is None or identity.scopes & demand.scopes:
        return
    needed = " or ".join(sorted(demand.scopes))
    raise PermissionDenied(
        f"This API key lacks the scope {needed}." if needed else "No API key may do this; sign in as a person.",
        reason="scope_missing",
        metadata={"needed": needed or "-"},
    )
