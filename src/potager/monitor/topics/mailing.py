"""Mail to subscribers, by the SMTP server that the settings name."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate

from potager.kernel.settings import Settings
from potager.monitor.topics.posting import Refused

TIMEOUT = 15.0
"""Seconds that the server has for each of its answers."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A way to send mail."""

    host: str
    port: int
    sender: str
    starttls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Mail | None:
        """As the settings have it, None where they name no server."""
        if not settings.smtp_host:
            return None
        return cls(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_from,
            settings.smtp_starttls,
            settings.smtp_user,
            settings.smtp_password,
        )

    async def send(self, to: str, subject: str, text: str, message_id: str) -> None:
        """Sends one mail; `Refused` where nobody may get it, `OSError` where it failed."""
        await asyncio.to_thread(self._send, to, subject, text, message_id)

    def _send(self, to: str, subject: str, text: str, message_id: str) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.sender, to, subject
        mail["Date"], mail["Message-ID"] = formatdate(), f"<{message_id}@{self.host}>"
        mail.set_content(text)
        try:
            with smtplib.SMTP(self.host, self.port, timeout=TIMEOUT) as server:
                if self.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise (Refused if all(code >= 500 for code in codes) else OSError)(f"SMTP answered {codes}") from error
