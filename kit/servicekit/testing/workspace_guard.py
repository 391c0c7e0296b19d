"""Fails any query on a workspace's table that does not filter by workspace.

A statement that is right without that filter says why:

    select(Run.id).execution_options(all_workspaces="the sweeper looks after every workspace")
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Delete, Insert, Join, Select, Table, Update, event
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql.elements import BinaryExpression, ClauseElement, ColumnClause
from sqlalchemy.sql.selectable import AliasedReturnsRows, SelectBase

WORKSPACE_COLUMN = "workspace_id"
OPTION = "all_workspaces"


class ForgottenWorkspaceError(AssertionError):
    """A query may have touched the rows of other workspaces."""


@contextmanager
def guarded() -> Iterator[list[str]]:
    """Check every statement that a session executes; fail at the end when one was refused and swallowed.

    Statements of a flush are not looked at: they change rows by primary key that a checked query has loaded.
    """
    refused: list[str] = []

    def check(state: ORMExecuteState) -> None:
        if state.execution_options.get(OPTION):
            return
        missing = unfiltered_tables(state.statement)
        if missing:
            refused.append(f"{', '.join(missing)}: {state.statement}")
            raise ForgottenWorkspaceError(
                f"no filter by {WORKSPACE_COLUMN} on {', '.join(missing)} in: {state.statement}",
            )

    event.listen(Session, "do_orm_execute", check)
    try:
        yield refused
    finally:
        event.remove(Session, "do_orm_execute", check)
    if refused:
        raise ForgottenWorkspaceError("queries without a filter by workspace:\n" + "\n".join(refused))


def unfiltered_tables(statement: object) -> list[str]:
    """The names of the tables in a SELECT, UPDATE or DELETE that have a workspace and are not bound to one.

    Bound is a table whose workspace column is compared in the WHERE or ON of its own SELECT: with a value, or
    with another table's.
    """
    missing: set[str] = set()
    if isinstance(statement, SelectBase):
        _check(statement, set(), missing)
    elif isinstance(statement, Update | Delete):
        _check_scope([statement.table], [statement.whereclause], set(), missing)
    elif isinstance(statement, Insert) and isinstance(statement.select, SelectBase):
        _check(statement.select, set(), missing)
    return sorted(missing)


def _check(select: SelectBase, outer: set[object], missing: set[str]) -> set[object]:
    """Add to `missing`; give the sources whose workspace is compared, also those of `outer`."""
    if isinstance(select, Select):
        conditions = [select.whereclause, *select.selected_columns]
        return _check_scope(select.get_final_froms(), conditions, outer, missing)
    inner = (each for each in _within(select) if isinstance(each, Select))
    return set().union(*(_check(each, outer, missing) for each in inner))


def _check_scope(
    sources: Sequence[ClauseElement],
    conditions: Sequence[ClauseElement | None],
    outer: set[object],
    missing: set[str],
) -> set[object]:
    own: dict[object, str] = {}
    wheres = [*conditions]
    for source in sources:
        wheres += _collect(source, own, missing)
    compared: set[object] = set()
    for element in (inner for where in wheres if where is not None for inner in _within(where)):
        if isinstance(element, Select):
            # A subquery in a condition may name the tables around it, which are checked here, not there.
            compared |= _check(element, outer | own.keys(), missing)
        elif isinstance(element, BinaryExpression):
            sides = (element.left, element.right)
            compared |= {
                side.table for side in sides if isinstance(side, ColumnClause) and side.name == WORKSPACE_COLUMN
            }
    missing |= {name for source, name in own.items() if source not in compared and source not in outer}
    return compared


def _collect(source: ClauseElement, own: dict[object, str], missing: set[str]) -> list[ClauseElement | None]:
    """Add the tables of a FROM to `own`, check its subqueries, and give the ON conditions of its joins."""
    if isinstance(source, Join):
        left, right = _collect(source.left, own, missing), _collect(source.right, own, missing)
        return [*left, *right, source.onclause]
    if isinstance(source, Table):
        if WORKSPACE_COLUMN in source.c:
            own[source] = source.name
    elif isinstance(source, AliasedReturnsRows):
        inner = source.element
        if isinstance(inner, Table):
            if WORKSPACE_COLUMN in inner.c:
                own[source] = f"{inner.name} (aliased)"
        elif isinstance(inner, SelectBase):
            _check(inner, set(), missing)
    return []


def _within(clause: ClauseElement) -> Iterator[ClauseElement]:
    """The parts of a clause, down to the SELECTs in it, not into them."""
    yield clause
    for child in clause.get_children():
        if isinstance(child, Select):
            yield child
        elif isinstance(child, ClauseElement):
            yield from _within(child)
