"""Groups, releases and photocards: choosing, submitting and curating them."""

from typing import Any
from uuid import UUID

from kcardswap.api.blueprint import ADMIN, ANYBODY, SIGNED_IN, Blueprint, envelope_of
from kcardswap.api.context import caller, read, runtime, unit_of_work
from kcardswap.api.envelope import Answer
from kcardswap.api.pagination import collection_of, page_answer, page_request
from kcardswap.api.schemas.catalog import (
    FeaturedGroupsSchema,
    GroupDetailSchema,
    GroupQuery,
    GroupSchema,
    PhotocardBody,
    PhotocardCountsSchema,
    PhotocardEditBody,
    PhotocardMergeBody,
    PhotocardMergedSchema,
    PhotocardQuery,
    PhotocardSchema,
    ReleaseQuery,
    ReleaseSchema,
)
from kcardswap.domain.cards import PhotocardNotFound
from kcardswap.domain.catalog import GroupNotFound, MemberNotFound, ReleaseNotFound
from kcardswap.domain.errors import SelfTarget
from kcardswap.domain.photocards import PhotocardExists, PhotocardIncomplete, PhotocardMerged, TargetMismatch
from kcardswap.queries import catalog as catalog_queries
from kcardswap.queries import photocards as photocard_queries
from kcardswap.services import photocards

blp = Blueprint("catalog", __name__, description="Groups, members, releases and photocards.")

KNOWN_ALREADY = {
    "responses": {
        200: {
            "description": "The catalog has it already.",
            "content": {"application/json": {"schema": envelope_of(PhotocardSchema, False)}},
        }
    }
}
"""How the other success of a submission is described."""


@blp.operation("GET", "/idols/groups", caller=ANYBODY, answer=FeaturedGroupsSchema, cache="public")
def list_featured_groups() -> object:
    """List the groups offered to somebody new."""
    return {"groups": read(catalog_queries.featured_groups)}


@blp.operation(
    "GET",
    "/catalog/groups",
    caller=ANYBODY,
    query=GroupQuery,
    answer=collection_of("groups", GroupSchema),
    cache="public",
)
def list_groups(query: dict[str, Any]) -> Answer:
    """List groups by name, or those called something like `q`, most similar first."""
    page = read(catalog_queries.groups_found, q=query.get("q"), page=page_request(query))
    return page_answer("groups", page, query, cursors=True)


@blp.operation(
    "GET",
    "/catalog/groups/<id:group_id>",
    caller=ANYBODY,
    answer=GroupDetailSchema,
    refuses=(GroupNotFound,),
    cache="public",
)
def show_group(group_id: UUID) -> object:
    """Show a group, its members and how many releases it has."""
    found = read(catalog_queries.group_with_members, group_id=group_id)
    return {**found.group._asdict(), "members": found.members, "release_count": found.release_count}


@blp.operation(
    "GET",
    "/catalog/releases",
    caller=ANYBODY,
    query=ReleaseQuery,
    answer=collection_of("releases", ReleaseSchema),
    refuses=(GroupNotFound,),
    cache="public",
)
def list_releases(query: dict[str, Any]) -> Answer:
    """List releases, newest first and undated ones last."""
    page = read(
        catalog_queries.releases_found,
        group_id=query.get("group_id"),
        q=query.get("q"),
        page=page_request(query),
    )
    return page_answer("releases", page, query, cursors=True)


@blp.operation(
    "GET",
    "/catalog/photocards",
    caller=SIGNED_IN,
    query=PhotocardQuery,
    answer=collection_of("photocards", PhotocardSchema),
    cache="private",
)
def list_photocards(query: dict[str, Any]) -> Answer:
    """List photocards, newest first, or those whose names hold the words of `q`, most similar first."""
    page = read(photocard_queries.photocards_found, filters=query, q=query.get("q"), page=page_request(query))
    return page_answer("photocards", page, query, cursors=True)


@blp.operation(
    "GET",
    "/catalog/photocards/<id:photocard_id>",
    caller=SIGNED_IN,
    answer=PhotocardCountsSchema,
    refuses=(PhotocardNotFound,),
    cache="private",
)
def show_photocard(photocard_id: UUID) -> object:
    """Show a photocard with how many have and want it; a merged one shows what it was merged into."""
    found = read(photocard_queries.photocard, photocard_id=photocard_id, now=runtime().clock.now())
    return {**_fields(found.photocard), "have_count": found.have_count, "want_count": found.want_count}


@blp.operation(
    "POST",
    "/catalog/photocards",
    caller=SIGNED_IN,
    body=PhotocardBody,
    answer=PhotocardSchema,
    status=201,
    refuses=(GroupNotFound, MemberNotFound, ReleaseNotFound, TargetMismatch),
    docs=KNOWN_ALREADY,
)
def submit_photocard(body: dict[str, Any]) -> Answer:
    """Add a photocard the catalog lacks, or get the one it has."""
    submitted = photocards.submit(unit_of_work(), by=caller().user_id, wanted=body)
    return Answer(_photocard(submitted.photocard_id), status=201 if submitted.is_new else 200)


@blp.operation(
    "PATCH",
    "/admin/catalog/photocards/<id:photocard_id>",
    caller=ADMIN,
    body=PhotocardEditBody,
    answer=PhotocardSchema,
    refuses=(
        PhotocardNotFound,
        GroupNotFound,
        MemberNotFound,
        ReleaseNotFound,
        TargetMismatch,
        PhotocardExists,
        PhotocardIncomplete,
        PhotocardMerged,
    ),
)
def curate_photocard(photocard_id: UUID, body: dict[str, Any]) -> object:
    """Correct a photocard or verify it."""
    photocards.curate(unit_of_work(), photocard_id=photocard_id, by=caller().user_id, changes=body)
    return _photocard(photocard_id)


@blp.operation(
    "POST",
    "/admin/catalog/photocards/<id:photocard_id>/merge",
    caller=ADMIN,
    body=PhotocardMergeBody,
    answer=PhotocardMergedSchema,
    refuses=(SelfTarget, PhotocardNotFound, PhotocardMerged),
)
def merge_photocard(photocard_id: UUID, body: dict[str, Any]) -> object:
    """Merge a photocard into another; cards and wishes move along."""
    merger = photocards.merge(
        unit_of_work(), photocard_id=photocard_id, into_id=body["into_id"], by=caller().user_id
    )
    return {**_fields(_photocard(body["into_id"])), **merger._asdict()}


def _photocard(photocard_id: UUID) -> catalog_queries.PhotocardRow:
    return read(photocard_queries.photocard, photocard_id=photocard_id, now=runtime().clock.now()).photocard


def _fields(row: catalog_queries.PhotocardRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (*row._fields, "group", "member", "release")}
