"""A faulty topic: its messages are held back, then delivered late, repeatedly, out of order, or never."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from integration.faults.world import World
from support.announcements import Announcements, muted


@dataclass
class HeldTopic:
    """A topic that sends nothing to the functions, and the messages that it would have sent."""

    world: World
    topic: str
    announcements: Announcements
    muting: ExitStack

    def receive(self, count: int) -> list[str]:
        """Wait for `count` messages, and return them in order of arrival."""
        return [envelope["Message"] for envelope in self.announcements.receive(count)]

    def deliver(self, messages: Sequence[str]) -> None:
        """Let the topic work again, and publish these messages one after the other."""
        self.muting.close()
        for message in messages:
            self.world.client("sns").publish(TopicArn=self.topic, Message=message)


@contextmanager
def held(world: World) -> Iterator[HeldTopic]:
    """Hold back the topic's messages to the functions until the block ends or something is delivered."""
    topic = world.cloud.outputs["images"]["TopicArn"]
    with Announcements(world, topic) as announcements, ExitStack() as muting:
        muting.enter_context(muted(world, topic))
        yield HeldTopic(world, topic, announcements, muting)
