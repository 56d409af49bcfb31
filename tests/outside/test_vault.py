"""What is sealed for a channel opens with a key of the ring, for that channel alone."""

import pytest
from cryptography.fernet import Fernet

from app.outside.vault import Unreadable, Vault

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRETS = {"access_token": "EAAB-secret", "login": "page"}


def test_what_was_sealed_opens_and_says_nothing_before() -> None:
    sealed = Vault([NEW]).seal("c1", SECRETS)
    assert b"EAAB" not in sealed
    assert Vault([NEW]).open("c1", sealed) == SECRETS


def test_an_older_key_opens_as_long_as_it_is_in_the_ring() -> None:
    sealed = Vault([OLD]).seal("c1", SECRETS)
    renewed = Vault([NEW, OLD]).renewed(sealed)
    assert Vault([NEW, OLD]).open("c1", sealed) == SECRETS
    assert Vault([NEW]).open("c1", renewed) == SECRETS
    with pytest.raises(Unreadable):
        Vault([NEW]).open("c1", sealed)
    with pytest.raises(Unreadable):
        Vault([NEW]).renewed(sealed)


def test_one_channels_secrets_do_not_open_as_anothers() -> None:
    with pytest.raises(Unreadable):
        Vault([NEW]).open("c2", Vault([NEW]).seal("c1", SECRETS))


def test_damage_is_noticed() -> None:
    sealed = bytearray(Vault([NEW]).seal("c1", SECRETS))
    sealed[40] ^= 1
    with pytest.raises(Unreadable):
        Vault([NEW]).open("c1", bytes(sealed))
