"""The engine's own configuration: limits, grants and fixed settings, written beside its data.

ClickHouse's access control confines every client of the HTTP server to tables of this engine. Its user has no grant
that reaches the host's files, the network or other machines: `file`, `url`, `s3`, `remote`, `File`/`URL`/`S3` engines,
dictionaries, `BACKUP` and the like. Settings that name files or addresses are
read-only. What grants cannot withhold (the scalar function `file`, `INTO OUTFILE`), `deny_list.py` refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from infra.clickhouse.server.config import MIB

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
_GRANTS = (
    "GRANT SHOW, SELECT, INSERT, ALTER, DROP, TRUNCATE, OPTIMIZE, KILL QUERY, dictGet ON *.*",
    "GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE TEMPORARY TABLE ON *.*",
    "GRANT SYSTEM MERGES, SYSTEM FLUSH, SYSTEM SYNC REPLICA ON *.*",
    *(f"GRANT TABLE ENGINE ON {name}" for name in _ENGINES),
    "REVOKE INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE ON system.*",
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
)
# One insert is one block, so it is stored as a whole or not at all. The limit on bodies keeps inserts far below.
_BLOCK_ROWS = 16_000_000


def write_engine_config(config: ServerConfig) -> Path:
    """Write `config.xml` and `users.xml` into the data directory.

    Returns:
        The path of `config.xml`.
    """
    users, main = config.path / "users.xml", config.path / "config.xml"
    users.write_text(_users(config), encoding="utf-8")
    main.write_text(_main(config, users), encoding="utf-8")
    return main


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
    }
    profile = "".join(f"<{name}>{value}</{name}>" for name, value in settings.items())
    limits = (
        f"<max_memory_usage><min>1</min><max>{config.max_query_memory_bytes}</max></max_memory_usage>"
        f"<max_execution_time><min>0.001</min><max>{config.max_execution_s}</max></max_execution_time>"
    )
    limits += f"<max_result_bytes><min>1</min><max>{config.max_result_bytes}</max></max_result_bytes>"
    frozen = "".join(f"<{name}><readonly/></{name}>" for name in _FROZEN_SETTINGS)
    grants = "".join(f"<query>{grant}</query>" for grant in _GRANTS)
    return (
        "<clickhouse>"
        f"<profiles><default>{profile}<constraints>{limits}{frozen}</constraints></default></profiles>"
        "<users><default><password></password><networks><ip>::/0</ip></networks>"
        f"<profile>default</profile><quota>default</quota><grants>{grants}</grants></default></users>"
        "<quotas><default></default></quotas>"
        "</clickhouse>\n"
    )


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
        "</access_control_improvements>"
        # Acknowledged means on the disk, not in the operating system's memory: about 2 ms per insert.
        "<merge_tree><fsync_after_insert>1</fsync_after_insert>"
        "<fsync_part_directory>1</fsync_part_directory>"
        # A merged part is on the disk as well before its sources go, so these need not stay for eight minutes.
        "<min_compressed_bytes_to_fsync_after_merge>1</min_compressed_bytes_to_fsync_after_merge>"
        "<old_parts_lifetime>60</old_parts_lifetime></merge_tree>"
        "</clickhouse>\n"
    )
