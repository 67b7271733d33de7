"""The topic as a fault: its messages are held back, and delivered later, twice, in another order, or never."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from integration.faults.world import World

_NEVER = json.dumps({"no-message": ["has-this"]})
_ALWAYS = "{}"


@dataclass
class HeldTopic:
    """A topic whose functions get nothing, and what it would have sent them."""

    world: World
    queue: str
    messages: list[str] = field(default_factory=list)

    def receive(self, count: int) -> list[str]:
        """Return so many messages, in the order in which they came."""
        sqs = self.world.client("sqs")

        def all_here() -> bool:
            received = sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            for message in received:
                self.messages.append(json.loads(message["Body"])["Message"])
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            return len(self.messages) >= count

        self.world.wait_until(all_here, "the topic has not sent everything")
        return self.messages

    def deliver(self, messages: Sequence[str]) -> None:
        """Let the topic work again, and send it these messages one after the other."""
        _filter(self.world, _ALWAYS)
        for message in messages:
            self.world.client("sns").publish(TopicArn=_topic(self.world), Message=message)


@contextmanager
def held(world: World) -> Iterator[HeldTopic]:
    """Hold back what the topic would send to functions, until the block ends or something is delivered."""
    sns, sqs = world.client("sns"), world.client("sqs")
    queue = sqs.create_queue(QueueName="held")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscription = sns.subscribe(TopicArn=_topic(world), Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
    _filter(world, _NEVER)
    try:
        yield HeldTopic(world, queue)
    finally:
        _filter(world, _ALWAYS)
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=queue)


def _topic(world: World) -> str:
    return world.cloud.outputs["images"]["TopicArn"]


def _filter(world: World, policy: str) -> None:
    """Let the functions get only the messages whose attributes match a policy."""
    sns: Any = world.client("sns")
    for subscription in sns.list_subscriptions_by_topic(TopicArn=_topic(world))["Subscriptions"]:
        if subscription["Protocol"] == "lambda":
            sns.set_subscription_attributes(
                SubscriptionArn=subscription["SubscriptionArn"], AttributeName="FilterPolicy", AttributeValue=policy
            )
