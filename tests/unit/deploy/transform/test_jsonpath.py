import pytest

from potager.deploy.transform.jsonpath import parse
from potager.kernel.errors import Invalid

ROW = ["a", "b", "c", "d"]
DOC = {"id": 7, "features": [1, 2, 3], "deep": {"er": {"x": True}, "two words": None}, "list": [{"n": 1}, {"n": 2}]}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", ROW),
        ("$[0]", "a"),
        ("$[-1]", "d"),
        ("$[1:]", ["b", "c", "d"]),
        ("$[:-1]", ["a", "b", "c"]),
        ("$[1:3]", ["b", "c"]),
        ("$[:]", ROW),
        ("$[0,2]", ["a", "c"]),
        ("$[ 0 , 2: ]", ["a", "c", "d"]),
        ("$[0,-1]", ["a", "d"]),
        ("$[*]", ROW),
        ("$[9:]", []),
    ],
)
def test_rows_are_chosen_from_by_position(path: str, found: object) -> None:
    assert parse(path).select(ROW) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.id", 7),
        ("$['id']", 7),
        ('$["id"]', 7),
        ("$.features", [1, 2, 3]),
        ("$.features[0]", 1),
        ("$.features[1:]", [2, 3]),
        ("$.deep.er.x", True),
        ("$['deep']['two words']", None),
        ("$.deep.['er']", {"x": True}),
        ("$['id','features']", {"id": 7, "features": [1, 2, 3]}),
        ("$.deep['er', 'two words']", {"er": {"x": True}, "two words": None}),
        ("$.list[*].n", [1, 2]),
        ("$.list[0,1].n", [1, 2]),
        ("$.deep.er.*", [True]),
    ],
)
def test_objects_are_chosen_from_by_name(path: str, found: object) -> None:
    assert parse(path).select(DOC) == found


@pytest.mark.parametrize(
    "path",
    ["", "id", "$id", "$.", "$..id", "$[", "$[]", "$[a]", "$['id'", "$['id',]", "$[?(@.x)]", "$.length()", "$[1:2:3]"],
)
def test_what_is_no_path_or_not_served_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match="JSONPath"):
        parse(path)


def test_several_names_can_only_end_a_path() -> None:
    with pytest.raises(Invalid, match="before the end"):
        parse("$['a','b'].c")


@pytest.mark.parametrize(
    "path", ["$.absent", "$['id','absent']", "$.id.deeper", "$[0]", "$.features[3]", "$.features[-4]"]
)
def test_what_is_not_there_is_said(path: str) -> None:
    with pytest.raises(LookupError, match="looks for"):
        parse(path).select(DOC)
