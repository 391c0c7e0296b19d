from golden.comparing import differences, report
from golden.functions import run_functions


def test_the_functions_behind_it_return_what_was_recorded() -> None:
    found = differences(run_functions(), white_box=True)

    assert not found, report(found)
