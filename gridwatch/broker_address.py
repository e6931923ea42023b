"""Where an MQTT broker is."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from gridwatch.errors import SettingsError

if TYPE_CHECKING:
    import aiomqtt

PLAIN_PORT = 1883
TLS_PORT = 8883


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerAddress:
    """What `mqtt://user:pass@host:port` or `mqtts://…` says."""

    host: str
    port: int
    tls: bool
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL; raise SettingsError that says what is wrong, without the password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingsError("GRIDWATCH_MQTT_URL: the port is no number from 1 to 65535") from error
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise SettingsError(
                "GRIDWATCH_MQTT_URL: write mqtt://host:port or mqtts://user:password@host:port"
            )
        tls = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname,
            port=port or (TLS_PORT if tls else PLAIN_PORT),
            tls=tls,
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )

    def client(self, **options: Any) -> "aiomqtt.Client":
        """Return a client for this broker; `options` are those of aiomqtt."""
        # Most commands read an address and never connect.
        import aiomqtt

        return aiomqtt.Client(
            self.host,
            self.port,
            username=self.username,
            password=self.password,
            tls_params=aiomqtt.TLSParameters() if self.tls else None,
            **options,
        )
