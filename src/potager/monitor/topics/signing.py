"""The key that signs what subscribers are sent, and its certificate, which they fetch from this server.

A key of RSA, made when it is first needed, rests in a row, wrapped by the server's secret. Source:
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from cryptography.x509.oid import NameOID

from potager.kernel.errors import Exists
from potager.kernel.names import Scope, arn
from potager.monitor.topics.service import sns
from potager.store.rows import Rows
from potager.store.vault import Vault
from potager.wire.message import Response
from potager.wire.route import CERTIFICATE
from potager.wire.service import Visit

KIND, NAME = "sns-signer", "signer"
YEARS = timedelta(days=3650)
"""How long the certificate lasts."""
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""Members of a document that its signature is over, by its type; those that it lacks are left out."""


class Signer:
    """Signs in the name of this server.

    Parameters
    ----------
    scope : in which the key's row stands.
    """

    def __init__(self, rows: Rows, vault: Vault, scope: Scope) -> None:
        self._rows = rows
        self._vault = vault
        self._scope = scope
        self._made: tuple[rsa.RSAPrivateKey, str, bytes] | None = None
        self._making = asyncio.Lock()

    async def signed(self, document: Mapping[str, str], version: str, url: str) -> dict[str, str]:
        """What a document gets that says who sent it.

        Parameters
        ----------
        version : `1` signs by SHA-1, `2` by SHA-256.
        url : where the server is reached, which has the certificate.
        """
        key, file, _ = await self._known()
        digest = hashes.SHA256() if version == "2" else hashes.SHA1()  # noqa: S303 - what version 1 is
        signature = key.sign(text(document), padding.PKCS1v15(), digest)
        return {
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": url + file,
        }

    async def certificate(self, path: str) -> bytes | None:
        """The certificate at a path of this server, in PEM."""
        _, file, pem = await self._known()
        return pem if path == file else None

    async def _known(self) -> tuple[rsa.RSAPrivateKey, str, bytes]:
        async with self._making:
            if self._made is None:
                doc = await self._row()
                der = self._vault.unwrap(base64.b64decode(doc["key"]), KIND)
                pem = doc["certificate"].encode()
                name = hashlib.sha256(pem).hexdigest()[:32]
                key = cast(rsa.RSAPrivateKey, load_der_private_key(der, None))
                self._made = key, f"/SimpleNotificationService-{name}.pem", pem
            return self._made

    async def _row(self) -> dict[str, Any]:
        row = await self._rows.get(KIND, self._scope, NAME)
        if row is not None:
            return row.doc
        der, pem = await asyncio.to_thread(_generated)
        doc = {"key": base64.b64encode(self._vault.wrap(der, KIND)).decode(), "certificate": pem.decode()}
        try:
            await self._rows.write(
                lambda tx: tx.insert(KIND, self._scope, NAME, doc, arn=arn("sns", self._scope, f"{KIND}/{NAME}"))
            )
        except Exists:
            doc = (await self._rows.find(KIND, self._scope, NAME)).doc
        return doc


def text(document: Mapping[str, str]) -> bytes:
    """What is signed of a document."""
    names = SIGNED[document["Type"]]
    return "".join(f"{name}\n{document[name]}\n" for name in names if name in document).encode()


def _generated() -> tuple[bytes, bytes]:
    """A key, and a certificate by itself."""
    key = rsa.generate_private_key(65537, 2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + YEARS)
    certificate = builder.sign(key, hashes.SHA256())
    return (
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        certificate.public_bytes(Encoding.PEM),
    )


@sns.unmodelled(CERTIFICATE)
async def signing_certificate(visit: Visit) -> Response:
    """The certificate that signatures are checked with; anybody may have it."""
    found = await visit.house[Signer].certificate(visit.request.path)
    if found is None:
        return Response(404, [("content-type", "text/plain")], b"There is no such certificate.\n")
    return Response(200, [("content-type", "application/x-pem-file")], found)
