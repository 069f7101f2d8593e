"""The faults table and the book that latches them."""

from station.faults import FAULTS, Effect, FaultBook

SECOND = 1_000_000_000


def test_every_fault_has_words_for_operator_and_technician_and_a_number_of_its_own() -> None:
    assert len({fault.number for fault in FAULTS.values()}) == len(FAULTS)
    for fault in FAULTS.values():
        assert fault.sentence.endswith(".")
        assert fault.hint.endswith(".")


def test_a_stop_fault_latches_until_a_reset_and_a_reset_leaves_what_is_present() -> None:
    book = FaultBook()
    book.see({"guard-open": "", "estop": ""}, 0)
    book.see({"estop": ""}, 1 * SECOND)
    assert [(fault.code, fault.present) for fault in book.active] == [("guard-open", False), ("estop", True)]
    book.reset()
    assert [fault.code for fault in book.active] == ["estop"]
    assert book.has(Effect.stop)


def test_a_bypass_fault_goes_by_itself_but_only_when_it_is_stably_gone() -> None:
    book = FaultBook()
    book.see({"camera-frozen": ""}, 0)
    book.see({}, 1 * SECOND)
    assert book.has(Effect.bypass)
    assert book.first(Effect.bypass, present=True) is None
    book.see({}, 3 * SECOND)
    assert not book.active


def test_faults_are_listed_first_out_first() -> None:
    book = FaultBook()
    book.see({"camera-silent": "no frame"}, 5)
    book.see({"camera-silent": "no frame", "air-low": ""}, 6)
    assert [(fault.code, fault.since_ns, fault.order) for fault in book.active] == [
        ("camera-silent", 5, 1),
        ("air-low", 6, 2),
    ]
