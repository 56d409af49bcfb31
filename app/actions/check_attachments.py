"""Refuse attachments that only somebody inside this server's network could fetch."""

from collections.abc import Iterable

from app.errors import Detail, Invalid
from app.hub import Hub
from app.models.message import Attachment
from app.outside.hosts import names_public_host

NOT_PUBLIC = "No platform can fetch this: its host is not a public one."


def check_attachments(hub: Hub, attachments: Iterable[Attachment]) -> None:
    """Refuse private hosts in production: elsewhere files may lie on one's own machine. Raises Invalid."""
    if not hub.settings.is_production:
        return
    private = [number for number, each in enumerate(attachments) if not names_public_host(each.url)]
    if private:
        raise Invalid(details=tuple(Detail(f"attachments.{number}.url", NOT_PUBLIC) for number in private))
