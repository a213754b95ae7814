"""The names groups, members and releases go by, also those that only searches need."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kcardswap.domain.base import NewId
from kcardswap.domain.catalog.kinds import ALIAS_MAX_LENGTH, AliasLocale
from kcardswap.domain.text import initial_consonants, normalise


@dataclass(eq=False, kw_only=True)
class CatalogAlias:
    """One spelling of the name of a group, member or release; the names themselves are spellings too."""

    id: UUID
    group_id: UUID | None
    member_id: UUID | None
    release_id: UUID | None
    locale: AliasLocale
    text: str
    norm: str
    generated: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def spelled(
        cls,
        text: str,
        norm: str,
        *,
        id: UUID,
        now: datetime,
        group_id: UUID | None = None,
        member_id: UUID | None = None,
        release_id: UUID | None = None,
        generated: bool = False,
    ) -> "CatalogAlias":
        """Return the alias ``text`` of one group, member or release."""
        return cls(
            id=id,
            group_id=group_id,
            member_id=member_id,
            release_id=release_id,
            locale=AliasLocale.of(text),
            text=text,
            norm=norm,
            generated=generated,
            created_at=now,
            updated_at=now,
        )


Romanise = Callable[[str], str]
"""Writes a name in Latin letters."""


def generated_spellings(texts: Iterable[str], romanise: Romanise) -> list[str]:
    """Return what people may type for names nobody spelled that way: initial consonants and Latin letters."""
    return [
        spelling[:ALIAS_MAX_LENGTH]
        for text in texts
        for spelling in (initial_consonants(text), None if text.isascii() else romanise(text))
        if spelling is not None
    ]


@dataclass(slots=True)
class Spellings:
    """The aliases of one entry, to which the texts of a file are added."""

    aliases: list[CatalogAlias]
    new_id: NewId
    now: datetime
    owner: Mapping[str, UUID]
    """The one of group_id, member_id and release_id that names the entry."""

    def add(self, texts: Iterable[str | None], *, generated: bool = False) -> bool:
        """Add the texts that compare like no alias yet and tell whether that changed anything.

        Of equal texts the first wins. A name somebody uses takes the place of an equal generated one.
        """
        known = {alias.norm: alias for alias in self.aliases}
        changed = False
        for text in texts:
            norm = normalise(text)
            if text is None or norm is None:
                continue
            alias = known.get(norm)
            if alias is None:
                alias = CatalogAlias.spelled(
                    text, norm, id=self.new_id(), now=self.now, generated=generated, **self.owner
                )
                self.aliases.append(alias)
                known[norm] = alias
                changed = True
            elif alias.generated and not generated:
                alias.text, alias.locale, alias.generated = text, AliasLocale.of(text), False
                changed = True
        return changed

    def generate(self, romanise: Romanise) -> bool:
        """Add the generated spellings of all names and tell whether there were new ones."""
        texts = [alias.text for alias in self.aliases if not alias.generated]
        return self.add(generated_spellings(texts, romanise), generated=True)
