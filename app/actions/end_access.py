"""Tell every process that somebody's access ended or changed: here at once, there by a ring or by a note."""

from app.hub import Hub

CHANGED = "access"  # what is rung: a subject, `user:ID`, `key:ID` or `session:ID`


async def end_access(hub: Hub, subject: str) -> None:
    """Let caches forget this subject, and the doors look at it anew; what ended it has been stored before."""
    await hub.store.endings.note(subject)
    hub.doorbell.ring(CHANGED, subject.encode())
    forget_access(hub, subject)


def forget_access(hub: Hub, subject: str) -> None:
    """Ask the database anew about this subject, in this process."""
    kind, _, id = subject.partition(":")
    if kind == "session":
        hub.known.sessions.forget(id)
    elif kind == "user":
        hub.known.users.forget(id)
        hub.known.sessions.forget_if(lambda session: session is not None and session.user_id == id)
    else:
        hub.known.keys.forget_if(lambda key: key is not None and key.id == id)
    for listen in hub.bells.access:
        listen(subject)


async def ended_lately(hub: Hub) -> set[str]:
    """Return the subjects that were noted lately, in whichever process."""
    return await hub.store.endings.lately()
