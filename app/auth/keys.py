"""What verifies a token's signature: a key bound to its one algorithm, and where keys come from."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Protocol

from jwt import PyJWK
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidKeyError

from app.operator_error import OperatorError
from app.settings import MIN_SECRET_BYTES


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key and the only algorithm that it is used with, whatever a token's header says."""

    key: PyJWK
    algorithm: str


class VerificationKeys(Protocol):
    """Where a token's key comes from: one shared secret, or a published set of public keys. Never both."""

    def keep_fresh(self) -> int:
        """Begin a refresh in the background when the keys are old, and answer the generation of the present keys.

        A result of a verification holds only for the generation it was made under.
        """
        ...

    async def find(self, key_id: str | None) -> VerificationKey:
        """The key that a token names in its header.

        Raises:
            InvalidCredentials: There is no such key.
            SigningKeysUnavailable: The keys cannot be fetched.
        """
        ...

    async def aclose(self) -> None:
        """Release what is held."""
        ...


class SharedSecret:
    """One HS256 secret, shared with whoever mints the tokens."""

    def __init__(self, secret: str) -> None:
        encoded = secret.encode()
        if len(encoded) < MIN_SECRET_BYTES:
            raise OperatorError(f"The JWT secret has {len(encoded)} bytes; give it at least {MIN_SECRET_BYTES}.")
        try:
            HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(encoded)
        except InvalidKeyError as error:
            # Anyone may hold a public key, so as a shared secret it would let anyone sign.
            raise OperatorError("The JWT secret looks like a public key or certificate; use random text.") from error
        # As a JWK it is prepared once, where plain bytes would be looked at again with every token.
        text = urlsafe_b64encode(encoded).rstrip(b"=").decode()
        self._key = VerificationKey(PyJWK.from_dict({"kty": "oct", "k": text, "alg": "HS256"}), "HS256")

    def keep_fresh(self) -> int:
        """Always the same generation: the secret changes only with a restart."""
        return 0

    async def find(self, key_id: str | None) -> VerificationKey:
        """The secret; a key id means nothing here."""
        return self._key

    async def aclose(self) -> None:
        """Nothing is held."""
