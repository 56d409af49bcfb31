"""How large a run is: everything that `--quick` makes smaller."""

from dataclasses import dataclass

from bench.process import Cores

SHARES = {"python": 0.25}
"""A peer that takes ten times as long for a delivery shows that with fewer of them as well."""

FIGURES = ("fan_out", "acks", "connects", "memory", "stuck")


@dataclass(frozen=True)
class Plan:
    """Sizes and times of one run; `figures` and `peers` are what is measured."""

    cores: Cores
    figures: tuple[str, ...] = FIGURES
    peers: tuple[str, ...] = ("parley", "node", "python")
    rounds: int = 5
    deliveries: int = 200_000
    listeners: tuple[int, ...] = (200, 1000)
    bursts: tuple[int, ...] = (1, 8, 32)
    seconds: float = 2.0
    comers: int = 2000
    idle: int = 5000
    idle_seconds: float = 50.0
    stuck: int = 200
    stuck_seconds: float = 60.0
    pairs: int = 7

    def events(self, listeners: int, burst: int, name: str = "") -> int:
        """Events that make about so many deliveries, in whole bursts."""
        deliveries = self.deliveries * SHARES.get(name, 1)
        return max(1, round(deliveries / listeners / burst)) * burst
