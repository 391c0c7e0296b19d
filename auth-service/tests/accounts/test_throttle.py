from auth_service.accounts.throttle import ACCOUNT, PAIR, Attempt, Limit


def test_the_wait_doubles_after_the_free_failures_up_to_its_longest() -> None:
    assert [PAIR.wait_seconds(count) for count in (1, 4, 5, 6, 10, 11, 12, 5000)] == [0, 0, 1, 2, 32, 60, 60, 60]
    assert ACCOUNT.wait_seconds(10_000) == 30
    assert Limit(free_failures=1, longest_wait_seconds=8).wait_seconds(1) == 1


def test_addresses_of_one_ipv6_customer_are_one_subject() -> None:
    one, same = Attempt("a@b", "2001:db8::1"), Attempt("a@b", "2001:db8::ffff")
    other = Attempt("a@b", "2001:db8:0:1::1")

    assert (one.address, one.pair) == (same.address, same.pair)
    assert one.address != other.address
    assert one.account == other.account


def test_ipv4_addresses_on_a_dual_stack_socket_are_not_one_subject() -> None:
    """`::ffff:0:0/96` lies in one /64: everybody would wait for everybody's failures."""
    one, other = Attempt("a@b", "::ffff:192.0.2.1"), Attempt("a@b", "::ffff:192.0.2.2")

    assert one.address != other.address
    assert one.address == Attempt("a@b", "192.0.2.1").address
