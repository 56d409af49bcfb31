"""How often somebody may try to sign in, so that nobody guesses a password and nobody keeps its owner out.

An account from one place so often; one place, and one account, ten times as often. Whoever signs in from a place from
which they did before is not held to the account's limit; others wait for it, and who tried the least goes first.
"""

from app.hub import Hub
from app.models.people import User
from app.outside.limiter import Rate
from app.outside.peer import WIDE, site_of, wide_site_of

MINUTE = 60.0  # seconds
MANY = 10  # times as many tries from one place, as an office may share one, and for one account from everywhere
# Not a limit: who waits in line for each try would else be as good as one who never tried when it is over.
REMEMBERED = Rate(count=2, seconds=MINUTE, burst=100_000)
LABEL = "site"  # what a place is remembered by, in the row of whoever signed in there
SITES = 20  # places that are remembered of a person

Bucket = tuple[str, Rate]


def take_a_try(hub: Hub, email: str, address: str | None) -> float:
    """Count a try, and return how much this place has tried of late. Raises RateLimited."""
    return _take(hub, _of_place(hub, email, address))


async def wait_for_a_try(hub: Hub, email: str, address: str | None, rank: float) -> float:
    """Count a try from a place that the account does not know, now or when it is our turn; return its rank by then.

    Its neighbours count here alone: a place that the account knows would else be shut by them. Raises RateLimited.
    """
    rank = max(rank, _take(hub, _of_network(hub, email, address)))
    most = MANY * hub.settings.sign_ins_per_minute
    await hub.pace.take(f"sign-in to {email}", _rate(most), rank)
    return rank


def knows(hub: Hub, user: User | None, address: str | None) -> bool:
    """Tell whether this person signed in from there before."""
    return user is not None and address is not None and not set(user.sites).isdisjoint(_marks(hub, user, address))


async def remember(hub: Hub, user: User, address: str | None) -> None:
    """Know the place from now on from which somebody signed in."""
    if address is not None:
        mark = _marks(hub, user, address)[0]
        if user.sites[-1:] != (mark,):
            await hub.store.users.remember_site(user.company_id, user.id, mark, SITES)


def _take(hub: Hub, buckets: list[Bucket]) -> float:
    """Take one from each bucket, and return how many were taken from the emptiest of them."""
    for name, rate in buckets:
        hub.limiter.take(name, rate)
    return max((hub.limiter.taken(name, rate) for name, rate in buckets), default=0.0)


def _of_place(hub: Hub, email: str, address: str | None) -> list[Bucket]:
    most, site = hub.settings.sign_ins_per_minute, site_of(address or "")
    found = [] if address is None else [(f"sign-in from {site}", _rate(MANY * most))]
    tries = f"tries at {email} from {wide_site_of(address or '') or site}"
    return [*found, (f"sign-in to {email} from {site}", _rate(most)), (tries, REMEMBERED)]


def _of_network(hub: Hub, email: str, address: str | None) -> list[Bucket]:
    most, wide = hub.settings.sign_ins_per_minute, wide_site_of(address or "")
    if wide is None:
        return []
    return [
        (f"sign-in from {wide}", _rate(WIDE * MANY * most)),
        (f"sign-in to {email} from {wide}", _rate(WIDE * most)),
    ]


def _rate(most: int) -> Rate:
    return Rate(most, MINUTE, most)


def _marks(hub: Hub, user: User, address: str) -> list[str]:
    """Return what a place is remembered by, with each key: nobody reads an address in it."""
    says = f"{user.id} {site_of(address)}"
    return [f"{key}.{hub.derived.proof(LABEL, says, key)[:22]}" for key in hub.derived.names]
