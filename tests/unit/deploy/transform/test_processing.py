import pytest

from potager.deploy.transform.faults import BadRecord
from potager.deploy.transform.jsonpath import parse
from potager.deploy.transform.processing import Processing

CSV, JSONL = "text/csv", "application/jsonlines"


def table(before: str = "$", after: str = "$", join: bool = False) -> Processing:
    return of(True, before, after, join)


def objects(before: str = "$", after: str = "$", join: bool = False, lines: bool = True) -> Processing:
    return of(False, before, after, join, lines)


def of(is_table: bool, before: str, after: str, join: bool, lines: bool = True) -> Processing:
    first, last = parse(before), parse(after)
    return Processing(is_table, lines, None if first.whole else first, None if last.whole else last, join)


def test_an_id_is_kept_from_the_model_and_joined_to_its_answer() -> None:
    processing = table("$[1:]", "$[0,-1]", join=True)
    body = b"id1,0.5,1\r\nid2,0.7,2\r\n"
    assert processing.request(body) == b"0.5,1\n0.7,2\n"
    assert processing.answer(body, b"1,0.9\n0,0.1\n", "text/csv; charset=utf-8") == b"id1,0.9\nid2,0.1\n"


def test_a_join_of_rows_leaves_the_input_as_it_was_written() -> None:
    body = b'"a, ""b""", 1\n\n2,3'
    assert table(join=True).answer(body, b"x\ny\n", CSV) == b'"a, ""b""", 1,x\n2,3,y\n'


def test_cells_that_need_quotes_get_them_back() -> None:
    assert table("$[0,1]").request(b'"a,b","c",d\n') == b'"a,b",c\n'
    assert table("$[0]").request("été,1\n".encode("latin-1")) == "été\n".encode("latin-1")


def test_answers_that_are_rows_are_filtered_alone() -> None:
    assert table(after="$[1]").answer(b"1,2\n3,4\n", b"0,0.1\n1,0.9\n", CSV) == b"0.1\n0.9\n"


def test_a_json_object_gets_the_answer_as_a_member() -> None:
    processing = objects("$.features", join=True)
    body = '{"id": "é", "features": [1, 2]}\n{"id": 2, "features": [3, 4]}\n'.encode()
    assert processing.request(body) == b"[1,2]\n[3,4]\n"
    assert processing.answer(body, b'{"score": 0.1}\n{"score": 0.9}', JSONL).decode() == (
        '{"id":"é","features":[1,2],"SageMakerOutput":{"score":0.1}}\n'
        '{"id":2,"features":[3,4],"SageMakerOutput":{"score":0.9}}\n'
    )


def test_a_filter_after_a_join_can_name_the_answer() -> None:
    processing = objects(after="$['id','SageMakerOutput']", join=True)
    assert processing.answer(b'{"id":1,"x":2}\n', b"[0.5]\n", JSONL) == b'{"id":1,"SageMakerOutput":[0.5]}\n'


def test_a_record_that_is_no_object_becomes_one() -> None:
    assert objects(join=True).answer(b"[1,2]\n", b"3\n", JSONL) == b'{"SageMakerInput":[1,2],"SageMakerOutput":3}\n'


def test_a_document_that_is_not_split_is_one_record() -> None:
    processing = objects("$.instances", join=True, lines=False)
    body = b'{\n "instances": [1]\n}\n'
    assert processing.request(body) == b"[1]\n"
    answer = processing.answer(body, b'{\n"predictions": [2]}', "application/json")
    assert answer == b'{"instances":[1],"SageMakerOutput":{"predictions":[2]}}\n'


@pytest.mark.parametrize(
    ("processing", "body", "index"),
    [
        (table("$[2]"), b"1,2,3\n\n1,2\n", 2),
        (table("$[0]"), b'1,2\n"open,3\n4,5\n', 1),
        (objects("$.a"), b'{"a":1}\n{"b":1}\n', 1),
        (objects("$.a"), b'{"a":1}\n{"a"\n', 1),
    ],
)
def test_a_record_that_cannot_be_filtered_is_named_by_its_place(
    processing: Processing, body: bytes, index: int
) -> None:
    with pytest.raises(BadRecord) as refusal:
        processing.request(body)
    assert refusal.value.index == index


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [(b"1\n", CSV, "1 records for 2"), (b"{}", "application/json", "cannot be processed as text/csv")],
)
def test_an_answer_that_does_not_fit_the_input_is_refused(answer: bytes, kind: str, said: str) -> None:
    with pytest.raises(BadRecord, match=said):
        table(join=True).answer(b"1\n2\n", answer, kind)
