"""The configuration, read once from the environment."""

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from environs import Env, EnvValidationError


class Environment(StrEnum):
    """Where the application runs; production refuses everything that is only convenient."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class InvalidSettings(Exception):
    """The environment does not make a valid configuration; the message lists every defect."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


SECRET_MIN_BYTES = 32
PLACEHOLDERS = ("changeme", "change-me", "secret", "example", "password", "your-", "placeholder", "xxx")


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
    google_client_ids: tuple[str, ...] = ()
    google_jwks_url: str = "https://www.googleapis.com/oauth2/v3/certs"
    dev_identity_provider: bool = False
    default_admin_email: str = "admin@kcardswap.com"
    default_admin_password: str | None = _hidden()
    default_admin_role: str = "admin"
    storage_root: Path = Path(".data/storage")
    storage_signing_key: str = _hidden("")
    upload_url_lifetime: timedelta = timedelta(minutes=15)
    read_url_lifetime: timedelta = timedelta(minutes=10)
    image_max_megapixels: int = 25
    quota_timezone: str = "Asia/Taipei"
    trade_proposal_timeout: timedelta = timedelta(hours=168)
    trade_confirmation_timeout: timedelta = timedelta(hours=48)
    trade_mail_timeout: timedelta = timedelta(hours=336)
    idempotency_lifetime: timedelta = timedelta(hours=24)
    rate_limit_user: str = "1500/5 minutes"
    rate_limit_anonymous: str = "300/5 minutes"
    rate_limit_media: str = "60/30 minutes"
    rate_limit_storage_url: str = "memory://"
    request_max_json_bytes: int = 131072

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
        env = Env(eager=False)
        values = {**_read_server(env), **_read_accounts(env), **_read_swaps(env), **_read_secrets(env)}
        try:
            env.seal()
        except EnvValidationError as error:
            raise InvalidSettings(_described(error)) from error
        problems = _production_problems(values) if values["environment"] is Environment.PRODUCTION else []
        problems += _range_problems(values)
        if problems:
            raise InvalidSettings(problems)
        return cls(**_with_kept_secrets(values))


def _read_server(env: Env) -> dict[str, Any]:
    port = env.int("PORT", 8000)
    data_dir = Path(env.str("DATA_DIR", ".data") or ".data")
    environment = env.enum("ENVIRONMENT", Environment.DEVELOPMENT, enum=Environment, by_value=True)
    return {
        "environment": environment,
        "data_dir": data_dir,
        "port": port,
        "log_level": env.str("LOG_LEVEL", "INFO").upper(),
        "sql_echo": env.bool("SQL_ECHO", False),
        "public_base_url": env.str("PUBLIC_BASE_URL", "").rstrip("/") or f"http://localhost:{port}",
        "database_url": env.str("DATABASE_URL", "") or None,
        "database_read_url": env.str("DATABASE_READ_URL", "") or None,
        "database_pool_timeout_seconds": env.float("DATABASE_POOL_TIMEOUT_SECONDS", 3.0),
        "threads": env.int("THREADS", 4),
        "cors_origins": _words(env, "CORS_ORIGINS"),
        "trusted_proxy_hops": env.int("TRUSTED_PROXY_HOPS", 0),
        "rate_limit_user": env.str("RATE_LIMIT_USER", "1500/5 minutes"),
        "rate_limit_anonymous": env.str("RATE_LIMIT_ANONYMOUS", "300/5 minutes"),
        "rate_limit_media": env.str("RATE_LIMIT_MEDIA", "60/30 minutes"),
        "rate_limit_storage_url": env.str("RATE_LIMIT_STORAGE_URL", "memory://"),
        "request_max_json_bytes": env.int("REQUEST_MAX_JSON_BYTES", 131072),
        "idempotency_lifetime": timedelta(hours=env.float("IDEMPOTENCY_TTL_HOURS", 24)),
    }


def _read_accounts(env: Env) -> dict[str, Any]:
    environment = env.str("ENVIRONMENT", "development")
    return {
        "jwt_issuer": env.str("JWT_ISSUER", "kcardswap"),
        "jwt_audience": env.str("JWT_AUDIENCE", "kcardswap-api"),
        "access_token_lifetime": timedelta(minutes=env.float("ACCESS_TOKEN_EXPIRE_MINUTES", 15)),
        "session_lifetime": timedelta(days=env.float("REFRESH_TOKEN_EXPIRE_DAYS", 7)),
        "refresh_grace": timedelta(seconds=env.float("REFRESH_GRACE_SECONDS", 10)),
        "access_cookie_name": env.str("ACCESS_COOKIE_NAME", "access_token"),
        "refresh_cookie_name": env.str("REFRESH_COOKIE_NAME", "refresh_token"),
        "cookie_samesite": env.str("COOKIE_SAMESITE", "lax").capitalize(),
        "cookie_secure": env.bool("COOKIE_SECURE", environment == Environment.PRODUCTION.value),
        "cookie_domain": env.str("COOKIE_DOMAIN", "") or None,
        "google_client_ids": _words(env, "GOOGLE_CLIENT_ID"),
        "google_jwks_url": env.str("GOOGLE_JWKS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
        "dev_identity_provider": env.bool(
            "DEV_IDENTITY_PROVIDER", environment == Environment.DEVELOPMENT.value
        ),
        "default_admin_email": env.str("DEFAULT_ADMIN_EMAIL", "admin@kcardswap.com"),
        "default_admin_password": env.str("DEFAULT_ADMIN_PASSWORD", "") or None,
        "default_admin_role": env.str("DEFAULT_ADMIN_ROLE", "admin"),
    }


def _read_swaps(env: Env) -> dict[str, Any]:
    return {
        "storage_root": Path(
            env.str("STORAGE_ROOT", "") or Path(env.str("DATA_DIR", ".data") or ".data") / "storage"
        ),
        "upload_url_lifetime": timedelta(minutes=env.float("UPLOAD_URL_TTL_MINUTES", 15)),
        "read_url_lifetime": timedelta(minutes=env.float("READ_URL_TTL_MINUTES", 10)),
        "image_max_megapixels": env.int("IMAGE_MAX_MEGAPIXELS", 25),
        "quota_timezone": env.str("QUOTA_TZ", "Asia/Taipei"),
        "trade_proposal_timeout": timedelta(hours=env.float("TRADE_PROPOSAL_TIMEOUT_HOURS", 168)),
        "trade_confirmation_timeout": timedelta(hours=env.float("TRADE_CONFIRMATION_TIMEOUT_HOURS", 48)),
        "trade_mail_timeout": timedelta(hours=env.float("TRADE_MAIL_TIMEOUT_HOURS", 336)),
    }


SECRETS = {
    "jwt_secret_key": "JWT_SECRET_KEY",
    "storage_signing_key": "STORAGE_SIGNING_KEY",
    "hash_pepper": "HASH_PEPPER",
}


def _read_secrets(env: Env) -> dict[str, Any]:
    secrets_given = {name: env.str(key, "") for name, key in SECRETS.items()}
    return {**secrets_given, "jwt_previous_secret_key": env.str("JWT_PREVIOUS_SECRET_KEY", "") or None}


def _words(env: Env, key: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in env.str(key, "").split(",") if word.strip())


def _described(error: EnvValidationError) -> list[str]:
    messages = error.error_messages
    if not isinstance(messages, Mapping):
        return list(messages)
    return [f"{key}: {' '.join(map(str, listed))}" for key, listed in messages.items()]


def _range_problems(values: dict[str, Any]) -> list[str]:
    """Return what is wrong in any environment."""
    problems = [
        f"{SECRETS[name]}: at least {SECRET_MIN_BYTES} bytes"
        for name in SECRETS
        if values[name] and len(values[name].encode()) < SECRET_MIN_BYTES
    ]
    if "*" in values["cors_origins"]:
        problems.append("CORS_ORIGINS: name the origins; * would let any site act for its visitors")
    if not 1 <= values["port"] <= 65535:
        problems.append("PORT: 1 to 65535")
    if values["trusted_proxy_hops"] < 0:
        problems.append("TRUSTED_PROXY_HOPS: not negative")
    if values["cookie_samesite"] not in ("Lax", "Strict", "None"):
        problems.append("COOKIE_SAMESITE: lax, strict or none")
    if values["default_admin_role"] not in ("admin", "super_admin"):
        problems.append("DEFAULT_ADMIN_ROLE: admin or super_admin")
    durations = [
        name for name, value in values.items() if isinstance(value, timedelta) and value <= timedelta(0)
    ]
    problems += [f"{name}: a duration above zero" for name in durations]
    return problems + _database_problems(values)


def _database_problems(values: dict[str, Any]) -> list[str]:
    problems = []
    for key in ("database_url", "database_read_url"):
        scheme = urlsplit(values[key] or "postgresql://").scheme.partition("+")[0]
        if scheme not in ("postgresql", "postgres"):
            problems.append(f"{key.upper()}: a postgresql:// URL")
    return problems


def _production_problems(values: dict[str, Any]) -> list[str]:
    """Return what development forgives and production does not."""
    problems = []
    for name, key in SECRETS.items():
        if not values[name]:
            problems.append(f"{key}: required in production")
        elif any(word in values[name].lower() for word in PLACEHOLDERS):
            problems.append(f"{key}: looks like a placeholder; use a random value")
    if values["database_url"] is None:
        problems.append("DATABASE_URL: required in production; the embedded database is for development")
    elif not _has_password(values["database_url"]):
        problems.append("DATABASE_URL: needs a password; a database that trusts everybody is refused")
    if not values["public_base_url"].startswith("https://"):
        problems.append("PUBLIC_BASE_URL: an https:// URL in production")
    if not values["cookie_secure"]:
        problems.append("COOKIE_SECURE: must be true in production")
    if values["dev_identity_provider"]:
        problems.append("DEV_IDENTITY_PROVIDER: must be off in production")
    return problems


def _has_password(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.password or parse_qs(parts.query).get("password"))


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
        path.parent.mkdir(parents=True, exist_ok=True)
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
