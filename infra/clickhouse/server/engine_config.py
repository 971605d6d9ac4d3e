"""The engine's own configuration: limits, grants and fixed settings, written beside its data.

ClickHouse's access control is the second line behind the confinement of the process (docs/confinement.md). The engine
knows one user with two roles, and each statement runs under one of them: `platform` has no grant that reaches files,
the network, programs or users; `boards` may read the tables of one database. Settings that name files, addresses or
expressions are read-only. The scalar function `file` and `INTO OUTFILE` need no grant in the embedded engine: only
the confinement bounds them. Nor do the tables of `system`, whatever is revoked: `board_tree.py` decides for boards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args
from xml.sax.saxutils import escape

from infra.clickhouse.server.config import MIB, Role

if TYPE_CHECKING:
    from pathlib import Path

    from infra.clickhouse.server.config import ServerConfig

_ENGINES = (
    "MergeTree",
    "ReplacingMergeTree",
    "AggregatingMergeTree",
    "SummingMergeTree",
    "CollapsingMergeTree",
    "VersionedCollapsingMergeTree",
    "Memory",
    "Null",
    "Set",
    "Join",
    "Log",
    "TinyLog",
    "StripeLog",
    "Merge",
    "View",
    "MaterializedView",
    "Buffer",
    "GenerateRandom",
)
# What shows files, memory, settings or users of the process instead of tables.
_HIDDEN = (
    "certificates",
    "disks",
    "grants",
    "iceberg_files",
    "iceberg_history",
    "jemalloc_profile_text",
    "named_collections",
    "remote_data_paths",
    "roles",
    "schema_inference_cache",
    "server_settings",
    "stack_trace",
    "storage_policies",
    "symbols",
    "user_directories",
    "users",
)
_PLATFORM_GRANTS = (
    "GRANT SHOW DATABASES, SHOW TABLES, SHOW COLUMNS, SHOW DICTIONARIES, CHECK ON *.*",
    "GRANT SELECT, INSERT, ALTER TABLE, ALTER VIEW, TRUNCATE, OPTIMIZE, UNDROP TABLE ON *.*",
    "GRANT DROP DATABASE, DROP TABLE, DROP VIEW ON *.*",
    "GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE TEMPORARY TABLE ON *.*",
    "GRANT KILL QUERY, dictGet, SYSTEM MERGES, SYSTEM FLUSH, SYSTEM SYNC REPLICA ON *.*",
    *(f"GRANT TABLE ENGINE ON {name}" for name in _ENGINES),
    "REVOKE INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE ON system.*",
    *(f"REVOKE SELECT ON system.{name}" for name in _HIDDEN),
)
# Settings that name a file, an address or a disk: a client that could set them could reach past the tables.
_FROZEN_SETTINGS = (
    "format_schema",
    "format_schema_source",
    "output_format_schema",
    "format_avro_schema_registry_url",
    "format_template_row",
    "format_template_resultset",
    "input_format_record_errors_file_path",
    "rename_files_after_processing",
    "url_base",
    "dialect",  # deny_list.py reads no other grammar
    "additional_table_filters",  # text that is parsed as an expression
    "additional_result_filter",
    "parallel_replicas_custom_key",
    "allow_experimental_eval_table_function",
    "merge_tree_disk",
    "merge_tree_storage_policy",
    "http_max_tries",  # a refused connection would be tried for two minutes
    "backup_restore_keeper_max_retries",
)
# One insert is one block, so it is stored as a whole or not at all. The limit on bodies keeps inserts far below.
_BLOCK_ROWS = 16_000_000


def config_file(config: ServerConfig) -> Path:
    """Return the path of the engine's `config.xml`."""
    return config.config_path / "config.xml"


def write_engine_config(config: ServerConfig) -> None:
    """Write `config.xml` and `users.xml` into the folder of the configuration.

    Raises:
        OSError: They cannot be written.
    """
    config.config_path.mkdir(parents=True, exist_ok=True)
    users = config.config_path / "users.xml"
    users.write_text(_users(config), encoding="utf-8")
    config_file(config).write_text(_main(config, users), encoding="utf-8")


def _users(config: ServerConfig) -> str:
    settings = {
        "max_memory_usage": config.max_query_memory_bytes,
        "max_execution_time": config.max_execution_s,
        "max_bytes_before_external_group_by": config.max_query_memory_bytes // 2,
        "max_bytes_before_external_sort": config.max_query_memory_bytes // 2,
        "async_insert": 0,
        "max_insert_block_size": _BLOCK_ROWS,
        "max_insert_block_size_bytes": 0,
        "min_insert_block_size_rows": _BLOCK_ROWS,
        "min_insert_block_size_bytes": 1024 * MIB,
        "max_insert_threads": 1,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        "date_time_input_format": "best_effort",
        "max_query_size": config.max_sql_bytes,
        "max_parser_depth": config.max_depth,
        "http_max_tries": 1,
    }
    profile = "".join(f"<{name}>{value}</{name}>" for name, value in settings.items())
    limits = (
        f"<max_memory_usage><min>1</min><max>{config.max_query_memory_bytes}</max></max_memory_usage>"
        f"<max_execution_time><min>0.001</min><max>{config.max_execution_s}</max></max_execution_time>"
    )
    limits += f"<max_result_bytes><min>1</min><max>{config.max_result_bytes}</max></max_result_bytes>"
    frozen = "".join(f"<{name}><readonly/></{name}>" for name in _FROZEN_SETTINGS)
    grants = {
        "platform": _PLATFORM_GRANTS,
        "boards": (f"GRANT SELECT ON {config.boards.database}.*",),
    }
    roles = "".join(f"<{name}>{_grants(*grants[name])}</{name}>" for name in get_args(Role))
    return (
        "<clickhouse>"
        f"<profiles><default>{profile}<constraints>{limits}{frozen}</constraints></default></profiles>"
        "<users><default><password></password><networks><ip>::/0</ip></networks>"
        f"<profile>default</profile><quota>default</quota>{_grants(*(f'GRANT {name}' for name in grants))}"
        f"</default></users><roles>{roles}</roles>"
        "<quotas><default></default></quotas>"
        "</clickhouse>\n"
    )


def _grants(*queries: str) -> str:
    return f"<grants>{''.join(f'<query>{query}</query>' for query in queries)}</grants>"


def _main(config: ServerConfig, users: Path) -> str:
    return (
        "<clickhouse>"
        f"<display_name>{escape(config.display_name)}</display_name>"
        f"<users_config>{escape(str(users))}</users_config>"
        f"<user_files_path>{escape(str(config.path / 'user_files'))}/</user_files_path>"
        f"<max_server_memory_usage>{config.max_engine_memory_bytes}</max_server_memory_usage>"
        f"<merges_mutations_memory_usage_soft_limit>{config.max_engine_memory_bytes // 2}"
        "</merges_mutations_memory_usage_soft_limit>"
        f"<mark_cache_size>{128 * MIB}</mark_cache_size>"
        f"<uncompressed_cache_size>0</uncompressed_cache_size>"
        "<background_pool_size>2</background_pool_size>"
        "<access_control_improvements><table_engines_require_grant>true</table_engines_require_grant>"
        "<select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>"
        "</access_control_improvements>"
        # Acknowledged means on the disk, not in the operating system's memory: about 2 ms per insert.
        "<merge_tree><fsync_after_insert>1</fsync_after_insert>"
        "<fsync_part_directory>1</fsync_part_directory>"
        # A merged part is on the disk as well before its sources go, so these need not stay for eight minutes.
        "<min_compressed_bytes_to_fsync_after_merge>1</min_compressed_bytes_to_fsync_after_merge>"
        "<old_parts_lifetime>60</old_parts_lifetime></merge_tree>"
        "</clickhouse>\n"
    )
