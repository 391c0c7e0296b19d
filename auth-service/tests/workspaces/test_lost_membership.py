from collections.abc import Awaitable, Callable
from functools import partial

from auth_service.workspaces import rules
from auth_service_testing import Rig, reason_of
from promptsphere.auth.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    api_keys_pb2,
    api_keys_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
)
from servicekit.auth.identity import Role

SignUp = Callable[..., Awaitable[accounts_pb2.Tokens]]


async def test_a_token_of_a_lost_membership_opens_nothing_and_the_next_refresh_goes_home(
    rig: Rig, sign_up: SignUp
) -> None:
    host, guest = await sign_up(), await sign_up()
    place = partial(rules.add_member, workspace_id=host.workspace.id, user_id=guest.user.id)
    await rig.database.write(partial(place, role=Role.EDITOR, now=rig.clock()))
    sessions = sessions_pb2_grpc.SessionsServiceStub(rig.channel)
    switched = await sessions.SwitchWorkspace(
        sessions_pb2.SwitchWorkspaceRequest(workspace_id=host.workspace.id),
        metadata=rig.as_gateway(access_token=guest.access_token),
    )
    await rig.database.write(
        partial(rules.remove_member, workspace_id=host.workspace.id, user_id=guest.user.id, now=rig.clock())
    )
    stale = rig.as_gateway(access_token=switched.access_token)
    accounts = accounts_pb2_grpc.AccountsServiceStub(rig.channel)
    api_keys = api_keys_pb2_grpc.ApiKeysServiceStub(rig.channel)
    key = api_keys_pb2.CreateApiKeyRequest(name="late", scopes=["read"])

    me = await reason_of(accounts.GetMe(accounts_pb2.GetMeRequest(), metadata=stale))
    created = await reason_of(api_keys.CreateApiKey(key, metadata=stale))
    refreshed = await sessions.RefreshSession(
        sessions_pb2.RefreshSessionRequest(refresh_token=guest.refresh_token), metadata=rig.as_gateway()
    )

    assert (me, created) == ("token_stale", "forbidden")
    assert refreshed.tokens.workspace == guest.workspace
