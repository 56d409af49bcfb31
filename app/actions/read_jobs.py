"""Tell how everything stands that the server does by itself."""

from typing import Any

from app.hub import Hub
from app.models.job import JobState, LeaseState


async def read_jobs(hub: Hub) -> list[dict[str, Any]]:
    """Return every job: a singleton as its lease tells it for all processes, another as it stands in this one."""
    states = tuple(hub.jobs.values())
    leases = await hub.store.leases.states(state.name for state in states if state.singleton)
    return [_view(state, leases.get(state.name)) for state in states]


def _view(state: JobState, lease: LeaseState | None) -> dict[str, Any]:
    here = {
        "last_run_at": state.last_run_at,
        "last_outcome": state.last.outcome if state.last else None,
        "last_error": state.last.error if state.last else None,
        "next_run_at": state.next_run_at,
        "running": state.running,
    }
    everywhere = (
        {
            "last_run_at": lease.last_run_at,
            "last_outcome": lease.last_outcome,
            "last_error": lease.last_error,
            "next_run_at": lease.next_run_at or state.next_run_at,
            "running": lease.running,
        }
        if lease
        else here
    )
    return {"name": state.name, "every_seconds": state.every, "singleton": state.singleton, **everywhere}
