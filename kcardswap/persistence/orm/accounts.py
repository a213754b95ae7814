"""users, identities, sessions, refresh_tokens, login_throttles, identity_denials and erasure_requests."""

from sqlalchemy import CHAR, BigInteger, CheckConstraint, Column, Index, String, Table, Text, UniqueConstraint

from kcardswap.domain.accounts import (
    Identity,
    LoginThrottle,
    Provider,
    RefreshToken,
    Role,
    Session,
    SessionClient,
    SessionEnd,
    User,
    UserStatus,
)
from kcardswap.domain.erasure import ErasureRequest
from kcardswap.persistence.orm.base import (
    choice,
    id_column,
    mapper_registry,
    metadata,
    moment,
    one_of,
    reference,
    times,
)

users = Table(
    "users",
    metadata,
    id_column(),
    Column("email", String(320)),
    Column("password_hash", String(255)),
    choice("role", Role),
    choice("status", UserStatus),
    moment("suspended_until", nullable=True),
    moment("last_seen_at", nullable=True),
    moment("deleted_at", nullable=True),
    *times(),
    UniqueConstraint("email"),
    one_of("role", Role),
    one_of("status", UserStatus),
    CheckConstraint("email !~ '[A-Z]'", name="email_lower_case"),
    CheckConstraint("password_hash IS NULL OR role IN ('admin', 'super_admin')", name="password_role"),
    CheckConstraint("suspended_until IS NULL OR status = 'suspended'", name="suspended_until"),
    CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name="deleted_at"),
    CheckConstraint(
        "deleted_at IS NULL OR (email IS NULL AND password_hash IS NULL)", name="deleted_is_anonymous"
    ),
)
Index("ix_users_status_created_at_id", users.c.status, users.c.created_at.desc(), users.c.id)
Index("ix_users_created_at_id", users.c.created_at.desc(), users.c.id)
Index(
    "ix_users_administrators_role_created_at_id",
    users.c.role,
    users.c.created_at.desc(),
    users.c.id,
    postgresql_where=users.c.role != Role.USER.value,
)
Index(
    "ix_users_suspended_until",
    users.c.suspended_until,
    postgresql_where=users.c.status == UserStatus.SUSPENDED.value,
)

identities = Table(
    "identities",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    choice("provider", Provider),
    Column("subject", String(255), nullable=False),
    Column("email", String(320)),
    Column("sealed_refresh_token", Text),
    *times(),
    UniqueConstraint("provider", "subject"),
    UniqueConstraint("user_id", "provider"),
    one_of("provider", Provider),
    CheckConstraint("length(sealed_refresh_token) <= 4096", name="sealed_refresh_token_length"),
)

sessions = Table(
    "sessions",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    choice("client", SessionClient),
    Column("user_agent", String(300)),
    Column("ip_prefix", String(64)),
    moment("created_at"),
    moment("last_used_at"),
    moment("expires_at"),
    moment("ended_at", nullable=True),
    choice("end_reason", SessionEnd, nullable=True),
    one_of("client", SessionClient),
    one_of("end_reason", SessionEnd),
    CheckConstraint("expires_at > created_at", name="expires_at"),
    CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended"),
    Index("ix_sessions_user_id", "user_id"),
    Index("ix_sessions_expires_at", "expires_at"),
)
Index(
    "ix_sessions_user_id_last_used_at",
    sessions.c.user_id,
    sessions.c.last_used_at.desc(),
    postgresql_where=sessions.c.ended_at.is_(None),
)
Index("ix_sessions_ended_at", sessions.c.ended_at, postgresql_where=sessions.c.ended_at.is_not(None))

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    id_column(),
    reference("session_id", "sessions.id", ondelete="CASCADE"),
    reference("parent_id", "refresh_tokens.id", ondelete="SET NULL", nullable=True),
    Column("token_hash", CHAR(64), nullable=False),
    Column("key_id", String(20), nullable=False),
    moment("issued_at"),
    moment("expires_at"),
    moment("retired_at", nullable=True),
    UniqueConstraint("token_hash"),
    UniqueConstraint("parent_id"),
    CheckConstraint("expires_at > issued_at", name="expires_at"),
    Index("ix_refresh_tokens_session_id", "session_id"),
)

login_throttles = Table(
    "login_throttles",
    metadata,
    Column("key_hash", CHAR(64), primary_key=True),
    moment("window_started_at"),
    Column("failures", BigInteger, nullable=False),
    CheckConstraint("failures >= 0", name="failures"),
    Index("ix_login_throttles_window_started_at", "window_started_at"),
)

identity_denials = Table(
    "identity_denials",
    metadata,
    id_column(),
    choice("provider", Provider),
    Column("subject_hash", CHAR(64), nullable=False),
    moment("until", nullable=True),
    moment("created_at"),
    UniqueConstraint("provider", "subject_hash"),
    one_of("provider", Provider),
    Index("ix_identity_denials_until", "until"),
)

erasure_requests = Table(
    "erasure_requests",
    metadata,
    id_column(),
    reference("user_id", "users.id", ondelete="CASCADE"),
    moment("requested_at"),
    moment("due_at"),
    moment("next_try_at"),
    reference("heir_id", "users.id", ondelete="SET NULL", nullable=True),
    Column("sealed_refresh_token", Text),
    Column("attempts", BigInteger, nullable=False),
    Column("last_error", Text),
    UniqueConstraint("user_id"),
    UniqueConstraint("heir_id"),
    CheckConstraint("attempts >= 0", name="attempts"),
    CheckConstraint("length(sealed_refresh_token) <= 4096", name="sealed_refresh_token_length"),
    CheckConstraint("length(last_error) <= 1000", name="last_error_length"),
    Index("ix_erasure_requests_next_try_at", "next_try_at"),
)


def map_accounts() -> None:
    """Map the account entities onto their tables."""
    mapper_registry.map_imperatively(User, users)
    mapper_registry.map_imperatively(Identity, identities)
    mapper_registry.map_imperatively(Session, sessions)
    mapper_registry.map_imperatively(RefreshToken, refresh_tokens)
    mapper_registry.map_imperatively(LoginThrottle, login_throttles)
    mapper_registry.map_imperatively(ErasureRequest, erasure_requests)
