"""What accounts and signing in refuse."""

from kcardswap.domain.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    InvalidState,
    NotFound,
    Unauthorized,
    Unavailable,
)


class UserNotFound(NotFound):
    """No such person, or not for the caller."""

    def __init__(self) -> None:
        super().__init__("user")


class SessionNotFound(NotFound):
    """No such live session of the caller."""

    def __init__(self) -> None:
        super().__init__("session")


class EmailTaken(Conflict):
    """Another account has this e-mail; accounts are never merged by it."""

    message = "Another account already uses this e-mail address."
    reason = "email_taken"


class InvalidCredentials(Unauthorized):
    """One indistinguishable answer for every failed password sign-in."""

    message = "The e-mail address or the password is wrong."
    reason = "invalid_credentials"


class InvalidGoogleToken(Unauthorized):
    """Google's ID token did not pass verification."""

    message = "The Google token was not accepted."
    reason = "invalid_google_token"


class InvalidAppleToken(Unauthorized):
    """Apple's identity token did not pass verification."""

    message = "The Apple token was not accepted."
    reason = "invalid_apple_token"


class RedirectUriNotAllowed(InvalidRequest):
    """The code was asked for with a redirect URI that is none of ours."""

    message = "This redirect URI is not allowed."
    reason = "redirect_uri_not_allowed"


class GoogleUnavailable(Unavailable):
    """Google cannot be asked."""

    message = "Google cannot be reached. Try again shortly."

    def __init__(self) -> None:
        super().__init__(service="google_oauth")


class AppleUnavailable(Unavailable):
    """Apple cannot be asked, or signing in with it is not set up."""

    message = "Signing in with Apple is not available. Try again shortly."

    def __init__(self) -> None:
        super().__init__(service="apple_id")


class CredentialMissing(Unauthorized):
    """The operation needs a signed-in caller."""

    message = "Sign in first."
    reason = "missing"


class InvalidToken(Unauthorized):
    """Not an access token of ours."""

    message = "The access token is not valid."
    reason = "invalid_token"


class SessionEnded(Unauthorized):
    """The session behind a token has ended."""

    message = "This session has ended. Sign in again."
    reason = "session_ended"


class RefreshMissing(Unauthorized):
    """Neither body nor cookie carries a refresh token."""

    message = "No refresh token was sent."
    reason = "refresh_missing"


class RefreshInvalid(Unauthorized):
    """Bad signature, expired, unknown, or its session ended."""

    message = "The refresh token is not valid. Sign in again."
    reason = "refresh_invalid"


class RefreshReused(Unauthorized):
    """A retired token came back too late: its session has been ended, for the token may be stolen."""

    message = "This refresh token was used before. The session has been ended; sign in again."
    reason = "refresh_reused"


class AccountSuspended(Forbidden):
    """Moderators suspended the account; ``suspended_until`` None means without end."""

    message = "This account is suspended."
    reason = "account_suspended"


class RoleRequired(Forbidden):
    """The caller's role is not enough."""

    message = "Your role does not allow this."
    reason = "role_required"


class AdminAccount(InvalidState):
    """An administrator's account; it is given back its ordinary role before it can be deleted."""

    message = "An administrator's account cannot be deleted."
    reason = "admin_account"


class NoOtherSignIn(InvalidState):
    """Taking the password away would leave no way to sign in."""

    message = "This account has only its password to sign in by."
