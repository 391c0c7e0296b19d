"""The names of the metadata that travels with an RPC; HTTP/2 header names, so lower case."""

from typing import Final

AUTHORIZATION: Final = "authorization"
SERVICE_CREDENTIAL: Final = "x-service-credential"
REQUEST_ID: Final = "x-request-id"
CLIENT_IP: Final = "x-client-ip"
USER_AGENT: Final = "x-client-user-agent"
IDEMPOTENCY_KEY: Final = "x-idempotency-key"
REQUEST_HASH: Final = "x-request-hash"
IF_MATCH: Final = "x-if-match"
REPLAYED: Final = "x-idempotency-replayed"
