"""How the database gets its shape: the frozen baseline in sql/init, then the files of sql/migrations.

The file format, the graph and the tables are yoyo's; what is done differently here, and why, stands in
docs/decisions/0002-yoyo-inside-one-transaction.md.
"""

from service.migrations.baseline import baseline_changes, ensure_baseline
from service.migrations.connection import LOCK_KEY
from service.migrations.files import BASELINE, SQL, MigrationError, create, is_older, required_version
from service.migrations.runner import MigrationStatus, SchemaStatus, downgrade, status, upgrade
from service.migrations.snapshot import dump_schema, new_database, restored_database, schema_of_new_database

__all__ = [
    "BASELINE",
    "LOCK_KEY",
    "SQL",
    "MigrationError",
    "MigrationStatus",
    "SchemaStatus",
    "baseline_changes",
    "create",
    "downgrade",
    "dump_schema",
    "ensure_baseline",
    "is_older",
    "new_database",
    "required_version",
    "restored_database",
    "schema_of_new_database",
    "status",
    "upgrade",
]
