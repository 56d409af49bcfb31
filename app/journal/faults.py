"""What can go wrong with a transaction, told apart by what helps."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from loguru import logger
from pymongo.errors import ConnectionFailure, PyMongoError

from app.errors import Duplicate, Internal, Refusal, Unavailable
from app.journal.change import Change
from app.outside.away import log_trouble
from app.stores.bulk import OperationRefused

# https://www.mongodb.com/docs/manual/reference/error-codes/
DUPLICATE_KEY = 11000
TOO_LARGE = 10334  # one document by itself


class BatchRefused(Exception):
    """The database refused an operation for a reason that may lie in the whole batch, or decisions find no end."""


class WriteRefused(Exception):
    """The database refused one operation, and we know for which change it was; `said` is what its caller hears."""

    def __init__(self, change: Change, error: dict[str, Any], said: Refusal | None = None) -> None:
        super().__init__(error.get("errmsg", ""))
        self.change = change
        self.said = said
        self.code = error.get("code")
        self.pattern = set(error.get("keyPattern", ()))

    @property
    def is_stale(self) -> bool:
        """Tell whether there is an event already where the next one should be, or a thing of this id."""
        return self.is_duplicate and self.pattern == {"_id"}

    @property
    def is_duplicate(self) -> bool:
        """Tell whether something like it is there already: perhaps it itself, from an earlier try with this key."""
        return self.code == DUPLICATE_KEY

    def refusal(self) -> Refusal:
        """Return what the change's caller hears."""
        if self.said is not None:
            return self.said
        return Duplicate() if self.is_duplicate and not self.is_stale else Internal()


@contextmanager
def naming(owners: Sequence[Change]) -> Iterator[None]:
    """Give a refused operation its change: the operations inside stand in the order of their owners.

    Only what is wrong with the operation itself is its change's doing. That a transaction is too large for the cache,
    say, is told of the operation that came last.
    """
    try:
        yield
    except OperationRefused as refused:
        if refused.error.get("code") not in (DUPLICATE_KEY, TOO_LARGE):
            raise BatchRefused(refused.error.get("errmsg")) from refused
        raise WriteRefused(owners[refused.index], refused.error) from refused


def is_conflict(error: Exception) -> bool:
    """Tell whether another transaction was in the way, or ours was ended: running it again helps, soon."""
    return (
        isinstance(error, PyMongoError)
        and error.has_error_label("TransientTransactionError")
        and not isinstance(error, ConnectionFailure)
    )


def is_cut(error: Exception) -> bool:
    """Tell whether the database was away, or says itself that the outcome of a commit is not known."""
    if not isinstance(error, PyMongoError):
        return False
    return isinstance(error, ConnectionFailure) or any(
        error.has_error_label(label)
        for label in ("UnknownTransactionCommitResult", "TransientTransactionError", "RetryableWriteError")
    )


def refusal_of(error: Exception) -> Refusal:
    """Return what a client hears of an error that reached a door."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, PyMongoError):
        log_trouble(error, "database error", code=getattr(error, "code", None))
        return Unavailable()
    logger.opt(exception=error).error("unexpected error")
    return Internal()
