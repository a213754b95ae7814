"""What a migration file may contain, and the SQL it comes to."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.conftest import PROJECT, scratch_database
from tests.migrations.running import must

FILES = sorted((PROJECT / "migrations" / "versions").glob("*.py"))
NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"

# What poolers, replicas and distributed engines do not have, and limits that would outlive the migration.
FORBIDDEN = re.compile(
    r"(^|;)\s*set\s+(?!local\b|null\b|default\b)|\bcreate\s+(or\s+replace\s+)?(type|sequence|trigger|rule)\b"
    r"|\b(big|small)?serial\b|\bnextval\b|\bset_config\b|\bpg_(try_)?advisory_lock\b|\blisten\b|\bnotify\b",
    re.IGNORECASE,
)
FORBIDDEN_NAMES = {"Sequence", "Identity", "Enum", "ENUM", "create_all", "Session", "sessionmaker"}

EXCUSED = {
    # The tables are as old as the revision before, and nobody uses them yet.
    "0002": ["require-concurrent-index-creation"],
    # IF NOT EXISTS would keep the invalid index of a failed build; the file drops that first instead.
    "0015": ["prefer-robust-stmts"],
    "0026": ["prefer-robust-stmts"],
    "0027": ["prefer-robust-stmts"],
    "0028": ["prefer-robust-stmts"],
    "0029": ["prefer-robust-stmts"],
    "0032": ["prefer-robust-stmts"],
    "0036": ["prefer-robust-stmts"],
    "0045": ["prefer-robust-stmts"],
    "0046": ["prefer-robust-stmts"],
    "0048": ["prefer-robust-stmts"],
    "0020": ["prefer-robust-stmts"],
    "0023": ["prefer-robust-stmts"],
    "0024": ["prefer-robust-stmts"],
}


def source(path: Path) -> tuple[str, ast.Module]:
    content = path.read_text()
    return content, ast.parse(content)


def strings(tree: ast.Module) -> list[str]:
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def names(tree: ast.AST) -> set[str]:
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def function(tree: ast.Module, name: str) -> ast.FunctionDef:
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    """One migration file after the other."""
    assert isinstance(request.param, Path)
    return request.param


def test_a_migration_imports_nothing_that_changes_with_the_application(path: Path) -> None:
    _, tree = source(path)
    imported = {
        module.partition(".")[0]
        for node in ast.walk(tree)
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names <= {"alembic", "sqlalchemy"}


def test_a_migration_uses_nothing_that_poolers_replicas_and_other_engines_lack(path: Path) -> None:
    _, tree = source(path)
    assert [string for string in strings(tree) if FORBIDDEN.search(string)] == []
    assert names(tree) & FORBIDDEN_NAMES == set()


def test_a_migration_says_what_it_does_and_is_named_after_its_number(path: Path) -> None:
    _, tree = source(path)
    assert ast.get_docstring(tree)
    assert path.stem.partition("_")[0] in strings(tree)
    assert re.fullmatch(r"\d{4}(_[a-z0-9]+)+", path.stem)


def test_a_migration_can_be_undone(path: Path) -> None:
    _, tree = source(path)
    body = function(tree, "downgrade").body
    assert not all(isinstance(node, ast.Pass | ast.Raise | ast.Expr) and not names(node) for node in body)


def test_what_is_built_concurrently_is_alone_in_its_file(path: Path) -> None:
    content, tree = source(path)
    if "concurrently" not in content.lower():
        return
    for name in ("upgrade", "downgrade"):
        (only,) = function(tree, name).body
        assert isinstance(only, ast.With)
        assert "autocommit_block" in names(only.items[0].context_expr)
        assert names(only) <= {
            "op",
            "get_context",
            "autocommit_block",
            "create_index",
            "drop_index",
            "sa",
            "text",
        }


def test_a_migration_changes_either_the_schema_or_rows(path: Path) -> None:
    _, tree = source(path)
    data = names(tree) & {"insert", "bulk_insert", "update", "delete"}
    schema = {
        name
        for name in names(tree)
        if re.match(r"(create|drop|add|alter)_(table|column|index|foreign)", name)
    }
    assert not (data and schema)


@pytest.mark.parametrize(
    "statement",
    [
        "SET statement_timeout = 0",
        "set role to owner",
        "CREATE TYPE mood AS ENUM ('fine')",
        "CREATE OR REPLACE TRIGGER t",
        "id bigserial",
        "SELECT pg_advisory_lock(1)",
    ],
)
def test_the_scan_knows_what_is_forbidden(statement: str) -> None:
    assert FORBIDDEN.search(statement)


@pytest.mark.parametrize(
    "statement", ["SET LOCAL lock_timeout = '1s'", "ALTER t ALTER c SET NOT NULL", "UPDATE t SET c = 1"]
)
def test_the_scan_leaves_alone_what_is_not(statement: str) -> None:
    assert not FORBIDDEN.search(statement)


@pytest.fixture(scope="module")
def upgrade_sql() -> str:
    """What ``flask db upgrade --sql`` prints, without any database."""
    return must("upgrade", "--sql", url=NOWHERE)


def test_the_printed_sql_bounds_its_locks_and_runs_each_migration_in_a_transaction(upgrade_sql: str) -> None:
    assert upgrade_sql.startswith("SET lock_timeout = '2s';")
    # What builds or drops an index CONCURRENTLY ends its transaction before and begins another one after.
    outside = sum("INDEX CONCURRENTLY" in part for part in upgrade_sql.split("-- Running upgrade "))
    assert upgrade_sql.count("\nBEGIN;") == upgrade_sql.count("\nCOMMIT;") == len(FILES) + outside


def test_the_printed_sql_runs_elsewhere(upgrade_sql: str, server_url: str) -> None:
    # psql is not on every machine: the statements are sent one by one, as psql would.
    with scratch_database(server_url) as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in upgrade_sql.split(";\n\n"):
                if statement.strip():
                    connection.execute(text(re.sub(r"(?<!:):(?=\w)", r"\\:", statement)))
        engine.dispose()
        assert "No new upgrade operations" in must("check", url=url)


def test_squawk_finds_nothing_dangerous(upgrade_sql: str, tmp_path: Path) -> None:
    squawk = shutil.which("squawk", path=str(Path(sys.executable).parent))
    assert squawk, "install tests/requirements.txt"
    header, *parts = re.split(r"^-- Running upgrade .*-> (\d{4})$", upgrade_sql, flags=re.MULTILINE)
    found = []
    for revision, body in zip(parts[::2], parts[1::2], strict=True):
        file = tmp_path / f"{revision}.sql"
        limits = "".join(line + "\n" for line in header.splitlines() if line.startswith("SET "))
        # The transactions around are Alembic's; what is left between them is the migration.
        file.write_text(limits + re.sub(r"^(BEGIN|COMMIT);$", "", body, flags=re.MULTILINE))
        found += complaints(
            squawk, file, in_transaction="CONCURRENTLY" not in body, excused=EXCUSED.get(revision, [])
        )
    assert found == []


def complaints(squawk: str, file: Path, *, in_transaction: bool, excused: list[str]) -> list[str]:
    config = PROJECT / ".squawk.toml"
    excluded = [*re.findall(r'^    "([a-z-]+)",$', config.read_text(), re.MULTILINE), *excused]
    command = [squawk, "--config", str(config), "--reporter", "json", "--exclude", ",".join(excluded)]
    command += ["--assume-in-transaction"] if in_transaction else []
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    return [
        f"{file.name}:{each['line']} {each['rule_name']}: {each['message']}"
        for each in json.loads(done.stdout)
    ]


def test_squawk_would_find_something_dangerous(tmp_path: Path) -> None:
    squawk = shutil.which("squawk", path=str(Path(sys.executable).parent))
    assert squawk
    file = tmp_path / "bad.sql"
    file.write_text(
        "SET lock_timeout = '2s';\nSET statement_timeout = '5s';\nALTER TABLE users RENAME email TO mail;\n"
    )
    assert complaints(squawk, file, in_transaction=True, excused=[])
