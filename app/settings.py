"""Every knob once: its name, type, default and one sentence. `app/settings_reading.py` reads them.

A field is the variable of the same name in capitals: `settings.access_token_ttl` is `ACCESS_TOKEN_TTL`.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.settings_values import (
    Duration,
    Environment,
    GraphVersion,
    KeyRing,
    Level,
    LogLevel,
    MailAddress,
    MongoAddress,
    Networks,
    Origins,
    RedisAddress,
    Secret,
    WebAddress,
)

DATABASE = "parley"
# Made once and kept under DATA_DIR where they are missing, except in production.
GENERATED = ("jwt_access_secret", "internal_service_api_key", "encryption_keys")


class Settings(BaseSettings):
    """What one server was told; made by `read_settings`, or directly in a test."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    environment: Environment = Field(
        Environment.DEVELOPMENT, description="What this server is for: development, production or test."
    )
    host: str = Field(
        "127.0.0.1", description="The address to listen on; in production it is 0.0.0.0, every one, unless given."
    )
    port: int = Field(4000, ge=0, le=65535, description="The port to listen on; 0 takes a free one.")
    data_dir: Path = Field(
        Path(".parley"), description="The folder for the embedded MongoDB and for generated secrets."
    )
    log_level: Level = Field(LogLevel.INFO, description="The least serious thing that is logged: DEBUG to ERROR.")

    mongodb_uri: MongoAddress | None = Field(
        None, description="The MongoDB replica set to use; unset, an embedded one is started."
    )
    mongod_binary: Path | None = Field(
        None, description="The mongod program to embed; unset, the one that requirements-embedded.txt installed."
    )
    mongo_pool_size: int = Field(64, ge=8, le=1000, description="Connections to MongoDB that a process may hold.")
    mongo_server_selection_timeout: Duration = Field(
        timedelta(seconds=5), le=timedelta(minutes=1), description="How long a call waits for a primary to be found."
    )
    mongo_socket_timeout: Duration = Field(
        timedelta(seconds=10), le=timedelta(minutes=5), description="How long a call waits for MongoDB's answer."
    )
    redis_url: RedisAddress | None = Field(
        None, description="Redis, to notify other processes at once; unset, each process asks MongoDB every second."
    )
    event_retention_days: int = Field(
        30, ge=1, description="Days for which events are kept at least, for clients that were away to resume."
    )

    jwt_access_secret: Secret | None = Field(
        None, description="The secret that signs access tokens, of 32 characters or more."
    )
    access_token_ttl: Duration = Field(timedelta(minutes=15), description="How long an access token is valid.")
    refresh_token_ttl: Duration = Field(timedelta(days=7), description="How long a sign-in lasts without being used.")
    sign_in_lifetime: Duration = Field(timedelta(days=30), description="How long a sign-in lasts at most, used or not.")
    bcrypt_salt_rounds: int = Field(
        12, ge=4, le=20, description="The cost of a password's hash, doubling with each; in production 10 or more."
    )
    internal_service_api_key: Secret | None = Field(
        None, description="The key of internal services, of 32 characters or more; it opens their routes alone."
    )
    encryption_keys: KeyRing = Field(
        (), description="Keys that encrypt stored credentials, 32 bytes in URL-safe base64 each: the newest first."
    )
    cors_origins: Origins = Field(
        (),
        description="Origins of web pages that may call this server besides PUBLIC_URL's, comma-separated; "
        "outside production those of localhost may, too.",
    )
    trusted_proxies: Networks = Field(
        (), description="Addresses or networks of proxies whose X-Forwarded-For is believed, comma-separated."
    )
    rate_limits: bool = Field(True, description="On or off; off lifts every rate and connection limit.")

    requests_per_second: int = Field(
        200, ge=1, description="Requests per second for one person or key; bursts of twice that are allowed."
    )
    sign_ins_per_minute: int = Field(
        10, ge=1, description="Sign-ins per minute for one account from one address; for either alone ten times that."
    )

    ping_interval: Duration = Field(
        timedelta(seconds=25), description="How often a socket is asked for a sign of life."
    )
    ping_timeout: Duration = Field(timedelta(seconds=60), description="How long a socket may take to give one.")
    sockets_per_user: int = Field(50, ge=1, description="Connections that one person or key may hold.")
    sockets_per_address: int = Field(1000, ge=1, description="Sockets of one address; as many other connections.")
    sockets_per_company: int = Field(10_000, ge=1, description="Connections that one company may hold.")
    socket_rooms: int = Field(500, ge=1, description="Conversations that one connection may join.")
    socket_events_per_second: int = Field(
        50, ge=1, description="Events per second from one socket; twice that at once."
    )
    socket_max_frame_bytes: int = Field(64_000, ge=16_000, description="The largest frame that a socket may send.")
    socket_max_owed_bytes: int = Field(
        1_000_000, ge=300_000, description="Bytes of one socket's send buffer; a slower reader is cut off, to resume."
    )

    public_url: WebAddress | None = Field(
        None, description="Where platforms reach this server, as https://chat.example.com; its webhooks are below it."
    )
    platform_timeout: Duration = Field(
        timedelta(seconds=10),
        le=timedelta(minutes=1),
        description="How long a platform may take to answer; after three times this, another process takes over.",
    )
    delivery_deadline: Duration = Field(
        timedelta(days=1), description="How long a message is tried before it fails, with the last reason."
    )
    channel_parallel: int = Field(
        8, ge=1, le=100, description="Conversations of one channel that a process sends for at the same time."
    )

    frontend_url: WebAddress | None = Field(
        None, description="The web front end; after signing in at Facebook people come back to a page below it."
    )
    smtp_url: MailAddress | None = Field(
        None, description="The mail server, as smtp://user:password@host:port; it has no effect yet: no mail is sent."
    )
    mail_from: str = Field("Parley <parley@localhost>", description="The sender of mails; it has no effect yet.")

    facebook_app_id: str | None = Field(None, description="The id of the Meta app that pages are connected through.")
    facebook_app_secret: SecretStr | None = Field(
        None, description="The Meta app's secret, which signs webhooks and exchanges tokens."
    )
    facebook_graph_version: GraphVersion = Field("v25.0", description="The version of Meta's Graph API that is spoken.")
    meta_verify_token: SecretStr | None = Field(
        None, description="What Meta must repeat when it verifies the webhook address."
    )
    meta_bot_base_url: WebAddress | None = Field(
        None, description="The Meta bot server that sends for facebook and instagram, as http://localhost:5001."
    )
    graph_base_url: WebAddress = Field("https://graph.facebook.com", description="Where Meta's Graph API is.")
    facebook_login_base_url: WebAddress = Field(
        "https://www.facebook.com", description="Where people are sent to grant access to their pages."
    )
    ig_graph_base_url: WebAddress = Field(
        "https://graph.instagram.com", description="Where the API of Instagram Login is."
    )
    telegram_base_url: WebAddress = Field("https://api.telegram.org", description="Where Telegram's Bot API is.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what is passed in: the environment is read at the edge, and a test has none."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _listen_everywhere_in_production(cls, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("environment") == Environment.PRODUCTION:
            return {"host": "0.0.0.0", **given}  # noqa: S104 - a container is reached from outside
        return given

    @property
    def is_production(self) -> bool:
        """Whether strangers rely on this server."""
        return self.environment is Environment.PRODUCTION

    @property
    def database(self) -> str:
        """The name of the database: the URI's, else parley."""
        if self.mongodb_uri is None:
            return DATABASE
        _, _, after_scheme = self.mongodb_uri.get_secret_value().partition("://")
        _, _, path = after_scheme.partition("/")
        return unquote(path.partition("?")[0]) or DATABASE


VARIABLES = tuple(name.upper() for name in Settings.model_fields)


def is_secret(name: str) -> bool:
    """Whether the value of this field must never be shown or logged."""
    return "SecretStr" in str(Settings.model_fields[name].annotation)
