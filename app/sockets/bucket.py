"""A token bucket on the loop's clock."""


class Bucket:
    """`rate` tokens a second, `burst` at once."""

    __slots__ = ("filled_at", "tokens")

    def __init__(self, burst: float, now: float) -> None:
        self.tokens = burst
        self.filled_at = now

    def take(self, rate: float, burst: float, now: float) -> bool:
        """Take a token if there is one."""
        self.tokens = min(burst, self.tokens + (now - self.filled_at) * rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True
