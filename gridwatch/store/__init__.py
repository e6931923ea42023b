"""The database: the one package that speaks SQL.

Queries live in `queries/*.sql`, each under a line `-- name --`; tables in `migrations/*.sql`.
"""

from gridwatch.store.connection import Connection, Row, Store

__all__ = ["Connection", "Row", "Store"]
