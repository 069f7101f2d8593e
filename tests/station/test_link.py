"""Links between processes: whole messages, nobody waits, and an end is noticed."""

import multiprocessing

import pytest

from station.link import Link, open_link


@pytest.fixture
def ends() -> tuple[Link, Link]:
    return open_link()


def test_messages_arrive_whole_and_in_order(ends: tuple[Link, Link]) -> None:
    here, there = ends
    sent = [("piece", n, "x" * n) for n in range(50)]
    assert all(here.send(message) for message in sent)
    assert there.receive() == sent
    assert there.receive() == []
    here.close()
    there.close()


def test_a_slow_reader_holds_nobody_up(ends: tuple[Link, Link]) -> None:
    here, there = ends
    accepted = 0
    while here.send(b"x" * 10_000):
        accepted += 1
        assert accepted < 10_000
    assert len(there.receive()) == accepted
    assert here.send("again")
    here.close()
    there.close()


def test_the_end_of_the_other_side_is_noticed_after_its_last_words(ends: tuple[Link, Link]) -> None:
    here, there = ends
    here.send("last words")
    here.close()
    assert there.receive() == ["last words"]
    with pytest.raises(ConnectionError):
        there.receive()
    there.close()


def _echo(link: Link) -> None:
    link.send("hello from the child")
    link.close()


def test_an_end_can_be_given_to_a_spawned_process(ends: tuple[Link, Link]) -> None:
    here, there = ends
    child = multiprocessing.get_context("spawn").Process(target=_echo, args=(there,))
    child.start()
    there.close()
    child.join(20)
    assert here.receive() == ["hello from the child"]
    with pytest.raises(ConnectionError):
        here.receive()
    here.close()
