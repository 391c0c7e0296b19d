"""The migrations make exactly what the models declare, on both databases."""

from generation_service.execution import models as _runs
from generation_service.peqa import models as _assessments
from generation_service.requirements import models as _requirements
from generation_service.tables import Table
from servicekit.migrations.revisions import script_location
from servicekit.migrations.runner import assert_no_drift

MODELS = (_assessments, _requirements, _runs)


def test_migrations_make_what_the_models_declare(database_url: str) -> None:
    assert_no_drift(database_url, script_location("generation_service"), Table.metadata)
