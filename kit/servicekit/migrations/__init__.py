"""Schema changes. Who serves imports `locks` and `revisions` only: the others load Alembic."""
