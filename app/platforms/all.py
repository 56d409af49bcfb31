"""Every network that we can speak to, by its key: a new platform is one file, and one line here."""

from collections.abc import Mapping

from app.models.contact import Platform
from app.platforms.facebook import Facebook
from app.platforms.instagram import Instagram
from app.platforms.meta_tokens import MetaApp
from app.platforms.network import Network
from app.platforms.sandbox import Sandbox
from app.platforms.telegram import Telegram
from app.platforms.whatsapp import WhatsApp
from app.settings import Settings


def networks_for(settings: Settings) -> Mapping[Platform, Network]:
    """Return the networks at the addresses that the settings name."""
    graph, own, version = settings.graph_base_url, settings.ig_graph_base_url, settings.facebook_graph_version
    secret = settings.facebook_app_secret
    app = MetaApp(settings.facebook_app_id or "", secret.get_secret_value() if secret else "")
    networks: tuple[Network, ...] = (
        Facebook(graph, version, app),
        Instagram(graph, own, version, app),
        WhatsApp(graph, version, app),
        Telegram(settings.telegram_base_url),
        Sandbox(),
    )
    return {network.key: network for network in networks}
