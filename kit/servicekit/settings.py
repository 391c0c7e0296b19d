"""Settings that every gRPC service has; each service subclasses them with its own."""

import os
import secrets
from pathlib import Path

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

SECRET_BYTES = 32
MOUNTED_SECRETS = Path("/run/secrets")


def keep_private() -> None:
    """From now on whatever this process writes (databases, secrets, sockets) is its own user's alone."""
    os.umask(0o077)


class CommonSettings(BaseSettings):
    """What all four processes understand, read from `PROMPTSPHERE_*` environment variables."""

    # Inputs stay out of the sentences about what is wrong with them: URLs hold passwords.
    model_config = SettingsConfigDict(
        env_prefix="PROMPTSPHERE_",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the files that a container mounts (`promptsphere_database_url`)."""
        if MOUNTED_SECRETS.is_dir():
            file_secret_settings = SecretsSettingsSource(settings_cls, secrets_dir=MOUNTED_SECRETS)
        return init_settings, env_settings, file_secret_settings

    redis_url: str = Field("", description="Shared Redis (`redis://`, `rediss://`, `unix://`); empty: do without.")
    redis_pool_size: int = Field(10, ge=1, le=1000, description="Most Redis connections of one process.")
    redis_timeout_seconds: float = Field(0.1, gt=0, le=5, description="Longest wait for one Redis answer, in seconds.")
    service_credential_file: Path | None = Field(
        None,
        description="File with the gateway's own credential, the same at every service.",
    )
    secrets_dir: Path | None = Field(
        None,
        description="Folder of secret files, one a secret; those missing are made there.",
    )
    log_level: str = Field("INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`.")
    debug: bool = Field(default=False, description="Logs for people instead of JSON; never in production.")
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port of the Prometheus metrics on loopback (0: any free one); empty: none.",
    )

    def secret(self, name: str) -> bytes:
        """The bytes of the secret file `name`, made with 32 random bytes when it is not there.

        Two processes that start together agree: the file is linked into place whole, and the first one wins.

        Raises:
            ValueError: there is no folder of secrets, or the file holds fewer than 16 bytes.
        """
        if self.secrets_dir is None:
            raise ValueError("Set PROMPTSPHERE_SECRETS_DIR to a folder for secret files that survives restarts.")
        path = self.secrets_dir / name
        if not path.exists():
            _write_new_secret(path)
        value = path.read_bytes().strip()
        if len(value) < 16:
            raise ValueError(f"The secret file {path} is too short: put at least 16 random bytes there.")
        return value

    def service_credential(self) -> str:
        """The gateway's credential, as every service and the gateway know it.

        Raises:
            ValueError: the file is not named, or holds fewer than 32 characters.
        """
        if self.service_credential_file is None:
            raise ValueError("Set PROMPTSPHERE_SERVICE_CREDENTIAL_FILE to the file with the gateway's credential.")
        value = self.service_credential_file.read_text(encoding="ascii").strip()
        if len(value) < 32:
            raise ValueError(f"{self.service_credential_file} must hold at least 32 random characters.")
        return value


class ServiceSettings(CommonSettings):
    """What each service behind the gateway understands."""

    listen: str = Field("127.0.0.1:0", description="Where gRPC is served: `host:port` or `unix:/path`.")
    database_url: str = Field(
        "sqlite:///promptsphere.db",
        description="`sqlite:////path/to/file` or `mysql://user:password@host:port/schema`.",
    )
    database_pool_size: int = Field(10, ge=1, le=200, description="Database connections kept open.")
    database_max_overflow: int = Field(20, ge=0, le=400, description="Database connections beyond the pool at a peak.")
    auth_target: str = Field("", description="gRPC target of auth-service, for its public keys.")
    drain_seconds: float = Field(25.0, ge=0, le=300, description="Longest wait for open calls at shutdown, in seconds.")


class TextWorkSettings(ServiceSettings):
    """What a service understands that works on texts of any kind (`servicekit.workers`)."""

    text_workers: int = Field(
        2, ge=1, le=8, description="Most processes for work on large texts; none runs before the first such text."
    )
    text_worker_from_bytes: int = Field(
        8192, ge=0, le=1_048_576, description="A text of this size or more is worked on in such a process."
    )
    text_limit_seconds: float = Field(
        5.0, gt=0, le=60, description="Work on one text that takes longer is ended as `text_too_complex`."
    )


def _write_new_secret(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    # Synced, folder and all: what a secret has sealed is in the database at once, and a power cut must not leave that
    # without its secret.
    with draft.open("wb") as file:
        file.write(secrets.token_hex(SECRET_BYTES).encode("ascii"))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
        _sync_folder(path.parent)
    except FileExistsError:
        pass  # another process was first; its secret is the secret
    finally:
        draft.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
