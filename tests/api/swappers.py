"""Two people who swap cards over HTTP."""

from typing import Any
from uuid import UUID

from kcardswap.runtime import Runtime
from tests.people import MakePerson, Person, make_person
from tests.swaps import befriend_all, make_cards


class Swappers:
    """Two friends who are signed in, with three cards each."""

    def __init__(self, runtime: Runtime, person: MakePerson) -> None:
        self.runtime = runtime
        self.mina, self.jun = person("mina"), person("jun")
        befriend_all(runtime, [(self.mina.user_id, self.jun.user_id)])
        self.minas = [str(card) for card in make_cards(runtime, self.mina.user_id, 3)]
        self.juns = [str(card) for card in make_cards(runtime, self.jun.user_id, 3)]

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return the body of Mina's proposal: her first card for Jun's first."""
        return {
            "responder_id": str(self.jun.user_id),
            "initiator_card_ids": self.minas[:1],
            "responder_card_ids": self.juns[:1],
            **changes,
        }

    def propose(self, **changes: Any) -> Any:
        """Return the trade after Mina proposed it."""
        return data(self.mina.post("/trades", self.body(**changes)), 201)

    def accepted(self) -> Any:
        """Return a trade after Jun accepted it."""
        return data(self.jun.post(f"/trades/{self.propose()['id']}/accept"))

    def completed(self) -> Any:
        """Return a trade after both confirmed it."""
        path = f"/trades/{self.accepted()['id']}/complete"
        data(self.jun.post(path))
        return data(self.mina.post(path))


def data(answer: Any, status: int = 200) -> Any:
    """Return the data of an answer that worked."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()["data"]


COUNTER = {"initiator_card_ids": [str(UUID(int=1))], "responder_card_ids": [str(UUID(int=2))]}
STEPS = ["accept", "reject", "cancel", "complete", "counter"]


def take(person: Person, trade: Any, step: str, body: Any = None) -> Any:
    """Take a step with a trade."""
    return person.post(f"/trades/{trade['id']}/{step}", body)


def fresh(person: Person, two: Swappers) -> Person:
    """Return the same person after signing in again: access tokens are shorter than deadlines."""
    return make_person(two.runtime, person.client, "mina" if person is two.mina else "jun")
