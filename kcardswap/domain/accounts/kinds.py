"""The words accounts are described with: roles, standing, providers, how sessions are carried and end."""

from enum import StrEnum


class Role(StrEnum):
    """What a person may do; each role includes the ones before it."""

    USER = "user"
    ADMIN = "admin"
    SUPER_ADMIN = "super_admin"

    def includes(self, required: "Role") -> bool:
        """Tell whether this role may do what ``required`` may."""
        order = list(Role)
        return order.index(self) >= order.index(required)


class UserStatus(StrEnum):
    """Where an account stands with the moderators."""

    ACTIVE = "active"
    UNDER_REVIEW = "under_review"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class Provider(StrEnum):
    """Whose word we take for who somebody is."""

    GOOGLE = "google"
    APPLE = "apple"


class SessionClient(StrEnum):
    """How a client carries its tokens."""

    BEARER = "bearer"
    COOKIE = "cookie"


class SessionEnd(StrEnum):
    """Why a session ended before its time."""

    LOGOUT = "logout"
    LOGOUT_ALL = "logout_all"
    REVOKED = "revoked"
    REUSE = "reuse"
    SUSPENDED = "suspended"
    DELETED = "deleted"
