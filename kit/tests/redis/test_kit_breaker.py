import pytest
from servicekit.redis.breaker import Admission, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(failures_to_open=3, first_wait_seconds=1, longest_wait_seconds=5, clock=clock)


def test_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    opened = [breaker.failed(), breaker.failed(), breaker.failed(), breaker.failed()]

    assert opened == [False, False, True, False]
    assert breaker.admit() is Admission.REFUSE


def test_a_success_starts_the_count_again(breaker: Breaker) -> None:
    breaker.failed()
    breaker.failed()
    breaker.succeeded()

    assert not breaker.failed()
    assert breaker.admit() is Admission.PASS


def test_a_refusal_opens_at_once(breaker: Breaker) -> None:
    assert breaker.failed(at_once=True)
    assert not breaker.is_closed


def test_one_caller_probes_and_the_others_are_refused(breaker: Breaker, clock: Clock) -> None:
    breaker.failed(at_once=True)
    clock.now += 1

    assert breaker.admit() is Admission.PROBE
    assert breaker.admit() is Admission.REFUSE


def test_a_late_success_of_an_earlier_call_does_not_close_it(breaker: Breaker) -> None:
    breaker.failed(at_once=True)

    breaker.succeeded()

    assert breaker.admit() is Admission.REFUSE


def test_the_wait_grows_to_the_longest_and_starts_small_again(breaker: Breaker, clock: Clock) -> None:
    breaker.failed(at_once=True)

    for wait in (1, 2, 4, 5, 5):
        clock.now += wait - 0.01
        assert breaker.admit() is Admission.REFUSE
        clock.now += 0.01
        assert breaker.admit() is Admission.PROBE
        breaker.probe_failed()
    clock.now += 5
    assert breaker.admit() is Admission.PROBE
    breaker.probe_succeeded()
    breaker.failed(at_once=True)
    clock.now += 1
    assert breaker.admit() is Admission.PROBE


def test_an_abandoned_probe_is_left_to_the_next_caller(breaker: Breaker, clock: Clock) -> None:
    breaker.failed(at_once=True)
    clock.now += 1
    breaker.admit()

    breaker.probe_abandoned()

    assert breaker.admit() is Admission.PROBE
