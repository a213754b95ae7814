"""What the product knows about K-pop: groups, members, releases, their names, and kinds of photocards."""

from kcardswap.domain.catalog.entries import (
    GroupEntry as GroupEntry,
)
from kcardswap.domain.catalog.entries import (
    MemberEntry as MemberEntry,
)
from kcardswap.domain.catalog.entries import (
    PhotocardEntry as PhotocardEntry,
)
from kcardswap.domain.catalog.entries import (
    ReleaseEntry as ReleaseEntry,
)
from kcardswap.domain.catalog.groups import (
    CatalogGroup as CatalogGroup,
)
from kcardswap.domain.catalog.groups import (
    CatalogMember as CatalogMember,
)
from kcardswap.domain.catalog.groups import (
    CatalogRelease as CatalogRelease,
)
from kcardswap.domain.catalog.kinds import (
    ALIAS_MAX_LENGTH as ALIAS_MAX_LENGTH,
)
from kcardswap.domain.catalog.kinds import (
    SEARCH_TEXT_MAX_LENGTH as SEARCH_TEXT_MAX_LENGTH,
)
from kcardswap.domain.catalog.kinds import (
    AliasLocale as AliasLocale,
)
from kcardswap.domain.catalog.kinds import (
    GroupNotFound as GroupNotFound,
)
from kcardswap.domain.catalog.kinds import (
    ListedStatus as ListedStatus,
)
from kcardswap.domain.catalog.kinds import (
    MemberNotFound as MemberNotFound,
)
from kcardswap.domain.catalog.kinds import (
    PhotocardSource as PhotocardSource,
)
from kcardswap.domain.catalog.kinds import (
    PhotocardStatus as PhotocardStatus,
)
from kcardswap.domain.catalog.kinds import (
    ReleaseKind as ReleaseKind,
)
from kcardswap.domain.catalog.kinds import (
    ReleaseNotFound as ReleaseNotFound,
)
from kcardswap.domain.catalog.kinds import (
    Verification as Verification,
)
from kcardswap.domain.catalog.kinds import (
    search_text as search_text,
)
from kcardswap.domain.catalog.names import (
    CatalogAlias as CatalogAlias,
)
from kcardswap.domain.catalog.names import (
    Romanise as Romanise,
)
from kcardswap.domain.catalog.names import (
    Spellings as Spellings,
)
from kcardswap.domain.catalog.names import (
    generated_spellings as generated_spellings,
)
