"""A token bucket on the loop's clock."""


class Bucket:
    """`rate` tokens a second, `burst` at once."""

    __slots__ = ("filled_at", "tokens")

    def __init__(self, burst: float, now: float) -> None:
        self.tokens = burst
        self.filled_at = now

    def take(self, rate: float, burst: float, now: float) -> bool:
        """Take a token if there is one."""
        tokens = self.tokens + (now - self.filled_at) * rate
        if tokens > burst:  # min() would cost a call, and each frame comes by here
            tokens = burst
        self.filled_at = now
        self.tokens = tokens - 1 if tokens >= 1 else tokens
        return tokens >= 1
