"""Where things live and what is allowed: one typed object from the environment (CAMSIGHT_*)."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from engine.errors import ConfigError

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Each field is an environment variable of the same name with CAMSIGHT_ before it."""

    model_config = SettingsConfigDict(env_prefix="CAMSIGHT_", extra="ignore")

    workspace: Path = Field(
        PROJECT / "workspace", description="folder of datasets, runs and jobs; it can be moved"
    )
    host: str = Field("127.0.0.1", description="address the dashboard listens on")
    port: int = Field(8501, ge=1, le=65535, description="port the dashboard listens on")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="further names the dashboard answers under, with commas between them"
    )
    processes: int = Field(2, ge=1, le=64, description="processes that decode pictures")
    max_pixels: int = Field(
        60_000_000, ge=10_000, description="pixels of the largest picture that is decoded"
    )
    max_file_mb: int = Field(64, ge=1, description="size of the largest picture file, in MB")
    server_gpu_mb: int = Field(
        2048, ge=256, description="GPU memory that the dashboard's own process keeps to, in MB"
    )
    backbones: Path | None = Field(
        None,
        description="folder of ImageNet weights as <backbone>.weights.h5, or one such file, for "
        "machines without a network",
    )
    models_in_memory: int = Field(
        3, ge=1, description="models that the dashboard keeps loaded at the same time"
    )

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        """Names out of "a.example, *.b.example"; what could never match is refused."""
        if not isinstance(value, str):
            return value
        names = tuple(part.strip().lower() for part in value.split(",") if part.strip())
        for name in names:
            if not re.fullmatch(r"\*|(\*\.)?[^\s:/*]+|[0-9a-f]*:[0-9a-f:.]+", name):
                raise PydanticCustomError("host", "Names stand there without http:// and port")
        return names


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
        raise ConfigError(
            f"CAMSIGHT_{str(first['loc'][0]).upper()} = {first['input']!r} cannot be used: "
            f"{first['msg'][0].lower()}{first['msg'][1:]}; set another value."
        ) from None
    return found.model_copy(update={"workspace": found.workspace.expanduser().resolve()})
