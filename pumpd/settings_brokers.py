"""The sections of the configuration about brokers: where they are, how to sign in, what goes there."""

from pathlib import Path

from pydantic import Field

from pumpd.settings_section import Section, Topic


class BrokerSettings(Section):
    host: str
    """Host name or address of the broker."""
    port: int = Field(default=8883, ge=1, le=65535)
    """TCP port of the broker."""
    tls: bool = True
    """Use TLS 1.3."""
    ca_file: Path | None = None
    """Certificate authorities that may sign the broker's certificate, PEM. Default: those of the system."""
    client_cert: Path | None = None
    """This gateway's certificate, PEM."""
    client_key: Path | None = None
    """The key of `client_cert`, PEM."""
    username: str | None = None
    """User name at the broker."""
    password_file: Path | None = None
    """A file that contains only the password, readable only by the user of the process that connects."""
    keepalive_s: int = Field(default=10, ge=5, le=60)
    """Seconds without traffic after which pumpd and the broker check each other."""


class MqttSettings(BrokerSettings):
    """Telemetry is published to this broker. Without this section there is no telemetry."""

    resend_s: int = Field(default=30, ge=1, le=3600)
    """Seconds: after a lost connection, what the broker acknowledged within this time is published again, because a
    broker that dies loses what it has not written to its disk. mosquitto writes every half hour unless
    `autosave_interval` says otherwise."""
    requires_subscriber: bool = False
    """A message that nobody has subscribed to is not published: telemetry keeps it and tries again until a subscriber
    is there. For a site where what is published must reach a store."""
    home_assistant: Topic | None = None
    """Describe this gateway and its pumps to Home Assistant, as devices with sensors, below this discovery prefix: it
    is `homeassistant` unless it was changed there. Default: it is not described. Nothing can be operated from there."""


class FleetSettings(BrokerSettings):
    """The journal is also sent to this NATS JetStream, for the ward's store (pumpd-ward). Without this section it is
    not.
    """

    port: int = Field(default=4222, ge=1, le=65535)
    """TCP port of the node."""
    others: tuple[str, ...] = ()
    """Further nodes of the same cluster, each a host name or an address, on the same port."""
    every_s: float = Field(default=1, ge=0.25, le=10)
    """Seconds that an entry waits for others; alarms do not wait. Larger batches cost the disks of the nodes less."""


class MonitorBrokerSettings(BrokerSettings):
    """The broker to which bedside monitors publish vital signs. It may be that of telemetry, with another account."""
