"""Private keys at rest: sealed with AES-256-GCM, bound to their key id."""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

NONCE_BYTES = 12
_PURPOSE = b"promptsphere signing key "


def seal(private_key: ec.EllipticCurvePrivateKey, *, kid: str, secret: bytes) -> bytes:
    """Nonce and ciphertext of `private_key`; it opens only under the same `kid`."""
    plain = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(secret).encrypt(nonce, plain, _PURPOSE + kid.encode())


def unseal(sealed: bytes, *, kid: str, secret: bytes) -> ec.EllipticCurvePrivateKey:
    """The key that `seal` closed.

    Raises:
        ValueError: the secret is another one, or the row was changed.
    """
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        plain = _cipher(secret).decrypt(nonce, ciphertext, _PURPOSE + kid.encode())
    except InvalidTag:
        raise ValueError(
            f"The signing key {kid} does not open with the secret `key-encryption`: put back the secret file that "
            "this database was used with.",
        ) from None
    key = load_der_private_key(plain, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"The signing key {kid} is not an elliptic-curve key.")  # noqa: TRY004 - stored data
    return key


def _cipher(secret: bytes) -> AESGCM:
    # The secret file may have any length from 16 bytes up; the cipher wants 32.
    return AESGCM(hashlib.sha256(_PURPOSE + secret).digest())
