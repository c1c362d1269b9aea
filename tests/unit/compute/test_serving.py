"""A worker's desk: which requests are answered together, and what each of them gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from potager.compute import frames
from potager.compute.process import serving
from potager.compute.process.serving import Desk, Request
from potager.kernel.prediction import Answer, Query


class Doubling:
    """Answers a number with its double; keeps the sizes of the batches that it was given."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        self.batches.append(1)
        return str(2 * int(body[:8])).encode(), accept

    def predict_many(self, queries: Sequence[Query]) -> list[Answer | Exception]:
        self.batches.append(len(queries))
        return [Answer(str(2 * int(query.body)).encode(), query.accept) for query in queries]


def asked(*bodies: bytes, accept: str = "text/csv", start: int = 0) -> list[Request]:
    """The frames of requests with these bodies."""
    return [
        (number, frames.INVOKE, frames.headed(Query(body, "text/csv", accept).head, body))
        for number, body in enumerate(bodies, start)
    ]


def answered(predictor: Any, requests: list[Request]) -> dict[int, tuple[int, list[str], bytes]]:
    """Kind, head and body of each answer by its request's number."""
    found = frames.Reader().feed(b"".join(Desk(predictor).answers(requests)))
    return {number: (kind, *frames.parted(payload)) for number, kind, payload in found}


def bodies(predictor: Any, requests: list[Request]) -> dict[int, bytes]:
    return {number: body for number, (_, _, body) in answered(predictor, requests).items()}


def test_what_waits_together_is_predicted_together_and_sent_at_once() -> None:
    predictor = Doubling()
    sent = list(Desk(predictor).answers(asked(b"1", b"2", b"3")))
    assert predictor.batches == [3]
    assert len(sent) == 1
    assert bodies(predictor, asked(b"1", b"2", b"3")) == {0: b"2", 1: b"4", 2: b"6"}


def test_a_request_that_is_alone_is_predicted_alone() -> None:
    predictor = Doubling()
    assert bodies(predictor, asked(b"21")) == {0: b"42"}
    assert predictor.batches == [1]


def test_requests_of_other_media_types_go_apart() -> None:
    predictor = Doubling()
    mixed = asked(b"1", b"2") + asked(b"3", b"4", b"5", accept="application/json", start=2)
    assert bodies(predictor, mixed) == {0: b"2", 1: b"4", 2: b"6", 3: b"8", 4: b"10"}
    assert predictor.batches == [2, 3]


def test_a_large_request_comes_by_itself_and_after_the_small_ones() -> None:
    predictor = Doubling()
    large = b"%08d" % 9 + b" " * serving.SMALL
    sent = [list(frames.Reader().feed(data)) for data in Desk(predictor).answers(asked(large, b"1", b"2"))]
    assert [[number for number, _, _ in each] for each in sent] == [[1, 2], [0]]
    assert predictor.batches == [2, 1]


def test_a_batch_has_a_most() -> None:
    predictor = Doubling()
    many = [b"%d" % number for number in range(serving.MOST_TOGETHER + 3)]
    assert bodies(predictor, asked(*many)) == {number: b"%d" % (2 * number) for number in range(len(many))}
    assert predictor.batches == [serving.MOST_TOGETHER, 3]


def test_one_bad_request_of_a_batch_is_refused_alone() -> None:
    found = answered(Doubling(), asked(b"1", b"x", b"3"))
    assert [found[0][2], found[2][2]] == [b"2", b"6"]
    kind, head, said = found[1]
    assert (kind, head) == (frames.FAILURE, ["400"])
    assert b"invalid literal" in said


def test_a_batch_may_answer_some_with_errors() -> None:
    class Picky(Doubling):
        def predict_many(self, queries: Sequence[Query]) -> list[Answer | Exception]:
            return [ValueError("odd") if int(query.body) % 2 else Answer(query.body) for query in queries]

    found = answered(Picky(), asked(b"1", b"2"))
    assert (found[0][0], found[0][2]) == (frames.FAILURE, b"odd")
    assert (found[1][0], found[1][2]) == (frames.RESULT, b"2")


def test_a_ping_among_invocations_is_answered() -> None:
    found = frames.Reader().feed(b"".join(Desk(Doubling()).answers([*asked(b"1", b"2"), (7, frames.PING, b"")])))
    assert {number: kind for number, kind, _ in found} == {0: frames.RESULT, 1: frames.RESULT, 7: frames.PONG}


def test_an_invocation_whose_head_cannot_be_read_fails_alone() -> None:
    found = answered(Doubling(), [(0, frames.INVOKE, b"\0"), *asked(b"2", start=1)])
    assert (found[0][0], found[0][1]) == (frames.FAILURE, ["500"])
    assert found[1][2] == b"4"
