"""Where things live and what is allowed: one typed object from the environment (CAMSIGHT_*)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from engine.errors import ConfigError
from engine.people import Pattern, Role, pattern

PROJECT = Path(__file__).resolve().parent.parent

Listed = Annotated[tuple[str, ...], NoDecode]  # in the environment with commas between them


class Settings(BaseSettings):
    """Each field is an environment variable of the same name with CAMSIGHT_ before it."""

    model_config = SettingsConfigDict(env_prefix="CAMSIGHT_", extra="ignore")

    workspace: Path = Field(
        PROJECT / "workspace", description="folder of datasets, runs and jobs; it can be moved"
    )
    host: str = Field("127.0.0.1", description="address the dashboard listens on")
    port: int = Field(8501, ge=1, le=65535, description="port the dashboard listens on")
    allowed_hosts: Listed = Field(
        (), description="further names the dashboard answers under, with commas between them"
    )
    processes: int = Field(2, ge=1, le=64, description="processes that decode pictures")
    max_pixels: int = Field(
        60_000_000, ge=10_000, description="pixels of the largest picture that is decoded"
    )
    max_file_mb: int = Field(64, ge=1, description="size of the largest picture file, in MB")
    server_gpu_mb: int = Field(
        2048, ge=256, description="GPU memory that the process of heatmaps keeps to, in MB"
    )
    backbones: Path | None = Field(
        None,
        description="folder of ImageNet weights as <backbone>.weights.h5, or one such file, for "
        "machines without a network",
    )

    # who may enter
    sign_in: Literal["none", "oidc", "proxy"] = Field(
        "none",
        description="who says who somebody is: nobody, an OpenID Connect provider, or a proxy in "
        "front that writes it into a header",
    )
    anyone: bool = Field(
        False, description="listen on other addresses than loopback although nobody signs in"
    )
    public_url: str = Field(
        "", description="where people find the dashboard, as https://camsight.example"
    )
    oidc_url: str = Field(
        "",
        description="the provider's metadata, as "
        "https://login.example/.well-known/openid-configuration",
    )
    oidc_client_id: str = Field("", description="what the provider knows the dashboard by")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="its password there; or the file that holds it, after @"
    )
    cookie_secret: SecretStr = Field(
        SecretStr(""),
        description="what sign-ins are sealed with, 32 letters or more; or the file that holds it, "
        "after @; drawn at each start where none is given, so that everybody signs in anew",
    )
    session_hours: float = Field(8, gt=0, le=24 * 30, description="hours that a sign-in lasts")
    proxy_header: str = Field(
        "X-Forwarded-Email", description="header in which the proxy writes an e-mail address"
    )
    proxy_addresses: Listed = Field(
        (), description="addresses or networks of the proxy, as 10.0.0.2, 172.18.0.0/16"
    )
    admins: Listed = Field(
        (), description="who may do everything: ann@example.com, *@example.com, groups=ops"
    )
    trainers: Listed = Field((), description="who may prepare data and train, as admins are told")
    viewers: Listed = Field((), description="who may look and explain, as admins are told")

    # how much of it
    upload_mb: int = Field(1000, ge=1, description="size of the largest file that is sent, in MB")
    session_upload_mb: int = Field(
        2000, ge=1, description="what one session may have sent and not yet used, in MB"
    )
    all_uploads_mb: int = Field(
        20_000, ge=1, description="what all sessions may have sent and not yet used, in MB"
    )
    max_entries: int = Field(100_000, ge=1, description="files of the largest zip or folder")
    requests_a_minute: int = Field(
        1200, ge=1, description="requests of one person or address that are answered in a minute"
    )
    open_pages: int = Field(
        100, ge=1, description="pages that one person or address may have open at once"
    )
    idle_minutes: float = Field(
        120, gt=0, description="minutes without a click after which a session is ended"
    )
    queued_runs: int = Field(
        20, ge=1, description="runs that one person may have waiting or training"
    )
    jobs_at_once: int = Field(
        4, ge=1, description="datasets in the making and measurements that one person may have"
    )
    workspace_gb: float = Field(
        0, ge=0, description="disk that the workspace may take, in GB; 0 is all there is"
    )
    models_mb: int = Field(
        2048,
        ge=64,
        description="memory that the models which are kept for heatmaps may take, in MB",
    )

    # how it tells
    metrics_token: SecretStr = Field(
        SecretStr(""), description="what a monitor sends as bearer to read /metrics from elsewhere"
    )
    log: Literal["text", "json"] = Field("text", description="how a line of the log is written")

    @property
    def patterns(self) -> Mapping[Role, list[Pattern]]:
        """Whom each role is given to."""
        named = {Role.VIEWER: self.viewers, Role.TRAINER: self.trainers, Role.ADMIN: self.admins}
        return {role: [pattern(text) for text in texts] for role, texts in named.items()}

    @property
    def secrets(self) -> list[str]:
        """What must stand in no log and on no page."""
        values = (getattr(self, name) for name in Settings.model_fields)
        return [one.get_secret_value() for one in values if isinstance(one, SecretStr)]

    @field_validator(
        "allowed_hosts", "proxy_addresses", "admins", "trainers", "viewers", mode="before"
    )
    @classmethod
    def _parts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("workspace")
    @classmethod
    def _place(cls, workspace: Path) -> Path:
        return workspace.expanduser().resolve()

    @field_validator("allowed_hosts")
    @classmethod
    def _names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Names out of "a.example, *.b.example"; what could never match is refused."""
        names = tuple(name.lower() for name in names)
        for name in names:
            if not re.fullmatch(r"\*|(\*\.)?[^\s:/*]+|[0-9a-f]*:[0-9a-f:.]+", name):
                raise PydanticCustomError("host", "Names stand there without http:// and port")
        return names

    @field_validator("proxy_addresses")
    @classmethod
    def _networks(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            try:
                ip_network(address)
            except ValueError:
                raise PydanticCustomError(
                    "network", "Addresses stand there, as 10.0.0.2 or 172.18.0.0/16"
                ) from None
        return addresses

    @field_validator("admins", "trainers", "viewers")
    @classmethod
    def _patterns(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            try:
                pattern(text)
            except ValueError as error:
                raise PydanticCustomError("pattern", "{why}", {"why": str(error)}) from None
        return texts

    @field_validator("oidc_client_secret", "cookie_secret", "metrics_token", mode="before")
    @classmethod
    def _secret(cls, value: object) -> object:
        """What stands in the file after @, so that no secret need stand in the environment."""
        if not isinstance(value, str) or not value.startswith("@"):
            return value
        try:
            return Path(value[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise PydanticCustomError("secret", "The file after @ cannot be read") from None


@dataclass(frozen=True)
class Told:
    """A setting in force: its environment variable, its value in words that hold no secret, whether
    it was given or is the default, and what it means."""

    variable: str
    value: str
    given: bool
    meaning: str


def in_force(of: Settings) -> list[Told]:
    """Every setting, in the order of docs/settings.md."""
    return [
        Told(f"CAMSIGHT_{name.upper()}", _in_words(getattr(of, name)),
             name in of.model_fields_set, field.description or "")
        for name, field in Settings.model_fields.items()
    ]  # fmt: skip


def _in_words(value: object) -> str:
    """Of a secret only whether there is one; of an address not who signs in with which password."""
    if isinstance(value, SecretStr):
        return "given" if value.get_secret_value() else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    return re.sub(r"(?<=//)[^/@]*@", "", "" if value is None else str(value))


@cache
def settings() -> Settings:
    """The settings of this process, read once; `settings.cache_clear()` reads them again.

    Raises:
        ConfigError: naming the environment variable that cannot be used.
    """
    try:
        found = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        secret = Settings.model_fields[name].annotation is SecretStr
        given = "" if secret else f" = {first['input']!r}"
        raise ConfigError(
            f"CAMSIGHT_{name.upper()}{given} cannot be used: "
            f"{first['msg'][0].lower()}{first['msg'][1:]}; set another value."
        ) from None
    return found
