"""What people tell others about themselves."""

from uuid import UUID

from kcardswap.api.blueprint import SIGNED_IN, Blueprint
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.schemas.profiles import OwnProfileSchema, ProfileBody, PublicProfileSchema
from kcardswap.domain.accounts import UserNotFound
from kcardswap.domain.profiles import ProfileChanges
from kcardswap.queries import profiles as profile_queries
from kcardswap.services import profiles

blp = Blueprint("profiles", __name__, description="What people tell others about themselves.")


@blp.operation("GET", "/profile/me", caller=SIGNED_IN, answer=OwnProfileSchema, cache="private")
def show_own_profile() -> object:
    """Show the caller's own profile; a missing one is made."""
    found = read(profile_queries.find_own, user_id=caller().user_id)
    if found is None:
        profiles.start(unit_of_work(), user_id=caller().user_id)
        found = read(profile_queries.find_own, user_id=caller().user_id)
    return found


@blp.operation("PUT", "/profile/me", caller=SIGNED_IN, body=ProfileBody, answer=OwnProfileSchema)
def edit_own_profile(body: ProfileChanges) -> object:
    """Change the given fields of the caller's profile."""
    profiles.edit(unit_of_work(), user_id=caller().user_id, changes=body)
    return read(profile_queries.find_own, user_id=caller().user_id)


@blp.operation(
    "GET",
    "/profile/<id:user_id>",
    caller=SIGNED_IN,
    answer=PublicProfileSchema,
    refuses=(UserNotFound,),
    cache="private",
)
def show_profile(user_id: UUID) -> object:
    """Show somebody's profile."""
    now = runtime().clock.now()
    return read(profile_queries.public, user_id=user_id, viewer_id=caller().user_id, now=now)
