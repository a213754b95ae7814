"""Data: initial consonants and Latin letters of the featured groups' names, and spaces around texts."""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SEEDED_AT = datetime(2026, 11, 22, tzinfo=UTC)
SEARCH_TEXT_MAX_LENGTH = 4000
SEARCHED = [
    sa.table(name, sa.column("search_text", sa.Text))
    for name in ("catalog_groups", "catalog_releases", "photocards")
]

# id, slug of the group, locale, text, norm
ALIASES = (
    ("01a204da-8cc7-75e5-b818-ebc21d4dc610", "newjeans", "ko", "ㄴㅈㅅ", "ᄂᄌᄉ"),
    ("01a204da-8cc7-75e5-b818-ebc3a6399387", "newjeans", "en", "NyuJinSeu", "nyujinseu"),
    ("01a204da-8cc7-75e5-b818-ebc4cee8fb39", "newjeans", "ko", "ㄴㅈㅈ", "ᄂᄌᄌ"),
    ("01a204da-8cc7-75e5-b818-ebc5595f3730", "newjeans", "en", "NyuJinJeu", "nyujinjeu"),
    ("01a204da-8cc8-751d-846b-5a01880409d5", "newjeans", "ko", "ㅇㅈㅇㅈ", "ᄋᄌᄋᄌ"),
    ("01a204da-8cc8-751d-846b-5a02ac9ac0cf", "newjeans", "en", "EnJeIJi", "enjeiji"),
    ("01a204da-8cc8-751d-846b-5a03267c00cb", "ive", "ko", "ㅇㅇㅂ", "ᄋᄋᄇ"),
    ("01a204da-8cc8-751d-846b-5a0400ca460c", "ive", "en", "AIBeu", "aibeu"),
    ("01a204da-8cc8-751d-846b-5a0521d938e9", "ive", "en", "aivu", "aivu"),
    ("01a204da-8cc9-7491-8b1c-fcc34659e0d0", "aespa", "ko", "ㅇㅅㅍ", "ᄋᄉᄑ"),
    ("01a204da-8cc9-7491-8b1c-fcc40a6a54c2", "aespa", "en", "ESeuPa", "eseupa"),
    ("01a204da-8cca-71d9-8708-79b7af2add60", "le-sserafim", "ko", "ㄹㅅㄹㅍ", "ᄅᄉᄅᄑ"),
    ("01a204da-8cca-71d9-8708-79b85d2723b8", "le-sserafim", "en", "LeuSeLaPim", "leuselapim"),
    ("01a204da-8ccb-7794-a7bd-c76495c84ce6", "le-sserafim", "ko", "ㄹㅆㄹㅍ", "ᄅᄊᄅᄑ"),
    ("01a204da-8ccb-7794-a7bd-c76555aaad7e", "le-sserafim", "en", "LeuSseLaPim", "leusselapim"),
    ("01a204da-8ccb-7794-a7bd-c7662bcaf666", "blackpink", "ko", "ㅂㄹㅍㅋ", "ᄇᄅᄑᄏ"),
    ("01a204da-8ccb-7794-a7bd-c767c9a8ddd7", "blackpink", "en", "BeulLaegPingKeu", "beullaegpingkeu"),
    ("01a204da-8ccb-7794-a7bd-c7685254e7ec", "blackpink", "ko", "ㅂㅍ", "ᄇᄑ"),
    ("01a204da-8ccb-7794-a7bd-c769cd55976f", "blackpink", "en", "BeulPing", "beulping"),
    ("01a204da-8ccb-7794-a7bd-c76a6d209d4f", "twice", "ko", "ㅌㅇㅇㅅ", "ᄐᄋᄋᄉ"),
    ("01a204da-8ccb-7794-a7bd-c76b0e0eef43", "twice", "en", "TeuWaISeu", "teuwaiseu"),
    ("01a204da-8ccb-7794-a7bd-c76c4489ade0", "twice", "en", "touwaisu", "touwaisu"),
    ("01a204da-8ccb-7794-a7bd-c76de9c9a2d7", "twice", "ko", "ㅌㅇ", "ᄐᄋ"),
    ("01a204da-8ccb-7794-a7bd-c76e2536101f", "twice", "en", "TeuWa", "teuwa"),
    ("01a204da-8ccc-71fa-b8ac-d7eef1f3a322", "twice", "ko", "ㅌㅇㅇㅆ", "ᄐᄋᄋᄊ"),
    ("01a204da-8ccc-71fa-b8ac-d7efaea82c17", "twice", "en", "TeuWaISseu", "teuwaisseu"),
    ("01a204da-8ccc-71fa-b8ac-d7f058a257b5", "seventeen", "ko", "ㅅㅂㅌ", "ᄉᄇᄐ"),
    ("01a204da-8ccc-71fa-b8ac-d7f15fd551fb", "seventeen", "en", "SeBeunTin", "sebeuntin"),
    ("01a204da-8ccc-71fa-b8ac-d7f207640a91", "seventeen", "ko", "ㅅㅂㅇ", "ᄉᄇᄋ"),
    ("01a204da-8ccc-71fa-b8ac-d7f3cdcd61b3", "seventeen", "en", "SeBongI", "sebongi"),
    ("01a204da-8ccd-7132-8757-3c123a8e27f3", "bts", "ko", "ㅂㅌㅅㄴㄷ", "ᄇᄐᄉᄂᄃ"),
    ("01a204da-8cce-7677-9719-9368bcd99cf8", "bts", "en", "FangDanShaoNianTuan", "fangdanshaoniantuan"),
    ("01a204da-8cce-7677-9719-9369a53b82ce", "bts", "ko", "ㅂㅌ", "ᄇᄐ"),
    ("01a204da-8cce-7677-9719-936acafa4f29", "bts", "ko", "ㅂㅌㅇㅅ", "ᄇᄐᄋᄉ"),
    ("01a204da-8cce-7677-9719-936b9b820682", "bts", "en", "BiTiESeu", "bitieseu"),
    ("01a204da-8cce-7677-9719-936c75d736b6", "stray-kids", "ko", "ㅅㅌㄹㅇㅋㅈ", "ᄉᄐᄅᄋᄏᄌ"),
    ("01a204da-8cce-7677-9719-936de41a285e", "stray-kids", "en", "SeuTeuLeI KiJeu", "seuteuleikijeu"),
    ("01a204da-8cce-7677-9719-936e15f90098", "stray-kids", "ko", "ㅅㅋㅈ", "ᄉᄏᄌ"),
    ("01a204da-8cce-7677-9719-936f10b75cfd", "stray-kids", "en", "SeuKiJeu", "seukijeu"),
    ("01a204da-8cce-7677-9719-9370f580f1e8", "enhypen", "ko", "ㅇㅎㅇㅍ", "ᄋᄒᄋᄑ"),
    ("01a204da-8cce-7677-9719-937160690a4b", "enhypen", "en", "EnHaIPeun", "enhaipeun"),
    ("01a204da-8cce-7677-9719-93720bde3543", "enhypen", "ko", "ㅇㅎ", "ᄋᄒ"),
    ("01a204da-8ccf-7595-9e49-9cd4c2c1b099", "txt", "ko", "ㅌㅁㄹㅇㅂㅇㅌㄱㄷ", "ᄐᄆᄅᄋᄇᄋᄐᄀᄃ"),
    ("01a204da-8ccf-7595-9e49-9cd5fea63c40", "txt", "en", "TuMoLoUBaITuGeDeo", "tumoloubaitugedeo"),
    ("01a204da-8ccf-7595-9e49-9cd60a2d9bc5", "txt", "ko", "ㅌㅂㅌ", "ᄐᄇᄐ"),
    ("01a204da-8ccf-7595-9e49-9cd77489c083", "txt", "ko", "ㅌㅇㅅㅌ", "ᄐᄋᄉᄐ"),
    ("01a204da-8ccf-7595-9e49-9cd8ec423d36", "txt", "en", "TiEgSeuTi", "tiegseuti"),
    ("01a204da-8ccf-7595-9e49-9cd9839959b7", "itzy", "ko", "ㅇㅈ", "ᄋᄌ"),
    ("01a204da-8ccf-7595-9e49-9cdae04e78ef", "itzy", "en", "IssJi", "issji"),
    ("01a204da-8cd0-75f8-91d3-e54ea8d82495", "itzy", "ko", "ㅇㅉ", "ᄋᄍ"),
    ("01a204da-8cd0-75f8-91d3-e54f547aa681", "itzy", "en", "IJji", "ijji"),
    ("01a204da-8cd0-75f8-91d3-e55058263caa", "itzy", "en", "IsJi", "isji"),
)

# A group somebody removed has no spellings, and a name that is known already is not made up again.
ADD = sa.text(
    """
    INSERT INTO catalog_aliases (id, group_id, locale, text, norm, generated, created_at, updated_at)
    SELECT :id, catalog_groups.id, :locale, :text, :norm, true, :moment, :moment
    FROM catalog_groups WHERE slug = :slug
    ON CONFLICT DO NOTHING
    """
).bindparams(sa.bindparam("id", type_=sa.Uuid), sa.bindparam("moment", type_=MOMENT))
SEARCH_TEXT = """
    UPDATE catalog_groups SET search_text = (
        SELECT string_agg(norm, ' ' ORDER BY norm COLLATE "C")
        FROM catalog_aliases WHERE group_id = catalog_groups.id
    )
    WHERE featured AND EXISTS (SELECT FROM catalog_aliases WHERE group_id = catalog_groups.id)
"""


def upgrade() -> None:
    for id, slug, locale, text, norm in ALIASES:
        op.execute(
            ADD.bindparams(id=UUID(id), slug=slug, locale=locale, text=text, norm=norm, moment=SEEDED_AT)
        )
    op.execute(SEARCH_TEXT)
    # Words stand between spaces, also the first and the last, so that their ends can be searched for.
    for table in SEARCHED:
        words = sa.func.left(table.c.search_text, SEARCH_TEXT_MAX_LENGTH - 2)
        op.execute(
            sa.update(table)
            .where(~table.c.search_text.startswith(" "))
            .values(search_text=sa.literal(" ") + words + sa.literal(" "))
        )


def downgrade() -> None:
    op.execute("DELETE FROM catalog_aliases WHERE generated")
    op.execute(SEARCH_TEXT)
    for table in SEARCHED:
        op.execute(
            sa.update(table)
            .where(table.c.search_text.startswith(" "))
            .values(search_text=sa.func.btrim(table.c.search_text))
        )
