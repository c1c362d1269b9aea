"""SNS: topics, who subscribes to them by http(s) and e-mail, and what is published.

    Publish ─► a row for each subscription that wants it (one transaction) ─► attempt, again and again ─► gone

    service.py         the table of operations, and what they share
    topics.py          CreateTopic ... ListTopics, attributes, tags
    subscriptions.py   Subscribe, ConfirmSubscription, Unsubscribe ..., attributes
    publishing.py      Publish, PublishBatch
    filters.py         whether a filter policy takes a message; pure
    retries.py         when a delivery that failed is tried again; pure
    messages.py        what subscribers are sent: documents, headers, mails
    signing.py         the key that signs them, and its certificate
    delivery.py        brings it there: at least once, whatever becomes of the server
    posting.py         by http and https
    mailing.py         by SMTP

Source: https://docs.aws.amazon.com/sns/latest/dg/welcome.html
"""

from __future__ import annotations

from potager.monitor.topics import publishing, signing, subscriptions, topics
from potager.monitor.topics.delivery import Deliverer
from potager.monitor.topics.mailing import Mail
from potager.monitor.topics.service import sns
from potager.monitor.topics.signing import Signer

__all__ = ["Deliverer", "Mail", "Signer", "publishing", "signing", "sns", "subscriptions", "topics"]
