from __future__ import annotations

import random
import uuid

import pytest

from potager.kernel import ids


@pytest.mark.parametrize("made", [ids.request_id, ids.uuid])
def test_ids_are_random_uuids(made: object) -> None:
    assert callable(made)
    first, second = str(made()), str(made())
    assert first != second
    assert all(str(uuid.UUID(each)) == each and uuid.UUID(each).version == 4 for each in (first, second))


def test_whoever_knows_the_state_of_request_ids_knows_no_other_id(monkeypatch: pytest.MonkeyPatch) -> None:
    def after(state: int) -> tuple[str, str, str]:
        monkeypatch.setattr(ids, "_requests", random.Random(state))
        return ids.request_id(), ids.uuid(), ids.short()

    one, two = after(1), after(1)
    assert one[0] == two[0]
    assert one[1] != two[1]
    assert one[2] != two[2]
