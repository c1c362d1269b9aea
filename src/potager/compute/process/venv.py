"""A virtual environment for one program, over the server's own packages: what pip installs there is the program's.

    /tmp/.venv                          its own; writable; gone with it
    DATA/environments/<key>             what its requirements.txt asks for; kept, read-only (`layers.py`)
    the server's site-packages          read-only

    sys.path   the standard library, then the three, top to bottom
    PATH       their programs likewise

Three ways were weighed. pip's `--target` with PYTHONPATH: no `.pth` files, no upgrade of what lies below, and a program
that sets PYTHONPATH loses it all. An overlay file system on the server's environment: exact to the byte, but it
needs namespaces and a disk that can carry one. A virtual environment that is made by hand takes a millisecond and
works everywhere: pip sees what is below as installed, puts what is new in front of it, and finds everything outside
of the environment's own prefix to be none of its business. Its price: programs (`torchrun`) carry the path of their
interpreter, so what is below offers copies of them that ask PATH for it.
"""

from __future__ import annotations

import configparser
import contextlib
import functools
import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

NAME = ".venv"
"""The environment's folder in the program's /tmp."""
BELOW = "_potager.pth"
"""The file in its site-packages that leads to what is below."""

_FILES = ("find-links", "index-url", "extra-index-url", "cert", "client-cert", "constraint")
"""Settings of pip's that may name files of this machine."""
_KEYS = frozenset(
    {*_FILES, "no-index", "trusted-host", "proxy", "timeout", "default-timeout", "retries", "prefer-binary"}
    | {"only-binary", "no-binary", "pre", "keyring-provider", "use-feature", "use-deprecated"}
)
"""Settings that say where packages come from, and how. The others (`target`, `cache-dir`) stay the operator's."""
_LARGEST = 1 << 20
"""Bytes of a program that is looked into; those that pip writes have some 200."""


def packages(home: Path) -> Path:
    """The site-packages of the environment in `home`."""
    return home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def python(home: Path) -> Path:
    """Its interpreter."""
    return home / "bin" / "python"


def make(home: Path, layers: Sequence[Path] = (), pip: str = "") -> None:
    """Makes an environment in `home`, which must not be there.

    Parameters
    ----------
    layers : environments that lie below, the first on top; the server's own is under them all.
    pip : its `pip.conf`.
    """
    folder = packages(home)
    (home / "bin").mkdir(parents=True, mode=0o755)
    folder.mkdir(parents=True)
    if sys.platlibdir != "lib":
        (home / sys.platlibdir).symlink_to("lib")
    base = getattr(sys, "_base_executable", "") or sys.executable
    for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
        (home / "bin" / name).symlink_to(base)
    (home / "pyvenv.cfg").write_text(f"home = {os.path.dirname(base)}\ninclude-system-site-packages = false\n")
    below = [f"import site; site.addsitedir({str(path)!r})" for path in [*map(packages, layers), *server()]]
    (folder / BELOW).write_text("\n".join([*below, *_bundled(), ""]))
    if pip:
        (home / "pip.conf").touch(mode=0o600)
        (home / "pip.conf").write_text(pip)


def server() -> list[Path]:
    """The folders that the server's interpreter finds installed packages in."""
    user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return [Path(path) for path in (*site.getsitepackages(), *user) if os.path.isdir(path)]


@functools.cache
def _bundled() -> tuple[str, ...]:
    """The pip that came with Python, where the server's environment has none; its wheel can be imported as it is."""
    if importlib.util.find_spec("pip") is not None:
        return ()
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]
    spec = importlib.util.find_spec("ensurepip")
    if spec is not None and spec.origin:
        folders.append(os.path.join(os.path.dirname(spec.origin), "_bundled"))
    wheels = [str(path) for folder in folders if folder for path in sorted(Path(folder).glob("pip-*.whl"))]
    return tuple(wheels[-1:])


def enter(home: Path) -> None:
    """Has this process, which was forked with its imports done, find what is installed in `home` from now on."""
    own = {str(path) for path in server()}
    at = next((number for number, path in enumerate(sys.path) if path in own), len(sys.path))
    sys.path.insert(at, str(packages(home)))
    sys.executable = str(python(home))
    spawn = sys.modules.get("multiprocessing.spawn")
    if spawn is not None:
        spawn.set_executable(sys.executable)


def told(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables by which the server's operator tells pip where packages come from."""
    names = {"PIP_" + key.upper().replace("-", "_") for key in _KEYS}
    found = {name: text for name, text in environment.items() if name in names}
    if environment.get("PIP_CONFIG_FILE") == os.devnull:  # pip's way to say: no files at all
        found["PIP_CONFIG_FILE"] = os.devnull
    return found


def configured(environment: Mapping[str, str]) -> str:
    """What the operator's own pip.conf says of where packages come from; the machine's pip reads by itself."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ""
    home = Path(environment.get("HOME") or "/")
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    places = [home / ".pip" / "pip.conf", config / "pip" / "pip.conf", Path(sys.prefix) / "pip.conf"]
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read([*places, *([named] if named else [])], "utf-8")
    except (configparser.Error, UnicodeDecodeError):  # pip will not read it either, and says so to the operator
        return ""
    lines: list[str] = []
    for section in parser.sections():
        kept = [(key, text) for key, text in parser.items(section) if key.lower().replace("_", "-") in _KEYS]
        if kept and section in ("global", "install", "download", "wheel"):
            lines += [f"[{section}]", *(f"{key} = {text.replace(chr(10), chr(10) + '    ')}" for key, text in kept)]
    return "\n".join([*lines, ""]) if lines else ""


def named_files(environment: Mapping[str, str], config: str) -> list[Path]:
    """The files and folders of this machine that pip is told to take packages or certificates from."""
    variables = {"PIP_" + key.upper().replace("-", "_") for key in _FILES}
    words = [word for name, text in environment.items() if name in variables for word in text.split()]
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(config)
    for section in parser.sections():
        words += [word for key, text in parser.items(section) if key in _FILES for word in text.split()]
    paths = [Path(word.removeprefix("file://")).expanduser() for word in words]
    return [path for path in paths if path.is_absolute() and len(path.parts) > 1 and path.exists()]


def asking(source: Path, target: Path, interpreters: Sequence[str] = ()) -> None:
    """Writes the Python programs in `source` to `target`, which may be the same, so that they ask PATH for `python3`.

    interpreters : those whose programs are meant; any without them. Links are left alone, wherever they lead.
    """
    for entry in list(os.scandir(source)):
        if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_size < _LARGEST:
            text = _asking(Path(entry.path), interpreters)
            if text is not None:
                replacement = target / f"{entry.name}.new"
                _write(replacement, text)
                replacement.replace(target / entry.name)


def _write(path: Path, text: bytes) -> None:
    """Writes a new program where a stranger may have left a link."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755), "wb") as file:
        os.fchmod(file.fileno(), 0o755)
        file.write(text)


def _asking(program: Path, interpreters: Sequence[str]) -> bytes | None:
    """A Python program with `#!/usr/bin/env python3` for its first line; None where it is none."""
    with open(program, "rb") as file:
        if file.read(2) != b"#!":
            return None
        first, _, rest = file.read().partition(b"\n")
    named = first.strip()
    if named == b"/bin/sh" and rest.startswith(b"'''exec' "):  # pip's way round a path that is too long
        command, _, rest = rest.partition(b"\n")
        named = command.removeprefix(b"'''exec' ").partition(b' "$0"')[0].strip(b'"')
        rest = rest.partition(b"\n")[2]
    path = os.fsdecode(named.split(b" -")[0])
    if not os.path.basename(path).startswith("python") or (interpreters and path not in interpreters):
        return None
    return b"#!/usr/bin/env python3\n" + rest


def pips(target: Path) -> None:
    """Puts `pip` and its other names into `target`, whichever pip there is."""
    text = "#!/usr/bin/env python3\nimport sys\n\nfrom pip._internal.cli.main import main\n\nsys.exit(main())\n"
    for name in ("pip", "pip3", f"pip3.{sys.version_info.minor}"):
        (target / name).write_text(text)
        (target / name).chmod(0o755)
