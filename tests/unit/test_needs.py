"""What is absent is skipped, and fails where CI wants it."""

from __future__ import annotations

import pytest

from tests.needs import REQUIRED, needed


def test_what_is_absent_is_skipped_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRED, raising=False)
    needed("notebooks", "json")
    with pytest.raises(pytest.skip.Exception, match="pip install no_such_package"):
        needed("notebooks", "json", "no_such_package")


def test_what_is_required_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "postgres,notebooks")
    with pytest.raises(pytest.fail.Exception, match="no_such_package"):
        needed("notebooks", "no_such_package")
