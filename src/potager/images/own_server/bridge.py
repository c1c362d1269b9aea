"""Requests passed on to the user's server over one connection that is kept.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import http.client


class Answered(Exception):
    """The server answered with a status that is no success. `status`: its own, where it says that something failed."""

    def __init__(self, status: int, said: str) -> None:
        fails = 400 <= status < 600
        super().__init__(said if fails else f"/invocations answered with status {status}: {said}")
        self.status = status if fails else 500


class Unanswered(Exception):
    """The server closed the connection, or spoke no HTTP."""

    status = 502


class Bridge:
    """A connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The server's answer and its content type; `Answered` with its status where that is no success."""
        named = {"Content-Type": content_type, "Accept": accept}
        headers = {name: value for name, value in named.items() if value}
        response, answer = self._exchange(body, headers)
        if not 200 <= response.status < 300:
            raise Answered(response.status, answer.decode("utf-8", "replace"))
        return answer, response.headers.get("Content-Type", "")

    def _exchange(self, body: bytes, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
        kept = self._connection.sock is not None
        try:
            return self._once(body, headers)
        except (ConnectionError, http.client.HTTPException, OSError) as error:
            self._connection.close()
            # Servers close a connection that was idle for long, and this one may have crossed with that.
            if kept and isinstance(error, ConnectionError):
                return self._again(body, headers)
            raise _unanswered(error) from error

    def _again(self, body: bytes, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
        try:
            return self._once(body, headers)
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise _unanswered(error) from error

    def _once(self, body: bytes, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
        self._connection.request("POST", "/invocations", body, headers)
        response = self._connection.getresponse()
        return response, response.read()


def _unanswered(error: Exception) -> Unanswered:
    return Unanswered(f"The server gave no answer to POST /invocations: {type(error).__name__}: {error}")
