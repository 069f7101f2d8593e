"""The contract, clause by clause, against every machine there is (``tests/control/machines.py``)."""

from __future__ import annotations

import pytest

from tests.control.contract import CLAUSES, Clause
from tests.control.machines import MACHINES


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("kind", MACHINES)
def test_every_machine_keeps_the_contract(kind: str, clause: Clause) -> None:
    with MACHINES[kind]() as (machine, plant):
        clause(machine, plant)
