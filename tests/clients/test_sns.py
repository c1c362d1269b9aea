"""SNS through boto3: topics, subscriptions by http and mail, what is published, and what becomes of it."""

from __future__ import annotations

import base64
import email
import json
import queue
import re
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

import potager
from tests.clients.receiver import Receiver, receiver
from tests.clients.road import until


@pytest.fixture
def sns(server: Any) -> Any:
    return server.client("sns")


@pytest.fixture
def topic(sns: Any) -> str:
    return sns.create_topic(Name=f"t-{uuid.uuid4().hex}")["TopicArn"]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def refused(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def visit(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def subscribed(sns: Any, topic: str, hook: Receiver, **attributes: str) -> str:
    """The ARN of a subscription that its endpoint has confirmed."""
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url, Attributes=attributes)
    answer = sns.confirm_subscription(TopicArn=topic, Token=hook.message()["Token"])
    return answer["SubscriptionArn"]


def holds(document: dict[str, Any], names: list[str]) -> None:
    """Raises unless a document's signature is by the certificate that it names."""
    certificate = x509.load_pem_x509_certificate(visit(document["SigningCertURL"]))
    text = "".join(f"{name}\n{document[name]}\n" for name in names)
    digest = hashes.SHA256() if document["SignatureVersion"] == "2" else hashes.SHA1()
    key: Any = certificate.public_key()
    key.verify(base64.b64decode(document["Signature"]), text.encode(), padding.PKCS1v15(), digest)


def test_a_topic_is_made_once_listed_changed_tagged_and_deleted(sns: Any) -> None:
    name = f"t-{uuid.uuid4().hex}"
    arn = sns.create_topic(Name=name, Attributes={"DisplayName": "D"}, Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    assert arn == f"arn:aws:sns:us-east-1:000000000000:{name}"
    assert sns.create_topic(Name=name)["TopicArn"] == arn
    assert refused(sns.create_topic, Name=name, Attributes={"DisplayName": "other"})[0] == "InvalidParameter"
    pages = sns.get_paginator("list_topics").paginate()
    assert {"TopicArn": arn} in [each for page in pages for each in page["Topics"]]
    sns.set_topic_attributes(TopicArn=arn, AttributeName="SignatureVersion", AttributeValue="2")
    shown = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (shown["DisplayName"], shown["SignatureVersion"], shown["SubscriptionsConfirmed"]) == ("D", "2", "0")
    assert json.loads(shown["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    assert refused(sns.get_topic_attributes, TopicArn=arn) == ("NotFound", "Topic does not exist")
    assert refused(sns.publish, TopicArn=arn, Message="m")[0] == "NotFound"


def test_what_is_not_served_is_refused_by_name(sns: Any, topic: str) -> None:
    assert refused(sns.create_topic, Name="orders.fifo")[0] == "NotImplemented"
    assert refused(sns.create_topic, Name="a", Attributes={"KmsMasterKeyId": "alias/a"})[0] == "NotImplemented"
    assert refused(sns.create_topic, Name="a b")[0] == "InvalidParameter"
    queue_arn = "arn:aws:sqs:us-east-1:000000000000:q"
    code, text = refused(sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    assert code == "NotImplemented"
    assert "sqs" in text
    code, text = refused(sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@example.com")
    assert code == "InvalidParameter"
    assert "--smtp-host" in text
    assert refused(sns.subscribe, TopicArn=topic, Protocol="http", Endpoint="ftp://a")[0] == "InvalidParameter"
    assert refused(sns.subscribe, TopicArn=topic, Protocol="https", Endpoint="http://a/b")[0] == "InvalidParameter"
    assert refused(sns.publish, PhoneNumber="+491234567", Message="m")[0] == "NotImplemented"
    assert refused(sns.publish, TopicArn="nonsense", Message="m")[0] == "InvalidParameter"


def test_an_endpoint_confirms_by_its_link_then_gets_signed_notifications(sns: Any, topic: str, hook: Receiver) -> None:
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    headers, body = hook.post()
    asked = json.loads(body)
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    holds(asked, ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"])
    assert [each["SubscriptionArn"] for each in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]] == [
        "PendingConfirmation"
    ]
    assert b"<SubscriptionArn>" in visit(asked["SubscribeURL"])
    (shown,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert shown["SubscriptionArn"].startswith(topic + ":")
    attributes = {"price": {"DataType": "Number", "StringValue": "1.5"}}
    sent = sns.publish(TopicArn=topic, Subject="S", Message="grüß", MessageAttributes=attributes)
    headers, body = hook.post()
    got = json.loads(body)
    assert headers["x-amz-sns-message-id"] == got["MessageId"] == sent["MessageId"]
    assert headers["x-amz-sns-subscription-arn"] == shown["SubscriptionArn"]
    assert (got["Type"], got["Subject"], got["Message"]) == ("Notification", "S", "grüß")
    assert got["MessageAttributes"] == {"price": {"Type": "Number", "Value": "1.5"}}
    holds(got, ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"])
    visit(got["UnsubscribeURL"])
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


def test_signatures_of_version_2_hold(sns: Any, topic: str, hook: Receiver) -> None:
    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    subscribed(sns, topic, hook)
    sns.publish(TopicArn=topic, Message="m")
    got = hook.message()
    assert got["SignatureVersion"] == "2"
    holds(got, ["Message", "MessageId", "Timestamp", "TopicArn", "Type"])


def test_a_wrong_token_confirms_nothing_and_strangers_may_do_nothing_else(sns: Any, topic: str, server: Any) -> None:
    assert refused(sns.confirm_subscription, TopicArn=topic, Token="0" * 64)[0] == "InvalidParameter"
    with pytest.raises(urllib.error.HTTPError) as caught:
        visit(f"{server.url}/?Action=Publish&TopicArn={topic}&Message=m&Version=2010-03-31")
    assert caught.value.code == 403


def test_a_subscription_is_asked_for_twice_and_is_one(sns: Any, topic: str, hook: Receiver) -> None:
    arn = subscribed(sns, topic, hook, RawMessageDelivery="true")
    again = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
    assert again["SubscriptionArn"] == arn
    given = {"RawMessageDelivery": "false"}
    assert refused(sns.subscribe, TopicArn=topic, Protocol="http", Endpoint=hook.url, Attributes=given)[1] == (
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    )
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (shown["PendingConfirmation"], shown["ConfirmationWasAuthenticated"]) == ("false", "true")
    sns.publish(TopicArn=topic, Message="plain")
    headers, body = hook.post()
    assert (body, headers["x-amz-sns-rawdelivery"]) == (b"plain", "true")
    sns.unsubscribe(SubscriptionArn=arn)
    assert refused(sns.get_subscription_attributes, SubscriptionArn=arn)[0] == "NotFound"


def test_a_filter_policy_lets_through_what_it_names(sns: Any, topic: str, hook: Receiver) -> None:
    arn = subscribed(sns, topic, hook, FilterPolicy=json.dumps({"kind": ["alarm"], "level": [{"numeric": [">", 3]}]}))

    def publish(text: str, kind: str, level: str) -> None:
        attributes = {"kind": ("String", kind), "level": ("Number", level)}
        given = {name: {"DataType": each, "StringValue": value} for name, (each, value) in attributes.items()}
        sns.publish(TopicArn=topic, Message=text, MessageAttributes=given)

    publish("low", "alarm", "3")
    publish("other", "note", "9")
    publish("yes", "alarm", "4")
    assert hook.message()["Message"] == "yes"
    for name, value in (("FilterPolicy", ""), ("FilterPolicyScope", "MessageBody")):
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
    policy = json.dumps({"job": {"status": ["Failed"]}})
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=policy)
    for status in ("Completed", "Failed"):
        sns.publish(TopicArn=topic, Message=json.dumps({"job": {"status": status}}))
    assert json.loads(hook.message()["Message"]) == {"job": {"status": "Failed"}}
    code, text = refused(
        sns.set_subscription_attributes, SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"a": [{}]}'
    )
    assert code == "InvalidParameter"
    assert text.startswith("Invalid parameter: FilterPolicy")


def test_messages_have_a_text_for_each_protocol_and_their_bounds(sns: Any, topic: str, hook: Receiver) -> None:
    subscribed(sns, topic, hook)
    texts = json.dumps({"default": "all", "http": "web"})
    sns.publish(TopicArn=topic, Message=texts, MessageStructure="json")
    assert hook.message()["Message"] == "web"
    for given in (
        {"Message": "{}", "MessageStructure": "json"},
        {"Message": "not json", "MessageStructure": "json"},
        {"Message": "x" * (256 * 1024 + 1)},
        {"Message": ""},
        {"Message": "m", "Subject": "two\nlines"},
        {"Message": "m", "Subject": "s" * 101},
        {"Message": "m", "MessageDeduplicationId": "once"},
    ):
        assert refused(sns.publish, TopicArn=topic, **given)[0] == "InvalidParameter"
    odd = {"n": {"DataType": "Number", "StringValue": "many"}}
    assert refused(sns.publish, TopicArn=topic, Message="m", MessageAttributes=odd)[0] == "ParameterValueInvalid"
    sns.publish(TopicArn=topic, Message="x" * 256 * 1024)
    assert len(hook.message()["Message"]) == 256 * 1024


def test_a_topic_that_says_that_it_is_standard_is_one(sns: Any) -> None:
    arn = sns.create_topic(Name="standard", Attributes={"FifoTopic": "false", "DisplayName": "d"})["TopicArn"]
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "d"
    assert "FifoTopic" not in attributes


def test_a_batch_is_taken_message_by_message(sns: Any, topic: str, hook: Receiver) -> None:
    subscribed(sns, topic, hook)
    entries = [
        {"Id": "a", "Message": "1"},
        {"Id": "b", "Message": "2", "Subject": "\n"},
        {"Id": "c", "Message": "3", "MessageGroupId": "g"},
    ]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["a", "c"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("b", "InvalidParameter")]
    assert {hook.message()["Message"], hook.message()["Message"]} == {"1", "3"}
    twice = [{"Id": "a", "Message": "1"}] * 2
    assert refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=twice)[0] == "BatchEntryIdsNotDistinct"
    eleven = [{"Id": str(number), "Message": "m"} for number in range(11)]
    code = refused(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=eleven)[0]
    assert code == "TooManyEntriesInBatchRequest"


def test_what_fails_is_tried_again_and_what_is_refused_is_not(sns: Any, topic: str, hook: Receiver) -> None:
    policy = json.dumps({"healthyRetryPolicy": {"numRetries": 3, "numNoDelayRetries": 3}})
    subscribed(sns, topic, hook, DeliveryPolicy=policy)
    for status in (503, 429, 500):
        hook.answers.put(status)
    sns.publish(TopicArn=topic, Message="again")
    assert len({hook.message()["MessageId"] for _ in range(4)}) == 1
    hook.answers.put(403)
    sns.publish(TopicArn=topic, Message="refused")
    sns.publish(TopicArn=topic, Message="next")
    assert {hook.message()["Message"], hook.message()["Message"]} == {"refused", "next"}
    assert hook.posts.empty()


def test_a_message_outlives_the_server_that_took_it(fresh_server: potager.Local, hook: Receiver) -> None:
    sns = fresh_server.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    policy = json.dumps({"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1}})
    subscribed(sns, topic, hook, DeliveryPolicy=policy)
    hook.answers.put(503)
    sent = sns.publish(TopicArn=topic, Message="m")["MessageId"]
    assert hook.message()["MessageId"] == sent
    fresh_server.kill()
    fresh_server.start()
    assert hook.message()["MessageId"] == sent


class Post(Controller):
    """An SMTP server at a port that is free."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Mails:
    """Takes mail for a test."""

    def __init__(self) -> None:
        self.got: queue.Queue[Any] = queue.Queue()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.put((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"

    def mail(self) -> tuple[list[str], Any]:
        return self.got.get(timeout=60)


def test_a_mail_asks_and_a_mail_tells() -> None:
    mails = Mails()
    controller = Post(mails, hostname="127.0.0.1", port=0, ready_timeout=60)
    controller.start()
    try:
        mail_settings = {"smtp_port": controller.port, "smtp_from": "potager@example.com"}
        with potager.local(smtp_host="127.0.0.1", **mail_settings) as running:
            sns = running.client("sns")
            topic = sns.create_topic(Name="alarms", Attributes={"DisplayName": "Alarms"})["TopicArn"]
            sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
            to, mail = mails.mail()
            assert (to, mail["From"]) == (["ops@example.com"], "potager@example.com")
            assert mail["Subject"] == "AWS Notification - Subscription Confirmation"
            link = re.search(r"http://\S+Action=ConfirmSubscription\S+", mail.get_payload(decode=True).decode())
            assert link
            visit(link[0])
            sns.publish(TopicArn=topic, Subject="Disk", Message="It is full.")
            _, mail = mails.mail()
            text = mail.get_payload(decode=True).decode()
            assert (mail["Subject"], text.splitlines()[0]) == ("Disk", "It is full.")
            end = re.search(r"http://\S+Action=Unsubscribe\S+", text)
            assert end
            visit(end[0])
            until(lambda: not sns.list_subscriptions()["Subscriptions"], "the end of the subscription")
    finally:
        controller.stop()
