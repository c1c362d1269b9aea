"""What can be set, declared once.

`potager up` makes an option of every field, a `POTAGER_*` variable and a line of `potager.toml` (`potager.cli.settings`
reads them); `docs/reference/settings.md` prints them (`potager.cli.reference` writes it). A new setting is a new field
here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from potager.kernel.errors import Invalid
from potager.kernel.names import REGION

Reader = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it is declared.

    Parameters
    ----------
    name : the field's name, and its key in the file.
    default : the default as one would write it.
    expects : what a good value is, to be read after "is not".
    help : what it does, one sentence.
    read : text -> value; raises ValueError.
    secret : whether its value is kept out of messages.
    absent : what an empty default means.
    """

    name: str
    default: str
    expects: str
    help: str
    read: Reader
    secret: bool = False
    absent: str = "random"

    @property
    def flag(self) -> bool:
        """Whether the option may stand without a value, for yes."""
        return self.read is _flag

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "POTAGER_" + self.name.upper()

    def value(self, text: str, source: str) -> Any:
        """The value that `text` spells; `Invalid`, naming `source`, when it spells none."""
        try:
            return self.read(text)
        except ValueError as error:
            shown = "the value given" if self.secret else repr(text)
            raise Invalid(f"{source}: {shown} is not {self.expects}. Correct it, or leave it out.") from error


def _matching(pattern: str) -> Reader:
    whole = re.compile(pattern)

    def read(text: str) -> str:
        if not whole.fullmatch(text):
            raise ValueError(text)
        return text

    return read


def _one_of(*choices: str) -> Reader:
    return _matching("|".join(map(re.escape, choices)))


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return number


def _folder(text: str) -> Path:
    if not text.strip() or "\0" in text:
        raise ValueError(text)
    return Path(text).expanduser().absolute()


_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"([0-9]{1,15})\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def _bytes(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None or not int(found[1]):
        raise ValueError(text)
    return int(found[1]) * _UNITS[found[2].upper()]


def _at_most(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if (size := _bytes(text)) > most:
            raise ValueError(text)
        return size

    return read


def _count(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= 10**6:
            raise ValueError(text)
        return number

    return read


def _one_whole(*choices: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if int(text) not in choices:
            raise ValueError(text)
        return int(text)

    return read


_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def _flag(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise ValueError(text)
    return text.lower() in _YES


def _or_nothing(read: Reader) -> Reader:
    """An empty text is None."""
    return lambda text: read(text) if text else None


_HOST = r"[0-9A-Za-z_.:-]{1,253}"


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(host.strip() for host in text.split(",") if host.strip())
    if not all(re.fullmatch(_HOST, host) for host in hosts):
        raise ValueError(text)
    return hosts


def _or_auto(read: Reader) -> Reader:
    """`auto` is None: the machine says."""
    return lambda text: None if text == "auto" else read(text)


def _declare(
    default: str, read: Reader, expects: str, told: str, *, secret: bool = False, absent: str = "random"
) -> Any:
    metadata = {"default": default, "read": read, "expects": expects, "help": told, "secret": secret, "absent": absent}
    return field(default_factory=lambda: read(default), metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a server can be told."""

    host: str = _declare(
        "127.0.0.1",
        _matching(_HOST),
        "a host name or an address",
        "The address to listen on. Anything but loopback lets other machines in: have `tls` on then.",
    )
    port: int = _declare("8484", _port, "a port between 0 and 65535", "The port to listen on; 0 takes any free one.")
    data: Path = _declare(  # noqa: RUF009  (gives a field, not a value)
        "~/.potager",
        _folder,
        "a folder",
        "The data folder: everything that the server keeps. One server at a time uses it.",
    )
    database: str = _declare(
        "sqlite",
        _matching(r"sqlite|postgres(ql)?(\+psycopg)?://[!-~]*"),
        "`sqlite` or the URL of a Postgres database, such as postgresql://potager@localhost/potager",
        "Where the rows are kept that say what there is: `sqlite` is a file in the data folder. Objects, jobs and logs "
        "are in the data folder in either case. Prefer the variable or the file for a URL with a password, or "
        "~/.pgpass: other users of the machine can read a command line.",
        secret=True,
    )
    tls: bool = _declare(
        "no",
        _flag,
        "yes or no",
        "Whether to speak https, and only https, on the port: by a certificate of the data folder's own authority "
        "unless one is given.",
    )
    tls_certificate: Path | None = _declare(  # noqa: RUF009  (gives a field, not a value)
        "",
        _or_nothing(_folder),
        "a file",
        "A certificate of your own, in PEM, followed by those between it and its authority; turns `tls` on. Read again "
        "when it changes.",
        absent="none",
    )
    tls_key: Path | None = _declare(  # noqa: RUF009  (gives a field, not a value)
        "",
        _or_nothing(_folder),
        "a file",
        "The key of that certificate, in PEM and not encrypted, where it is not in the same file.",
        absent="none",
    )
    tls_names: tuple[str, ...] = _declare(
        "",
        _hosts,
        "host names and addresses separated by commas",
        "What else the server is called: further names and addresses for the certificate of the data folder's own "
        "authority.",
        absent="none",
    )
    s3_domain: str = _declare(
        "",
        _matching(r"|(?!-)[0-9A-Za-z-]{1,63}(\.[0-9A-Za-z-]{1,63}){0,9}"),
        "a domain such as s3.example.com",
        "A domain whose names lead here, for S3's virtual-hosted style: `<bucket>.<domain>`, beside "
        "`<bucket>.localhost` and `<bucket>.s3.localhost`.",
        absent="none",
    )
    access_key_id: str = _declare(
        "",
        _matching(r"|[0-9A-Za-z_.-]{3,128}"),
        "an access key id of 3 to 128 letters, digits, `_`, `.` and `-`",
        "The administrator's access key id. Random when it is not given, and kept in `keys.json` of the data folder.",
    )
    secret_access_key: str = _declare(
        "",
        _matching(r"|[!-~]{8,128}"),
        "a secret of 8 to 128 visible ASCII characters",
        "The administrator's secret access key; goes with the access key id. Prefer the variable or the file: "
        "other users of the machine can read a command line.",
        secret=True,
    )
    account_id: str = _declare(
        "000000000000",
        _matching(r"[0-9]{12}"),
        "an account id of 12 digits",
        "The AWS account that resources belong to, as it stands in their ARNs.",
    )
    region: str = _declare(
        "us-east-1",
        _matching(REGION.pattern),
        "a region such as us-east-1",
        "The region that clients are told to use. Requests for any other one are served too.",
    )
    isolation: str = _declare(
        "auto",
        _one_of("auto", "namespaces", "none"),
        "one of auto, namespaces, none",
        "How jobs are kept apart from the machine: `namespaces` of the kernel or refuse to start, `none` at all, "
        "or `auto`: namespaces where the machine offers them.",
    )
    cpus: int | None = _declare(
        "auto",
        _or_auto(_count(1)),
        "a whole number from 1, or auto",
        "How many cores jobs share. More than the machine has lets more jobs run at a time, each slower.",
    )
    memory: int | None = _declare(
        "auto",
        _or_auto(_bytes),
        "a size such as 6GiB, or auto",
        "How much memory jobs and endpoints share: `auto` leaves an eighth, half a GiB at least, to the server and the "
        "system. Never more than the machine has.",
    )
    gpus: int | None = _declare(
        "auto",
        _or_auto(_count(0)),
        "a whole number from 0, or auto",
        "How many GPUs jobs share, numbered from 0: `auto` counts NVIDIA's.",
    )
    endpoint_memory: int | None = _declare(
        "auto",
        _or_auto(_bytes),
        "a size such as 2GiB, or auto",
        "How much memory one instance of an endpoint is given at most. `auto`: a quarter of what is left of the half "
        "that endpoints share.",
    )
    invocation_timeout: int = _declare(
        "60",
        _count(1),
        "a whole number of seconds from 1",
        "How many seconds a model has for one answer of InvokeEndpoint. A worker that takes longer is ended and "
        "replaced; its request fails.",
    )
    stream_timeout: int = _declare(
        "480",
        _count(1),
        "a whole number of seconds from 1",
        "How many seconds a model has for all of an answer of InvokeEndpointWithResponseStream. Each part of it has "
        "`invocation_timeout`.",
    )
    invocation_body: int = _declare(
        "6MiB",
        _at_most(15 * 2**20),
        "a size such as 6MiB, of 15MiB at most",
        "How large the body of an InvokeEndpoint request may be.",
    )
    ping_interval: int = _declare(
        "5",
        _count(1),
        "a whole number of seconds from 1",
        "How many seconds pass between two looks at `GET /ping` of a server of your own behind an endpoint. One that "
        "does not answer 200 gets no requests until it does.",
    )
    serverless_idle: int = _declare(
        "300",
        _count(1),
        "a whole number of seconds from 1",
        "How many seconds a worker of a serverless endpoint stays without a request before it goes. The next request "
        "that finds none starts one.",
    )
    connections: int = _declare(
        "1024",
        _count(8),
        "a whole number from 8",
        "How many connections clients may have open at a time. More are answered 503 and closed.",
    )
    job_processes: int = _declare(
        "4096",
        _count(16),
        "a whole number from 16",
        "How many processes and threads a job may have at a time before it is ended.",
    )
    job_log: int = _declare(
        "1GiB",
        _bytes,
        "a size such as 1GiB",
        "How much of a job's log is kept. A job that prints as much again is ended.",
    )
    notebook_idle: int = _declare(
        "7200",
        _count(2),
        "a whole number of seconds from 2",
        "How many seconds a notebook instance that nobody uses runs on: a kernel that computes nothing and that no "
        "open page shows ends after so long, and with the last of them the instance. Its notebooks stay.",
    )
    lifecycle_day: int = _declare(
        "86400",
        _count(1),
        "a whole number of seconds from 1",
        "How many seconds count as a day in the lifecycle rules of buckets, for those who try them out. With any other "
        "number than 86400 nothing waits for midnight.",
    )
    capture_interval: int = _declare(
        "10",
        _count(1),
        "a whole number of seconds from 1",
        "How many seconds captured requests of endpoints wait at most before they are written to S3. The longer, the "
        "fewer and larger the objects; a server that is killed loses what waits.",
    )
    usage_interval: int = _declare(
        "60",
        _count(1),
        "a whole number of seconds from 1",
        "How many seconds pass between two looks at the CPU and the memory that instances of endpoints and jobs use.",
    )
    alarm_interval: int = _declare(
        "10",
        _count(1),
        "a whole number of seconds from 1",
        "How many seconds pass between two evaluations of an alarm, and until one that SetAlarmState has set is looked "
        "at again.",
    )
    scaling_minute: int = _declare(
        "60",
        _one_whole(1, 5, 10, 30, 60),
        "one of 1, 5, 10, 30, 60",
        "How many seconds count as a minute of the metrics that scaling policies look at, for those who try them out.",
    )
    metrics_token: str = _declare(
        "",
        _matching(r"|[!-~]{16,256}"),
        "a token of 16 to 256 visible ASCII characters",
        "What a request for `/metrics` must bring (`Authorization: Bearer ...`), from wherever it comes. Without one, "
        "requests from this machine alone are answered. Prefer the variable or the file: other users of the machine "
        "can read a command line.",
        secret=True,
        absent="none",
    )
    sns_url: str = _declare(
        "",
        _matching(r"|https?://[0-9A-Za-z_.:\[\]-]{1,253}"),
        "a URL such as https://potager.example.com:8484",
        "Where those who get SNS' messages reach the server: the links in them lead there.",
        absent="where this machine reaches it",
    )
    smtp_host: str = _declare(
        "",
        _matching("|" + _HOST),
        "a host name or an address",
        "The server for mail to subscribers of SNS' topics.",
        absent="none",
    )
    smtp_port: int = _declare("25", _port, "a port between 0 and 65535", "Its port; 587 is usual with `smtp_starttls`.")
    smtp_from: str = _declare(
        "potager@localhost",
        _matching(r"[^\s@<>,;:\"]{1,64}@[0-9A-Za-z.-]{1,253}"),
        "an address such as potager@example.com",
        "Whom mail says that it comes from.",
    )
    smtp_starttls: bool = _declare(
        "no", _flag, "yes or no", "Whether to encrypt the connection to that server, and to check its certificate."
    )
    smtp_user: str = _declare("", _matching(r"[!-~]{0,256}"), "a user's name", "Who logs in there.", absent="nobody")
    smtp_password: str = _declare(
        "",
        _matching(r"[ -~]{0,256}"),
        "a password of printable ASCII characters",
        "Their password. Prefer the variable or the file: other users of the machine can read a command line.",
        secret=True,
        absent="none",
    )
    log_level: str = _declare(
        "info",
        _one_of("debug", "info", "warning", "error"),
        "one of debug, info, warning, error",
        "How much the server says on standard error.",
    )

    @property
    def secure(self) -> bool:
        """Whether the server speaks https."""
        return self.tls or self.tls_certificate is not None


@dataclass(frozen=True, slots=True)
class Keys:
    """The administrator's key pair, and the secret that signs page tokens and sessions."""

    access_key_id: str
    secret_access_key: str
    secret: bytes


def declared() -> tuple[Setting, ...]:
    """Every setting, in the order of the declarations."""
    return tuple(Setting(name=each.name, **each.metadata) for each in fields(Settings))
