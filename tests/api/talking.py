"""Two people who write to each other over HTTP."""

from typing import Any

from kcardswap.runtime import Runtime
from tests.api.swappers import data
from tests.people import MakePerson, Person
from tests.talks import open_thread

VIEWS = ("threads", "chats")


class Talk:
    """Mina and Jun, signed in, with a conversation."""

    def __init__(self, runtime: Runtime, person: MakePerson) -> None:
        self.runtime = runtime
        self.mina, self.jun = person("mina"), person("jun")
        self.id = str(open_thread(runtime, self.mina.user_id, self.jun.user_id))

    def say(self, by: Person, content: str = "hello", *, view: str = "chats", **more: Any) -> Any:
        return data(by.post(f"/{view}/{self.id}/messages", {"content": content, **more}), 201)

    def thread(self, of: Person) -> Any:
        return data(of.get(f"/threads/{self.id}"))

    def chat(self, of: Person, **query: Any) -> Any:
        return data(of.get(f"/chats/{self.id}/messages", query_string=query))

    def messages(self, of: Person, **query: Any) -> Any:
        return data(of.get(f"/threads/{self.id}/messages", query_string=query))


def contents(answer: Any) -> list[str]:
    return [message["content"] for message in answer["messages"]]


def statuses(answer: Any) -> list[str]:
    return [message["status"] for message in answer["messages"]]
