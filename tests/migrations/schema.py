"""Everything a database holds besides rows, in the words of PostgreSQL's own catalogue."""

from sqlalchemy import Connection, text

# NOT NULL is compared with the columns; since PostgreSQL 18 it is a constraint as well.
CONSTRAINTS = text(
    """
    SELECT conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid) || ' ' || convalidated
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND conrelid <> 0
    """
)
INDEXES = text(
    """
    SELECT tablename || ' ' || indexname, indexdef || CASE WHEN indisvalid THEN '' ELSE ' INVALID' END
    FROM pg_indexes JOIN pg_index ON indexrelid = indexname::regclass WHERE schemaname = 'public'
    """
)
COLUMNS = text(
    """
    SELECT attrelid::regclass || '.' || attname,
           concat_ws(' ', format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'NOT NULL' END,
                     'DEFAULT ' || pg_get_expr(adbin, adrelid), nullif(attidentity::text, ''),
                     nullif(attgenerated::text, ''), attcollation::regcollation)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
    """
)
# What belongs to an extension came with it.
OTHER_OBJECTS = text(
    """
    SELECT 'relation ' || relname, relkind::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'i')
    UNION ALL
    SELECT 'trigger ' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'type ' || typname, typtype::text FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd', 'r')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_type.oid AND deptype = 'e')
    UNION ALL
    SELECT 'function ' || proname, prokind::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    """
)


def schema_of(connection: Connection) -> dict[str, str]:
    """Return every constraint, index and column by name with its definition, without Alembic's own table."""
    found: dict[str, str] = {}
    for kind, query in {"constraint": CONSTRAINTS, "index": INDEXES, "column": COLUMNS}.items():
        found |= {f"{kind} {name}": definition for name, definition in connection.execute(query)}
    return {name: definition for name, definition in found.items() if "alembic_version" not in name}


def other_objects(connection: Connection) -> dict[str, str]:
    """Return what is neither table, index nor constraint: sequences, views, triggers, types, functions."""
    return {row[0]: row[1] for row in connection.execute(OTHER_OBJECTS)}


def differences(ours: dict[str, str], theirs: dict[str, str]) -> list[str]:
    """Return one line for each object that one of the two lacks or defines otherwise."""
    return [
        f"{name}: {ours.get(name, 'absent')} | {theirs.get(name, 'absent')}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]
