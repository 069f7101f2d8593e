"""The JSON API keeps what its description promises, whoever asks: requests made up from the description itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from station.access.words import Role
from station.web.access import COOKIE
from tests.station.access.test_web_access import HERE, PASSWORD, Gate, full_app

HOST = "127.0.0.1:8080"
Case = schemathesis.Case[Any]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDS_THE_SESSION = r"^/api/session$"
NAMES = {Role.operator: "Li", Role.technician: "Tam", Role.admin: "Ada"}
PLAIN = settings(
    max_examples=6, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def enter(gate: Gate, role: Role) -> dict[str, str]:
    """Cookies of somebody with this role."""
    gate.settle()
    name = NAMES.get(role)
    secret = "482913" if role is Role.operator else PASSWORD
    return {} if name is None else {COOKIE: gate.access.book.log_in(name, secret, "10.0.0.9")}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.timeout(300)
def test_every_route_answers_as_described(tmp_path: Path, role: Role) -> None:
    gate = Gate(tmp_path)
    cookies, statuses = enter(gate, role), set[int]()
    with full_app(gate) as app:
        whole = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers={"host": HOST})
        schema = whole.exclude(path_regex=ENDS_THE_SESSION)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()

            @PLAIN
            @given(case=operation.as_strategy())
            def ask(case: Case) -> None:
                answer = case.call_and_validate(base_url=HERE, cookies=cookies, checks=CHECKS)
                statuses.add(answer.status_code)

            ask()
    assert 200 in statuses
    assert (403 in statuses) is (role in {Role.operator, Role.technician})
    assert (401 in statuses) is (role is Role.viewer)
