"""What a failed container's log says at its end."""

from __future__ import annotations

from pathlib import Path

from potager.deploy.words import CAUSE, READ, ROOM, last_words
from potager.kernel import logfile


def test_the_last_lines_are_told_less_what_was_told_already(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for text in ("loading", "  File 'a.py', line 3", "RuntimeError: no weights", ""):
        logfile.append(log, text)
    told = "RuntimeError: no weights"
    assert last_words(log, told) == " Its log ends: loading | File 'a.py', line 3"
    logfile.append(log, f"mine.Broken: {told}")
    assert last_words(log, told) == " Its log ends: loading | File 'a.py', line 3"


def test_all_is_told_where_nothing_was(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for text in ("loading", "File 'a.py', line 3", "RuntimeError: no weights"):
        logfile.append(log, text)
    assert last_words(log, "") == " Its log ends: loading | File 'a.py', line 3 | RuntimeError: no weights"


def test_a_long_log_is_told_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"".join(logfile.encode(0, f"line {number}") for number in range(READ)))
    said = last_words(log, "")
    assert said.startswith(" Its log ends: ...")
    assert len(said) == len(" Its log ends: ...") + ROOM
    assert said.endswith(f"| line {READ - 1}")


def test_of_what_was_made_of_a_failure_only_the_failure_is_told(tmp_path: Path) -> None:
    log, told = tmp_path / "a.log", "Broken: no weights"
    for text in ("File 'mine.py'", "    ^^^^^^^^", "KeyError: 1", CAUSE, "File 'ours.py'", f"ours.{told}"):
        logfile.append(log, text)
    assert last_words(log, told) == " Its log ends: File 'mine.py' | KeyError: 1"
    assert "ours.py" in last_words(log, "it was something else")


def test_no_log_and_an_empty_one_say_nothing(tmp_path: Path) -> None:
    assert last_words(tmp_path / "a.log", "why") == ""
    (tmp_path / "a.log").touch()
    assert last_words(tmp_path / "a.log", "why") == ""
