"""The configuration, read once from the environment."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from kcardswap.settings.problems import problems_of
from kcardswap.settings.reading import SECRETS, Environment, read_environment

__all__ = ["Environment", "InvalidSettings", "Settings", "kept_secret"]


class InvalidSettings(Exception):
    """The environment does not make a valid configuration; the message lists every defect."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


def _hidden(default: Any = None) -> Any:
    return field(default=default, repr=False)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Secrets are left out of ``repr``."""

    environment: Environment = Environment.DEVELOPMENT
    data_dir: Path = Path(".data")
    port: int = 8000
    log_level: str = "INFO"
    sql_echo: bool = False
    public_base_url: str = "http://localhost:8000"
    database_url: str | None = _hidden()
    database_read_url: str | None = _hidden()
    database_pool_timeout_seconds: float = 3.0
    threads: int = 4
    jwt_secret_key: str = _hidden("")
    jwt_previous_secret_key: str | None = _hidden()
    jwt_issuer: str = "kcardswap"
    jwt_audience: str = "kcardswap-api"
    access_token_lifetime: timedelta = timedelta(minutes=15)
    session_lifetime: timedelta = timedelta(days=7)
    refresh_grace: timedelta = timedelta(seconds=10)
    access_cookie_name: str = "access_token"
    refresh_cookie_name: str = "refresh_token"
    cookie_samesite: str = "Lax"
    cookie_secure: bool = False
    cookie_domain: str | None = None
    cors_origins: tuple[str, ...] = ()
    trusted_proxy_hops: int = 0
    hash_pepper: str = _hidden("")
    sealing_key: str = _hidden("")
    google_client_ids: tuple[str, ...] = ()
    google_client_secret: str | None = _hidden()
    google_redirect_uris: tuple[str, ...] = ()
    google_jwks_url: str = "https://www.googleapis.com/oauth2/v3/certs"
    google_token_url: str = "https://oauth2.googleapis.com/token"
    apple_client_ids: tuple[str, ...] = ()
    apple_team_id: str | None = None
    apple_key_id: str | None = None
    apple_private_key_path: Path | None = None
    apple_base_url: str = "https://appleid.apple.com"
    account_erasure_after: timedelta = timedelta(days=14)
    dev_identity_provider: bool = False
    google_play_package_name: str | None = None
    google_play_key_path: Path | None = None
    google_play_product_ids: tuple[str, ...] = ("premium_monthly", "premium_yearly")
    google_play_base_url: str = "https://androidpublisher.googleapis.com"
    dev_play_store: bool = False
    fcm_credentials_path: Path | None = None
    fcm_base_url: str = "https://fcm.googleapis.com"
    internal_token: str | None = _hidden()
    default_admin_email: str = "admin@kcardswap.com"
    default_admin_password: str | None = _hidden()
    default_admin_role: str = "admin"
    storage_backend: str = "local"
    storage_root: Path = Path(".data/storage")
    storage_signing_key: str = _hidden("")
    s3_endpoint_url: str | None = None
    s3_bucket: str = "kcardswap"
    s3_region: str = "auto"
    s3_access_key_id: str = _hidden("")
    s3_secret_access_key: str = _hidden("")
    upload_url_lifetime: timedelta = timedelta(minutes=15)
    read_url_lifetime: timedelta = timedelta(minutes=10)
    export_url_lifetime: timedelta = timedelta(hours=24)
    image_max_megapixels: int = 25
    quota_timezone: str = "Asia/Taipei"
    post_default_lifetime: timedelta = timedelta(days=14)
    post_longest_lifetime: timedelta = timedelta(days=90)
    trade_proposal_timeout: timedelta = timedelta(hours=168)
    trade_confirmation_timeout: timedelta = timedelta(hours=48)
    trade_mail_timeout: timedelta = timedelta(hours=336)
    message_request_cooldown: timedelta = timedelta(hours=168)
    message_retention: timedelta = timedelta(days=30)
    idempotency_lifetime: timedelta = timedelta(hours=24)
    rate_limit_user: str = "1500/5 minutes"
    rate_limit_anonymous: str = "300/5 minutes"
    rate_limit_media: str = "60/30 minutes"
    rate_limit_receipts: str = "30/1 hour"
    rate_limit_exports: str = "10/1 hour"
    rate_limit_storage_url: str = _hidden("memory://")
    request_max_json_bytes: int = 131072
    celery_broker_url: str | None = _hidden()
    worker_concurrency: int = 4
    worker_grace: timedelta = timedelta(seconds=20)
    event_lease: timedelta = timedelta(seconds=30)

    @property
    def is_production(self) -> bool:
        """Tell whether the strict rules apply."""
        return self.environment is Environment.PRODUCTION

    @classmethod
    def from_env(cls) -> "Settings":
        """Read the environment of the process.

        Outside production, missing secrets are made once and kept in ``DATA_DIR``, so that every
        process and every start uses the same ones.

        :raises InvalidSettings: one error that lists every missing or invalid key.
        """
        values, unreadable = read_environment()
        problems = [*unreadable, *problems_of(values)]
        if problems:
            raise InvalidSettings(problems)
        return cls(**_with_kept_secrets(values))


def _with_kept_secrets(values: dict[str, Any]) -> dict[str, Any]:
    """Fill in missing secrets from ``DATA_DIR/secrets``, making each on its first use."""
    kept = {
        name: values[name] or kept_secret(values["data_dir"], name, lambda: secrets.token_urlsafe(48))
        for name in SECRETS
    }
    return {**values, **kept}


def kept_secret(data_dir: Path, name: str, make: Callable[[], str]) -> str:
    """Return the secret ``name`` kept in ``data_dir``; the first process to ask makes it.

    :raises InvalidSettings: the directory cannot be written.
    """
    path = data_dir / "secrets" / name
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        # Written aside and linked into place, so that two first starts agree on one value and nobody
        # reads half of it.
        if not path.exists():
            draft = path.with_name(f"{name}.{secrets.token_hex(8)}")
            draft.touch(mode=0o600)
            draft.write_text(make())
            with suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return path.read_text()
    except OSError as error:
        raise InvalidSettings(
            [f"DATA_DIR: cannot keep secrets in {path.parent}: {error.strerror}"]
        ) from error
