from prompt_service_testing import PromptService
from servicekit.ids import new_id
from sqlalchemy import event

BESIDE = ("audit_events", "idempotency_keys")


async def test_a_version_costs_at_most_four_statements(service: PromptService) -> None:
    made = await service.create("counted", "1")
    statements: list[str] = []

    def count(*args: object) -> None:
        statement = str(args[2])
        if not statement.startswith(("BEGIN", "PRAGMA")) and not any(table in statement for table in BESIDE):
            statements.append(statement)

    event.listen(service.database.engine.sync_engine, "before_cursor_execute", count)
    await service.add(made.id, "2")
    plain = len(statements)
    await service.add(made.id, "3", run_id=new_id())

    assert plain == 3, statements
    assert len(statements) - plain == 4, statements
