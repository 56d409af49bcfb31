"""Credentials at rest: encrypted by a ring of keys, each for one channel alone."""

from collections.abc import Iterable, Mapping

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Unreadable(Exception):
    """No key of the ring opens this, or it was sealed for another channel."""


class Vault:
    """Seals with the newest key, opens with any. https://cryptography.io/en/latest/fernet/"""

    def __init__(self, keys: Iterable[str]) -> None:
        self._ring = MultiFernet([Fernet(key) for key in keys])

    def seal(self, channel_id: str, secrets: Mapping[str, str]) -> bytes:
        """Return a channel's secrets as nobody without a key can read them."""
        return self._ring.encrypt(orjson.dumps([channel_id, dict(secrets)]))

    def open(self, channel_id: str, sealed: bytes) -> dict[str, str]:
        """Return a channel's secrets. Raises Unreadable."""
        try:
            owner, secrets = orjson.loads(self._ring.decrypt(sealed))
        except InvalidToken:
            raise Unreadable from None
        if owner != channel_id:
            raise Unreadable
        return {str(name): str(value) for name, value in secrets.items()}

    def opens(self, sealed: bytes) -> bool:
        """Tell whether a key of the ring opens this, whosever it is."""
        try:
            self._ring.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def renewed(self, sealed: bytes) -> bytes:
        """Return the same secrets under the newest key, so that an older one may go. Raises Unreadable."""
        try:
            return self._ring.rotate(sealed)
        except InvalidToken:
            raise Unreadable from None
