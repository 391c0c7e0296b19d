import prompt_service.__main__  # noqa: F401 - maps every table
from prompt_service.tables import Table
from servicekit.migrations.revisions import script_location
from servicekit.migrations.runner import assert_no_drift


def test_the_migrations_make_what_the_models_declare(database_url: str) -> None:
    assert_no_drift(database_url, script_location("prompt_service"), Table.metadata)
