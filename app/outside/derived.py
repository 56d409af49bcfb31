"""Secrets that nobody stores: derived from ENCRYPTION_KEYS, another for each purpose. RFC 5869 (HKDF).

The newest key makes, each listed one checks. Beside what was made stands the name of its key, so that it can be told
when an older key may go.
"""

import base64
import hmac
from collections.abc import Iterable
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

BYTES = 32


def key_name(key: str) -> str:
    """Return a short name of a key: the same wherever the key stands in its list, and nothing follows from it."""
    return _derived(key, "name")[:4].hex()


@lru_cache(256)
def _derived(key: str, label: str) -> bytes:
    return HKDF(SHA256(), BYTES, salt=None, info=f"parley {label}".encode()).derive(key.encode())


class Derived:
    """Proofs that only this server can have made, by a ring of keys."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = {key_name(key): key for key in keys}  # the newest first

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the keys, that of the newest first."""
        return tuple(self._keys)

    def proof(self, label: str, message: str, key: str | None = None) -> str:
        """Return the proof of a message for one purpose, by the key of this name, else by the newest."""
        secret = _derived(self._keys.get(key or "") or next(iter(self._keys.values())), label)
        return base64.urlsafe_b64encode(hmac.digest(secret, message.encode(), "sha256")).decode().rstrip("=")

    def proves(self, label: str, message: str, proof: str) -> bool:
        """Tell whether one of the keys made this proof."""
        return any(hmac.compare_digest(self.proof(label, message, name), proof) for name in self._keys)
