"""How the database gets its shape: the frozen baseline in sql/init, then the files of sql/migrations.

The file format, the graph and the tables are yoyo's; what is done differently here, and why, stands in
docs/decisions/0002-yoyo-inside-one-transaction.md.
"""

from service.migrations.baseline import baseline_changes, ensure_baseline
from service.migrations.files import BASELINE, SQL, MigrationError, create, is_older, required_version
from service.migrations.runner import MigrationStatus, downgrade, status, upgrade
from service.migrations.snapshot import dump_schema, schema_of_new_database

__all__ = [
    "BASELINE",
    "SQL",
    "MigrationError",
    "MigrationStatus",
    "baseline_changes",
    "create",
    "downgrade",
    "dump_schema",
    "ensure_baseline",
    "is_older",
    "required_version",
    "schema_of_new_database",
    "status",
    "upgrade",
]
