"""Data: the twelve groups offered to somebody new, and the names they go by."""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import insert

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SEEDED_AT = datetime(2026, 11, 22, tzinfo=UTC)

groups = sa.table(
    "catalog_groups",
    sa.column("id", sa.Uuid),
    sa.column("slug", sa.String),
    sa.column("name", sa.String),
    sa.column("name_ko", sa.String),
    sa.column("name_zh", sa.String),
    sa.column("emoji", sa.String),
    sa.column("featured", sa.Boolean),
    sa.column("sort_order", sa.Integer),
    sa.column("search_text", sa.Text),
    sa.column("created_at", MOMENT),
    sa.column("updated_at", MOMENT),
)
aliases = sa.table(
    "catalog_aliases",
    sa.column("id", sa.Uuid),
    sa.column("group_id", sa.Uuid),
    sa.column("locale", sa.String),
    sa.column("text", sa.String),
    sa.column("norm", sa.String),
    sa.column("created_at", MOMENT),
    sa.column("updated_at", MOMENT),
)

# id, slug, name, name_ko, name_zh, emoji, sort_order
GROUPS = (
    ("01a2042e-7b73-7505-95bb-e7e23b7077db", "newjeans", "NewJeans", "뉴진스", None, "🐰", 1),
    ("01a2042e-7b74-7604-8975-22b57e94b225", "ive", "IVE", "아이브", None, "🎀", 2),
    ("01a2042e-7b74-7604-8975-22b9e5e9dc36", "aespa", "aespa", "에스파", None, "🦋", 3),
    ("01a2042e-7b74-7604-8975-22be1cd55dca", "le-sserafim", "LE SSERAFIM", "르세라핌", None, "🪽", 4),
    ("01a2042e-7b74-7604-8975-22c47c455498", "blackpink", "BLACKPINK", "블랙핑크", None, "🖤", 5),
    ("01a2042e-7b74-7604-8975-22ca2951d635", "twice", "TWICE", "트와이스", None, "🍭", 6),
    ("01a2042e-7b74-7604-8975-22d0ff7a8492", "seventeen", "SEVENTEEN", "세븐틴", None, "💎", 7),
    ("01a2042e-7b74-7604-8975-22d65e07f8cb", "bts", "BTS", "방탄소년단", "防彈少年團", "💜", 8),
    ("01a2042e-7b74-7604-8975-22e2a32708c0", "stray-kids", "Stray Kids", "스트레이 키즈", None, "🐺", 9),
    ("01a2042e-7b74-7604-8975-22e76af238c4", "enhypen", "ENHYPEN", "엔하이픈", None, "🧛", 10),
    ("01a2042e-7b74-7604-8975-22ecbf145a85", "txt", "TXT", "투모로우바이투게더", None, "⭐", 11),
    ("01a2042e-7b74-7604-8975-22f51f96e374", "itzy", "ITZY", "있지", None, "👑", 12),
)
# id, slug of the group, locale, text, norm (NFKC, casefold, letters and digits only). The names are rows
# too, and what compares equal within a group is one row.
ALIASES = (
    ("01a2042e-7b74-7604-8975-22aff7966e90", "newjeans", "en", "NewJeans", "newjeans"),
    ("01a2042e-7b74-7604-8975-22b0e6dbb5a1", "newjeans", "ko", "뉴진스", "뉴진스"),
    ("01a2042e-7b74-7604-8975-22b1af62710a", "newjeans", "en", "NJZ", "njz"),
    ("01a2042e-7b74-7604-8975-22b27a5bf86a", "newjeans", "en", "NWJNS", "nwjns"),
    ("01a2042e-7b74-7604-8975-22b325537fd3", "newjeans", "ko", "뉴진즈", "뉴진즈"),
    ("01a2042e-7b74-7604-8975-22b4dc3ad04b", "newjeans", "ko", "엔제이지", "엔제이지"),
    ("01a2042e-7b74-7604-8975-22b613a03bf2", "ive", "en", "IVE", "ive"),
    ("01a2042e-7b74-7604-8975-22b7a3c0b9f7", "ive", "ko", "아이브", "아이브"),
    ("01a2042e-7b74-7604-8975-22b8fa49d11b", "ive", "other", "アイヴ", "アイヴ"),
    ("01a2042e-7b74-7604-8975-22ba2d5081b0", "aespa", "en", "aespa", "aespa"),
    ("01a2042e-7b74-7604-8975-22bb5462d740", "aespa", "ko", "에스파", "에스파"),
    ("01a2042e-7b74-7604-8975-22bcc78f2b2e", "aespa", "en", "Espa", "espa"),
    ("01a2042e-7b74-7604-8975-22bdcf8a80c2", "aespa", "en", "æspa", "æspa"),
    ("01a2042e-7b74-7604-8975-22bf43a89ccb", "le-sserafim", "en", "LE SSERAFIM", "lesserafim"),
    ("01a2042e-7b74-7604-8975-22c03509c011", "le-sserafim", "ko", "르세라핌", "르세라핌"),
    ("01a2042e-7b74-7604-8975-22c16b402d36", "le-sserafim", "en", "Le Seraphim", "leseraphim"),
    ("01a2042e-7b74-7604-8975-22c2d3a331df", "le-sserafim", "en", "LSF", "lsf"),
    ("01a2042e-7b74-7604-8975-22c3037be256", "le-sserafim", "ko", "르쎄라핌", "르쎄라핌"),
    ("01a2042e-7b74-7604-8975-22c54528608b", "blackpink", "en", "BLACKPINK", "blackpink"),
    ("01a2042e-7b74-7604-8975-22c6d26c9f6d", "blackpink", "ko", "블랙핑크", "블랙핑크"),
    ("01a2042e-7b74-7604-8975-22c7d00faa27", "blackpink", "en", "BLPK", "blpk"),
    ("01a2042e-7b74-7604-8975-22c8bec93249", "blackpink", "en", "BP", "bp"),
    ("01a2042e-7b74-7604-8975-22c9660c63fd", "blackpink", "ko", "블핑", "블핑"),
    ("01a2042e-7b74-7604-8975-22cb2104fb3c", "twice", "en", "TWICE", "twice"),
    ("01a2042e-7b74-7604-8975-22ccca446e51", "twice", "ko", "트와이스", "트와이스"),
    ("01a2042e-7b74-7604-8975-22cdcd6d7fdb", "twice", "other", "トゥワイス", "トゥワイス"),
    ("01a2042e-7b74-7604-8975-22cea3811409", "twice", "ko", "트와", "트와"),
    ("01a2042e-7b74-7604-8975-22cfdcb0e22f", "twice", "ko", "트와이쓰", "트와이쓰"),
    ("01a2042e-7b74-7604-8975-22d1737c1a59", "seventeen", "en", "SEVENTEEN", "seventeen"),
    ("01a2042e-7b74-7604-8975-22d2ab13e27c", "seventeen", "ko", "세븐틴", "세븐틴"),
    ("01a2042e-7b74-7604-8975-22d3fd3843b2", "seventeen", "en", "Sebong", "sebong"),
    ("01a2042e-7b74-7604-8975-22d4e4ffd039", "seventeen", "en", "SVT", "svt"),
    ("01a2042e-7b74-7604-8975-22d54b62c7bf", "seventeen", "ko", "세봉이", "세봉이"),
    ("01a2042e-7b74-7604-8975-22d767f54d6a", "bts", "en", "BTS", "bts"),
    ("01a2042e-7b74-7604-8975-22d84e16df70", "bts", "ko", "방탄소년단", "방탄소년단"),
    ("01a2042e-7b74-7604-8975-22d9cefda12d", "bts", "zh", "防彈少年團", "防彈少年團"),
    ("01a2042e-7b74-7604-8975-22dae9495438", "bts", "en", "Bangtan", "bangtan"),
    ("01a2042e-7b74-7604-8975-22db87bee4a3", "bts", "en", "Bangtan Boys", "bangtanboys"),
    ("01a2042e-7b74-7604-8975-22dce497dab8", "bts", "en", "Bangtan Sonyeondan", "bangtansonyeondan"),
    ("01a2042e-7b74-7604-8975-22dd7d16db27", "bts", "en", "Beyond the Scene", "beyondthescene"),
    ("01a2042e-7b74-7604-8975-22deaf89ba76", "bts", "en", "Bulletproof Boy Scouts", "bulletproofboyscouts"),
    ("01a2042e-7b74-7604-8975-22df30b26b75", "bts", "zh", "防弹少年团", "防弹少年团"),
    ("01a2042e-7b74-7604-8975-22e0f22cadc7", "bts", "ko", "방탄", "방탄"),
    ("01a2042e-7b74-7604-8975-22e12b73cad9", "bts", "ko", "비티에스", "비티에스"),
    ("01a2042e-7b74-7604-8975-22e3a2b43fc1", "stray-kids", "en", "Stray Kids", "straykids"),
    ("01a2042e-7b74-7604-8975-22e40aec0545", "stray-kids", "ko", "스트레이 키즈", "스트레이키즈"),
    ("01a2042e-7b74-7604-8975-22e552723cd5", "stray-kids", "en", "SKZ", "skz"),
    ("01a2042e-7b74-7604-8975-22e686b33d78", "stray-kids", "ko", "스키즈", "스키즈"),
    ("01a2042e-7b74-7604-8975-22e816c8588d", "enhypen", "en", "ENHYPEN", "enhypen"),
    ("01a2042e-7b74-7604-8975-22e9b96a00d1", "enhypen", "ko", "엔하이픈", "엔하이픈"),
    ("01a2042e-7b74-7604-8975-22ea2eb343d0", "enhypen", "en", "ENHA", "enha"),
    ("01a2042e-7b74-7604-8975-22eb9b2260f1", "enhypen", "ko", "엔하", "엔하"),
    ("01a2042e-7b74-7604-8975-22ed4bc1b057", "txt", "en", "TXT", "txt"),
    ("01a2042e-7b74-7604-8975-22eeb707b273", "txt", "ko", "투모로우바이투게더", "투모로우바이투게더"),
    ("01a2042e-7b74-7604-8975-22ef0c3d7477", "txt", "en", "Tomorrow by Together", "tomorrowbytogether"),
    ("01a2042e-7b74-7604-8975-22f0cf5faafe", "txt", "en", "TOMORROW TOGETHER", "tomorrowtogether"),
    ("01a2042e-7b74-7604-8975-22f1d982b995", "txt", "en", "TOMORROW X TOGETHER", "tomorrowxtogether"),
    ("01a2042e-7b74-7604-8975-22f210447bb8", "txt", "en", "TUBATU", "tubatu"),
    ("01a2042e-7b74-7604-8975-22f3a54af74d", "txt", "ko", "투바투", "투바투"),
    ("01a2042e-7b74-7604-8975-22f42a7f0342", "txt", "ko", "티엑스티", "티엑스티"),
    ("01a2042e-7b74-7604-8975-22f6f093d50e", "itzy", "en", "ITZY", "itzy"),
    ("01a2042e-7b74-7604-8975-22f7ddc30bda", "itzy", "ko", "있지", "있지"),
    ("01a2042e-7b74-7604-8975-22f88483bf7e", "itzy", "en", "ITZI", "itzi"),
    ("01a2042e-7b74-7604-8975-22f984faa352", "itzy", "ko", "이찌", "이찌"),
    ("01a2042e-7b74-7604-8975-22fa508e5757", "itzy", "ko", "잇지", "잇지"),
)


def group_rows() -> list[dict[str, object]]:
    norms = {slug: sorted(alias[4] for alias in ALIASES if alias[1] == slug) for _, slug, *_ in GROUPS}
    return [
        {
            "id": UUID(id),
            "slug": slug,
            "name": name,
            "name_ko": name_ko,
            "name_zh": name_zh,
            "emoji": emoji,
            "featured": True,
            "sort_order": sort_order,
            "search_text": " ".join(norms[slug]),
            "created_at": SEEDED_AT,
            "updated_at": SEEDED_AT,
        }
        for id, slug, name, name_ko, name_zh, emoji, sort_order in GROUPS
    ]


def alias_rows() -> list[dict[str, object]]:
    group_ids = {slug: UUID(id) for id, slug, *_ in GROUPS}
    return [
        {
            "id": UUID(id),
            "group_id": group_ids[slug],
            "locale": locale,
            "text": text,
            "norm": norm,
            "created_at": SEEDED_AT,
            "updated_at": SEEDED_AT,
        }
        for id, slug, locale, text, norm in ALIASES
    ]


def upgrade() -> None:
    # A downgrade leaves groups that have members or photocards by now, so the rows may be there already.
    op.execute(insert(groups).values(group_rows()).on_conflict_do_nothing())
    op.execute(insert(aliases).values(alias_rows()).on_conflict_do_nothing())


def downgrade() -> None:
    op.execute(sa.delete(aliases).where(aliases.c.id.in_([row["id"] for row in alias_rows()])))
    # Groups something else was built upon stay: taking their members and photocards along would lose data
    # that this migration did not bring.
    users_of_a_group = [
        sa.table(name, sa.column("group_id", sa.Uuid))
        for name in ("catalog_members", "catalog_releases", "photocards")
    ]
    unused = [~sa.exists().where(user.c.group_id == groups.c.id) for user in users_of_a_group]
    op.execute(sa.delete(groups).where(groups.c.id.in_([row["id"] for row in group_rows()]), *unused))
