import pytest

from golden.comparing import differences, report
from golden.stack_run import run_stacks


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_the_whole_product_answers_as_recorded() -> None:
    found = differences(run_stacks(), white_box=False)

    assert not found, report(found)
