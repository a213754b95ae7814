"""Where people swap."""

from kcardswap.api.blueprint import ANYBODY, Blueprint
from kcardswap.api.schemas.locations import CitiesSchema
from kcardswap.domain.locations import CITIES

blp = Blueprint("locations", __name__, description="Cities.")


@blp.operation("GET", "/locations/cities", caller=ANYBODY, answer=CitiesSchema, cache="public")
def list_cities() -> object:
    """List the cities and counties of Taiwan."""
    return {"cities": CITIES}
