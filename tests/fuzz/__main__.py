"""Fuzzes one target with Atheris, or all of them in turn: `python -m tests.fuzz [--seconds 60] [TARGET ...]`.

Each runs in a process of its own for its share of the time, and begins with what its seeds and earlier runs found
(`.fuzz/<target>`, not kept by git). What breaks a target is printed, and kept there as `crash-...`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(".fuzz")


def main() -> int:
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], metavar="TARGET", help=", ".join(TARGETS))
    given = parser.parse_args()
    failed = [name for name in given.targets or TARGETS if not _apart(name, given.seconds)]
    print("broken: " + ", ".join(failed) if failed else "nothing found")
    return 1 if failed else 0


def _apart(name: str, seconds: int) -> bool:
    return (
        subprocess.run([sys.executable, "-m", "tests.fuzz", "--one", name, str(seconds)], check=False).returncode == 0
    )


def one(name: str, seconds: int) -> None:
    """Fuzzes a target in this process, which ends with it."""
    import atheris  # pyright: ignore

    with atheris.instrument_imports(include=["potager.wire", "potager.kernel", "json", "email"]):
        from tests.fuzz.targets import run, seeds
    corpus = HERE / name.replace(" ", "-")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={corpus}/", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], *options, "-max_len=8192", "-verbosity=0", str(corpus)], lambda data: run(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(main())
