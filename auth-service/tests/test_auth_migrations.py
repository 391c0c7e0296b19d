# Each module of tables registers its own with the metadata.
from auth_service import __main__ as service  # noqa: F401
from auth_service.tables import Table
from servicekit.migrations import revisions, runner


def test_migrations_make_what_the_models_declare(database_url: str) -> None:
    runner.assert_no_drift(database_url, revisions.script_location("auth_service"), Table.metadata)
