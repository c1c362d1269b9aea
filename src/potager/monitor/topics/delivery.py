"""Brings messages to subscribers: a row for each message and subscription, until it was taken or its policy is through.

    put, in the transaction of the publishing ─► attempt ─► taken: the row goes
                                                    ▲  └──► failed: written down, and a pause by the policy
                                                    └─────────────────┘

A server that is killed between an answer and the removal of the row brings the message once more. A subscriber that
refuses a message (4xx but 429, as on AWS) is not asked again. Many subscribers are served beside each other, each by
few attempts at a time, so that one which hangs holds nobody else up.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

from potager.kernel import clock, ids
from potager.monitor.topics import messages, posting, retries
from potager.monitor.topics.mailing import Mail
from potager.monitor.topics.messages import CONFIRMATION
from potager.monitor.topics.posting import Refused
from potager.monitor.topics.retries import MAIL
from potager.monitor.topics.service import CONFIRMED, PENDING, SUBSCRIPTION, TOPIC
from potager.monitor.topics.signing import Signer
from potager.store.leases import Leases
from potager.store.rows import Row, Rows, Tx
from potager.store.tending import Tender

log = logging.getLogger(__name__)

KIND, WAITING = "sns-delivery", "Waiting"
AT_A_TIME = 8
"""Attempts at one endpoint that are under way together."""


class Deliverer:
    """Delivers what was published.

    Parameters
    ----------
    url : where subscribers reach this server.
    mail : None where no mail can be sent.
    """

    def __init__(self, rows: Rows, leases: Leases, signer: Signer, url: str, mail: Mail | None) -> None:
        self.url = url
        self.mail = mail
        self._rows = rows
        self._signer = signer
        self._tender = Tender(KIND, (WAITING,), rows, leases, self._act, self._give_up)
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def start(self) -> None:
        """Takes up what an earlier server left."""
        await self._tender.take_up()

    async def close(self) -> None:
        """Stops; what was not taken, the next server brings."""
        await self._tender.close()

    def put(self, tx: Tx, subscription: Row, message: Mapping[str, Any]) -> Row:
        """Writes down that a subscription gets a message; `wake` then, once that is committed."""
        name = ids.short(24)
        doc = {"subscription": subscription.name, "message": dict(message), "attempts": 0, "due": 0.0}
        arn = f"{subscription.arn}/{name}"
        return tx.insert(KIND, subscription.scope, name, doc, arn=arn, status=WAITING)

    def wake(self, rows: Sequence[Row]) -> None:
        """Delivers now."""
        for row in rows:
            self._tender.wake(row)

    async def _act(self, row: Row) -> float | None:
        if (pause := row.doc["due"] - clock.now()) > 0:
            return pause
        subscription, topic = await self._rows.read(lambda tx: _about(tx, row))
        message = row.doc["message"]
        status = PENDING if message["Type"] == CONFIRMATION else CONFIRMED
        if subscription is None or topic is None or subscription.status != status:
            return await self._done(row)
        endpoint = subscription.doc["Endpoint"]
        turn = self._turns.setdefault(endpoint, asyncio.Semaphore(AT_A_TIME))
        policy = _policy(topic, subscription)
        try:
            async with turn:
                await self._attempt(topic, subscription, message, policy)
        except Refused as refused:
            log.warning("%s: %s refused a message, which is given up: %s", subscription.arn, endpoint, refused)
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            return await self._failed(row, subscription, policy, error)
        return await self._done(row)

    async def _attempt(self, topic: Row, row: Row, message: Mapping[str, Any], policy: Mapping[str, Any]) -> None:
        document = await self._document(topic, row, message)
        protocol, attributes = row.doc["Protocol"], row.doc["Attributes"]
        unsubscribe = document.get("UnsubscribeURL", "")
        if protocol in ("http", "https"):
            raw = attributes.get("RawMessageDelivery") == "true" and message["Type"] != CONFIRMATION
            kind = policy["requestPolicy"]["headerContentType"]
            headers = messages.headers(document, row.arn, kind, raw=raw)
            body = message["Text"].encode("utf-8", "replace") if raw else messages.body(document)
            await posting.post(row.doc["Endpoint"], headers, body)
            return
        if self.mail is None:
            raise OSError("no server for mail is set (smtp_host)")
        subject, text = messages.mail(document, topic.doc["Attributes"].get("DisplayName", ""), unsubscribe)
        text = messages.body(document).decode() if protocol == "email-json" else text
        await self.mail.send(row.doc["Endpoint"], subject, text, message["MessageId"])

    async def _document(self, topic: Row, row: Row, message: Mapping[str, Any]) -> dict[str, Any]:
        """What is sent, signed."""
        version = topic.doc["Attributes"].get("SignatureVersion") or "1"
        if message["Type"] == CONFIRMATION:
            document = messages.confirmation(
                message["MessageId"], topic.arn, row.doc["_token"], self.url, message["Timestamp"]
            )
            return document | await self._signer.signed(document, version, self.url)
        document = messages.notification(message, message["Text"])
        document |= await self._signer.signed(document, version, self.url)
        document["UnsubscribeURL"] = messages.unsubscribe_url(row.arn, self.url)
        attributes = message["MessageAttributes"]
        return document | ({"MessageAttributes": attributes} if attributes else {})

    async def _failed(self, row: Row, subscription: Row, policy: Mapping[str, Any], error: Exception) -> float | None:
        attempts = row.doc["attempts"] + 1
        by_mail = subscription.doc["Protocol"].startswith("email")
        pause = (MAIL if by_mail else retries.read(policy["healthyRetryPolicy"])).delay(attempts)
        what = f"{subscription.arn}: {subscription.doc['Endpoint']} did not take a message ({error})"
        if pause is None:
            log.warning("%s, which is given up after %d attempts", what, attempts)
            return await self._done(row)
        log.info("%s, trying again in %.0f s", what, pause)
        doc = {**row.doc, "attempts": attempts, "due": clock.now() + pause}
        await self._rows.write(lambda tx: tx.update(row, doc=doc))
        return pause

    async def _done(self, row: Row) -> None:
        await self._rows.write(lambda tx: tx.delete(row))

    async def _give_up(self, row: Row, error: Exception) -> None:
        log.error("message %s is given up: %s", row.doc["message"]["MessageId"], error)
        await self._done(row)


def _about(tx: Tx, row: Row) -> tuple[Row | None, Row | None]:
    """The subscription of a delivery, and its topic."""
    name = row.doc["subscription"]
    return tx.get(SUBSCRIPTION, row.scope, name), tx.get(TOPIC, row.scope, name.partition(":")[0])


def _policy(topic: Row, subscription: Row) -> dict[str, Any]:
    texts = (row.doc["Attributes"].get("DeliveryPolicy") or "{}" for row in (topic, subscription))
    return retries.effective(*map(json.loads, texts))
