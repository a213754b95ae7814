"""Groups to choose from."""

from kcardswap.api.blueprint import ANYBODY, Blueprint
from kcardswap.api.context import read
from kcardswap.api.schemas.catalog import FeaturedGroupsSchema
from kcardswap.queries import catalog as catalog_queries

blp = Blueprint("catalog", __name__, description="Groups, members and photocards.")


@blp.operation("GET", "/idols/groups", caller=ANYBODY, answer=FeaturedGroupsSchema, cache="public")
def list_featured_groups() -> object:
    """List the groups offered to somebody new."""
    return {"groups": read(catalog_queries.featured_groups)}
