"""Requests made up from the OpenAPI document break nothing and are answered as it promises.

``SCHEMATHESIS_EXAMPLES`` is how many are made per operation; without it there are a few, always the same.
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kcardswap.domain.accounts import Role
from kcardswap.runtime import Runtime
from tests.api.swappers import Swappers
from tests.people import API, MakePerson

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "0"))
SCENARIOS, STEPS = EXAMPLES or 12, 6
PROVIDERS = ('"google_oauth"', '"apple_id"')


def settings(examples: int, **more: Any) -> hypothesis.settings:
    """Return what makes the same requests every time, and does not look for the simplest that fails."""
    return hypothesis.settings(
        max_examples=EXAMPLES or examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
        **more,
    )


@pytest.fixture(autouse=True)
def reachable(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's keys are known, and a busy machine has time: else the honest answers are 503."""
    monkeypatch.setattr(runtime.readiness, "_answer_within_seconds", 30)
    providers = runtime.identity_providers
    assert providers.dev is not None
    providers.google = providers.dev.verifier()


@pytest.fixture
def schema(app: Flask) -> Any:
    return schemathesis.openapi.from_wsgi(f"{API}/openapi.json", app)


def check(case: Any, answer: Any) -> None:
    """Assert that an answer is one the document promises, and no 5xx."""
    # There is no provider here to ask what a made-up code is worth.
    unreachable = answer.status_code == 503 and any(name in answer.text for name in PROVIDERS)
    assert answer.status_code < 500 or unreachable, f"{case.method} {case.formatted_path}: {answer.text}"
    case.validate_response(answer, checks=CHECKS)


@pytest.mark.parametrize(
    ("who", "mode", "examples"),
    [
        ("super_admin", GenerationMode.POSITIVE, 3),
        ("super_admin", GenerationMode.NEGATIVE, 2),
        ("user", GenerationMode.POSITIVE, 1),
        ("nobody", GenerationMode.POSITIVE, 1),
    ],
)
def test_no_made_up_request_breaks_the_api(
    schema: Any, person: MakePerson, who: str, mode: GenerationMode, examples: int
) -> None:
    tried = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        tried.add(operation.label)
        # Anew for each operation: some end the session, or the account.
        headers = {} if who == "nobody" else _signed_in(person, Role(who))
        send = hypothesis.given(case=operation.as_strategy(generation_mode=mode))(_sending(headers))
        try:
            settings(examples)(send)()
        except hypothesis.errors.Unsatisfiable:
            # Nothing about it can be wrong: it takes no input.
            assert mode is GenerationMode.NEGATIVE
    assert len(tried) > 60


def _sending(headers: dict[str, str]) -> Callable[[Any], None]:
    def send(case: Any) -> None:
        check(case, case.call(headers=headers))

    return send


def _signed_in(person: MakePerson, role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {person('maker', role).tokens.access_token}"}


def test_no_made_up_story_breaks_the_api(schema: Any, runtime: Runtime, person: MakePerson) -> None:
    """Send requests that use what earlier answers said: ids of things that are there."""
    Swappers(runtime, person)
    answered: Counter[int] = Counter()

    class Story(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.headers = _signed_in(person, Role.USER)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": self.headers}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            answered[response.status_code // 100] += 1
            check(case, response)

    Story.run(settings=settings(SCENARIOS, stateful_step_count=STEPS))
    assert answered[2] > SCENARIOS / 3, answered
