"""A job from its channels to its metrics, and what its model answers."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from potager.images.algorithm.errors import BadRequest, BrokenModel
from potager.images.ipinsights import METRICS
from potager.images.ipinsights.events import slot_of
from potager.kernel.prediction import Query
from tests.unit.images.ipinsights.conftest import csv_of, scores

FEW = {"num_entity_vectors": "100", "vector_dim": "16", "epochs": "3", "learning_rate": "0.01"}
GOOD = "a, 10.0.0.1\nb, 10.1.0.1\n"


@pytest.fixture(autouse=True)
def _short_epochs(monkeypatch):
    monkeypatch.setattr("potager.images.ipinsights.fit._UPDATES", 10)


def test_every_metric_that_aws_names_is_printed(job, logins):
    job.channel("train", csv_of(logins(20, 10, 1))).channel("validation", csv_of(logins(20, 5, 2))).run(**FEW)
    for name, regex in METRICS:
        assert job.metric(regex), name
    assert job.metric(dict(METRICS)["train:progress"]) == [33.33, 66.67, 100]
    losses = job.metric(dict(METRICS)["train:binary_classification_cross_entropy:epoch"])
    assert losses[-1] < losses[0]
    assert "epoch=0, batch=0 train binary_classification_accuracy <score>=" in job.log


def test_batches_are_reported_at_the_interval(job, logins):
    job.channel("train", csv_of(logins(20, 10, 1))).run(**(FEW | {"batch_metrics_publish_interval": "5"}))
    assert len(job.metric(dict(METRICS)["train:binary_classification_accuracy"])) == 6


def test_two_runs_end_in_the_same_model(job, logins):
    job.channel("train", csv_of(logins(20, 10, 1))).run(**FEW)
    first = scores(job.predictor, logins(20, 2, 3))
    job.run(**FEW)
    np.testing.assert_array_equal(scores(job.predictor, logins(20, 2, 3)), first)


def test_only_entities_that_were_seen_take_place_in_the_model(job):
    job.channel("train", GOOD).run(num_entity_vectors="3000000", vector_dim="8", epochs="1")
    assert (job.ml / "model" / "model.npz").stat().st_size < 20_000


@pytest.mark.parametrize("rates", [("0", "2"), ("3", "0"), ("2", "2")])
@pytest.mark.parametrize("layers", ["0", "2"])
def test_rates_and_layers_train(job, logins, rates: tuple[str, str], layers: str):
    job.channel("train", csv_of(logins(20, 10, 1)))
    job.run(
        **FEW,
        random_negative_sampling_rate=rates[0],
        shuffled_negative_sampling_rate=rates[1],
        num_ip_encoder_layers=layers,
    )
    losses = job.metric(dict(METRICS)["train:binary_classification_cross_entropy:epoch"])
    assert losses[-1] < losses[0]


def test_answers_are_as_aws_has_them(job, logins):
    job.channel("train", csv_of(logins(20, 10, 1))).run(**FEW)
    body, kind = job.predictor.predict(b"user_1, 10.1.2.3\nuser_2,10.1.2.4\n", "text/csv", "application/json")
    predictions = json.loads(body)["predictions"]
    assert kind == "application/json"
    assert [list(one) for one in predictions] == [["dot_product"]] * 2
    asked = {
        "instances": [{"features": ["user_1", "10.1.2.3"]}, {"data": {"features": {"values": ["user_2", "10.1.2.4"]}}}]
    }
    assert job.predictor.predict(json.dumps(asked).encode(), "application/json", "")[0] == body
    line, kind = job.predictor.predict(
        b'{"features": ["user_1", "10.1.2.3"]}\n', "application/jsonlines", "application/jsonlines; verbose=True"
    )
    told = json.loads(line)
    assert kind == "application/jsonlines"
    assert list(told) == ["dot_product", "entity_embedding", "ip_embedding"]
    assert len(told["ip_embedding"]) == 16
    assert np.dot(told["entity_embedding"], told["ip_embedding"]) == pytest.approx(told["dot_product"])
    assert told["dot_product"] == predictions[0]["dot_product"]
    verbose, _ = job.predictor.predict(b"user_1,10.1.2.3", "text/csv", "application/json;verbose=True")
    assert json.loads(verbose)["predictions"][0] == told


def test_an_entity_that_training_has_not_seen_scores_nothing(job):
    assert slot_of("nobody", 100) not in (slot_of("a", 100), slot_of("b", 100))
    job.channel("train", GOOD).run(**FEW)
    body, _ = job.predictor.predict(b"nobody, 10.0.0.1", "text/csv", "")
    assert json.loads(body) == {"predictions": [{"dot_product": 0.0}]}


def test_requests_asked_together_get_their_own_answers(job, logins):
    job.channel("train", csv_of(logins(20, 10, 1))).run(**FEW)
    queries = [Query(b"user_1,10.0.0.1", "text/csv"), Query(b"user_2,10.0.0.1\nuser_3,9.9.9.9", "text/csv")]
    for query, answer in zip(queries, job.predictor.predict_many(queries), strict=True):
        alone = json.loads(job.predictor.predict(query.body, "text/csv", "")[0])["predictions"]
        together = json.loads(answer.body)["predictions"]
        for one, other in zip(together, alone, strict=True):
            assert one["dot_product"] == pytest.approx(other["dot_product"], rel=1e-5)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        (b"a,10.0.0.256", "text/csv", 400, "Row 1, column 2: '10.0.0.256' is not an IPv4 address"),
        (
            b"a,10.0.0.1\nb,::1",
            "text/csv",
            400,
            "column 2: '::1' is not an IPv4 address (IPv6 is not supported)",
        ),
        (b"a,10.0.0.1,1", "text/csv", 400, "Row 1 has 3 columns, but 2 are expected"),
        (b"", "text/csv", 400, "holds no rows"),
        (b"{", "application/json", 400, "The body is not JSON"),
        (b"[]", "application/json", 400, 'no list "instances"'),
        (b'{"features": ["a", 1.5]}', "application/jsonlines", 400, 'Row 1 has no "features"'),
        (b'{"features": ["a", 7]}', "application/jsonlines", 400, "column 2: '7' is not an IPv4 address"),
        (b"x", "application/x-recordio-protobuf", 415, "is not supported"),
    ],
)
def test_bad_requests_are_refused(job, body: bytes, content_type: str, status: int, words: str):
    job.channel("train", GOOD).run(**FEW)
    with pytest.raises(BadRequest) as refused:
        job.predictor.predict(body, content_type, "")
    assert words in str(refused.value)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "c, 300.0.0.1\n",
            "train/part.csv: row 3, column 2: '300.0.0.1' is not an IPv4 address. Write it as",
        ),
        ("c, 10.0.0.01\n", "row 3, column 2: '10.0.0.01' is not"),
        ("c, 10.0.1\n", "row 3, column 2: '10.0.1' is not"),
        ("c, 2001:db8::1\n", "'2001:db8::1' is not an IPv4 address (IPv6 is not supported)"),
        ("c,\n", "row 3, column 2: '' is not an IPv4 address"),
        ("\n,10.0.0.1\n", "row 4, column 1: the entity is empty"),
        ("c\n", "row 3 has 1 columns, but 2 are expected: an entity and its IPv4 address"),
        ("c, 10.0.0.1, x\n", "row 3 has 3 columns"),
        ("c,10.0.0.1" + ",1" * 100_000 + "\n", "row 3 has 100002 columns"),
        ("c, 10.0.0.\x00\n", "row 3, column 2"),
    ],
)
def test_bad_rows_are_refused_by_place_and_remedy(job, content: str, words: str):
    assert words in job.channel("train", GOOD + content).refusal(**FEW)


def test_a_quotation_mark_left_open_is_named(job):
    message = job.channel("train", GOOD + 'c, "10.0.0.1\n' + GOOD * 6000).refusal(**FEW)
    assert "train/part.csv: line " in message
    assert "Is a quotation mark left open?" in message


def test_a_fault_beyond_the_first_block_of_rows_is_found(job, monkeypatch):
    monkeypatch.setattr("potager.images.ipinsights.events._BLOCK", 2)
    assert "row 6, column 2: 'x'" in job.channel("train", GOOD + "\n" + GOOD + "c, x\n").refusal(**FEW)


def test_a_header_line_is_called_one(job):
    message = job.channel("train", "user,ip\n" + GOOD).refusal(**FEW)
    assert "row 1, column 2: 'ip' is not an IPv4 address" in message
    assert "If row 1 is a header line, remove it." in message


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_channel_without_rows_is_refused(job, content: str):
    assert "Channel 'train' holds no data" in job.channel("train", content).refusal(**FEW)


def test_channels_of_another_kind_are_refused(job):
    job.channel("train", GOOD, ContentType="application/x-recordio-protobuf")
    assert "cannot be trained on. Use text/csv" in job.refusal(**FEW)
    job.channel("train", GOOD, TrainingInputMode="Pipe")
    assert "File mode only" in job.refusal(**FEW)
    job.channel("train", b"\x1f\x8b\x08\x00")
    assert "train/part.csv is compressed with gzip" in job.refusal(**FEW)


def test_a_missing_train_channel_is_refused(job):
    assert "Channel 'train' is missing" in job.refusal(**FEW)


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({"vector_dim": "8"}, "'num_entity_vectors' is missing"),
        ({"num_entity_vectors": "8"}, "'vector_dim' is missing"),
        (FEW | {"vector_dim": "3"}, "'vector_dim' is '3', but must be integer in [4, 4096]"),
        (FEW | {"num_entity_vectors": "250000001"}, "'num_entity_vectors' is '250000001'"),
        (FEW | {"num_entity_vectors": "250000000", "vector_dim": "128"}, "a model has at most 8 GB"),
        (FEW | {"learning_rate": "11"}, "'learning_rate' is '11', but must be number in [1e-06, 10]"),
        (FEW | {"mini_batch_size": "500001"}, "'mini_batch_size' is '500001'"),
        (FEW | {"random_negative_sampling_rate": "0", "shuffled_negative_sampling_rate": "0"}, "add up to 0"),
        (FEW | {"random_negative_sampling_rate": "400", "shuffled_negative_sampling_rate": "400"}, "add up to 800"),
        (FEW | {"dim": "8"}, "Unknown hyperparameter 'dim'"),
    ],
)
def test_a_wrong_hyperparameter_is_refused(job, hyperparameters: dict[str, str], words: str):
    assert words in job.channel("train", GOOD).refusal(**hyperparameters)


@pytest.mark.parametrize("content", ["a, 10.0.0.1\n", "a, 10.0.0.1\n" * 50])
def test_one_entity_and_one_address_train(job, content: str):
    job.channel("train", content).channel("validation", content).run(**FEW)
    assert np.isfinite(scores(job.predictor, (np.array([1]), np.array([5])))).all()


def test_a_damaged_model_is_refused(job):
    job.channel("train", GOOD).run(**FEW)
    path = job.ml / "model" / "model.npz"
    with np.load(path) as arrays:
        kept = dict(arrays)
    for name, value in [("bits", kept["bits"][1:]), ("keys", kept["keys"][:-1]), ("slots", kept["slots"][::-1])]:
        np.savez(path, **(kept | {name: value}))
        with pytest.raises(BrokenModel, match="Train the model again"):
            job.serve(job.ml / "model")
    path.write_bytes(zlib.compress(b"no"))
    with pytest.raises(BrokenModel, match=r"model\.npz cannot be read"):
        job.serve(job.ml / "model")
    (job.ml / "model" / "model.json").write_text("[]")
    with pytest.raises(BrokenModel, match="describes no ipinsights model"):
        job.serve(job.ml / "model")
