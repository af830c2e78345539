"""The configuration of a ward's services: one TOML file. An unknown key is an error: it is probably misspelt."""

import re
import ssl
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pumpd_ward.roles import Role

DEFAULT_PATH = Path("/etc/pumpd-ward/ward.toml")
_HERE = re.compile(r"^(localhost|127\.[0-9.]+|\[?::1\]?)(:\d+)?$")


class SettingsError(ValueError):
    """The configuration cannot be used; the message has a line for each error."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StreamSettings(_Section):
    """The NATS JetStream that gateways send to."""

    nodes: tuple[str, ...] = ("127.0.0.1:4222",)
    """The nodes of the cluster, each as `HOST:PORT`."""
    tls: bool = True
    """Use TLS 1.3."""
    ca_file: Path | None = None
    """Certificate authorities that may sign the nodes' certificates, PEM. Default: those of the system."""
    client_cert: Path | None = None
    """The certificate of this service, PEM."""
    client_key: Path | None = None
    """The key of `client_cert`, PEM."""
    username: str | None = None
    """User name at the nodes."""
    password_file: Path | None = None
    """A file that contains only the password."""
    replicas: int = Field(default=3, ge=1, le=5)
    """On how many nodes each message is stored before it is acknowledged. 1 only for trials on one node."""
    most_gb: float = Field(default=20, gt=0)
    """Room for messages that the store has not taken yet. When it is full, gateways keep theirs and wait."""

    @model_validator(mode="after")
    def _secret_needs_tls(self) -> Self:
        if self.password_file is not None and not self.tls and not all(_HERE.match(node) for node in self.nodes):
            raise ValueError("tls: a password needs TLS, or the network can read it; set tls = true")
        return self

    def context(self) -> ssl.SSLContext | None:
        if not self.tls:
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if self.client_cert:
            context.load_cert_chain(self.client_cert, self.client_key)
        return context


class StoreSettings(_Section):
    """The PostgreSQL that keeps everything."""

    dsn: str = "postgresql:///pumpd_ward"
    """Where it is, as a connection string of PostgreSQL. A password belongs into a `.pgpass` file, not in here."""
    reading_months: int = Field(default=13, ge=1, le=240)
    """How many months single readings are kept. Alarms, infusions and the trend by minute and hour stay."""


def _secure(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be a URL such as https://login.example.org, without user, query and fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and _HERE.match(parts.hostname)):
        raise ValueError("must begin with https://")
    return url


Url = Annotated[str, AfterValidator(_secure)]


class OidcSettings(_Section):
    """Sign-in by the site's OpenID Connect provider, beside the accounts of the ward."""

    issuer: Url
    """The provider, exactly as it names itself in `/.well-known/openid-configuration`."""
    client_id: str = Field(min_length=1)
    """How the provider knows this page."""
    client_secret_file: Path | None = None
    """A file that contains only the client's secret. Without it the client is a public one."""
    public_url: Url
    """Where people open the page. The provider has to know `<public_url>/api/oidc/end` as the address to return to."""
    label: str = Field(default="your hospital account", min_length=1, max_length=40)
    """What the sign-in page calls it, after “Sign in with”."""
    scopes: tuple[str, ...] = ("openid", "profile")
    """What is asked for. Some providers send the groups only with a further scope."""
    groups_claim: str = "groups"
    """The claim of the ID token that lists the groups of a person."""
    roles: Mapping[str, Role] = Field(min_length=1)
    """Which group may see what: `nurse` or `engineer`. A person in none of them may see nothing."""
    ca_file: Path | None = None
    """Certificate authorities that may sign the provider's certificate, PEM. Default: those of the system."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        wrong = []
        if "openid" not in self.scopes:
            wrong.append('scopes: must contain "openid", or the provider says nothing about the person')
        if self.public_url.endswith("/"):
            wrong.append("public_url: must not end with /")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def client_secret(self) -> str | None:
        """Raises SettingsError when the file cannot be read, or by everyone."""
        if self.client_secret_file is None:
            return None
        try:
            if self.client_secret_file.stat().st_mode & stat.S_IROTH:
                raise SettingsError(
                    f"{self.client_secret_file}: every user of this machine can read the client's secret; chmod o-r it"
                )
            return self.client_secret_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise SettingsError(f"{self.client_secret_file}: the client's secret cannot be read: {why}") from error

    def context(self) -> ssl.SSLContext | None:
        """None: the system's authorities."""
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None


class BoardSettings(_Section):
    """The page for the ward."""

    host: str = "127.0.0.1"
    """Address to listen on. Anything but this machine needs `tls_cert`."""
    port: int = Field(default=8460, ge=0, le=65535)
    """TCP port to listen on."""
    tls_cert: Path | None = None
    """The server's certificate, PEM."""
    tls_key: Path | None = None
    """The key of `tls_cert`, PEM."""
    silent_s: int = Field(default=30, ge=15, le=600)
    """Seconds without a message after which a gateway counts as silent."""
    signed_in_h: int = Field(default=12, ge=1, le=168)
    """Hours after which a person signs in again."""
    oidc: OidcSettings | None = None
    """Sign-in by the site's provider. Without this section there are local accounts only."""

    @model_validator(mode="after")
    def _network_needs_tls(self) -> Self:
        if self.tls_cert is None and not _HERE.match(self.host):
            raise ValueError(
                "tls_cert: is missing; without it the page is served to this machine only (host 127.0.0.1)"
            )
        return self


class WardSettings(_Section):
    """All sections."""

    name: str = Field(default="Ward", min_length=1, max_length=40)
    """What the page calls the ward."""
    stream: StreamSettings = StreamSettings()
    store: StoreSettings = StoreSettings()
    board: BoardSettings = BoardSettings()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises SettingsError."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read: {error.strerror}; nothing was started") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: is not TOML: {error}; nothing was started") from error
        except ValidationError as error:
            found = [f"{path}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
            raise SettingsError("configuration refused:\n  " + "\n  ".join(found)) from error
