"""Java's patterns mean in Python what they mean in Java, and take no time that a stranger chooses."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.wire import errata, model, pattern
from tests.wire.sampling import Sampler

SERVICES = [
    "sagemaker",
    "s3",
    "iam",
    "logs",
    "sts",
    "sagemaker-runtime",
    "sagemaker-featurestore-runtime",
    "glue",
    "athena",
    "events",
    "ecr",
    "cloudwatch",
]


@cache
def patterns() -> dict[str, int]:
    """All patterns of the services, with the longest value that may be held against them."""
    found: dict[str, int] = {}
    for service in SERVICES:
        loaded = model.load(service)
        for name in loaded.shape_names:
            metadata = loaded.shape_for(name).metadata
            if said := metadata.get("pattern"):
                found[said] = max(found.get(said, 256), min(metadata.get("max", 4096), 4096))
    return found


def test_every_pattern_of_the_models_is_understood() -> None:
    assert [said for said in patterns() if not pattern.understood(said)] == []


@pytest.mark.parametrize(
    ("said", "yes", "no"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["", "aé漢 9_", "\u00a0", "Ⅷ"], ["a!", "é&", "a\n", "😀"]),
        (r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", ["a!€😀", "e\u0301"], ["", "a b", "\u200b"]),
        (r"arn:[\p{Alnum}\-]+:.*", ["arn:aws-cn:x"], ["arn:é:x", "arn::x"]),
        (r"\p{Print}+", ["a ~"], ["é", "\t"]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", ["a\té", "😀"], ["\n", "\x00"]),
        (r"[\w-_]*", ["a-_9"], ["é", "a b"]),
        (r"\w\d\s", ["a1 "], ["é1 ", "a٣ ", "a1\u00a0"]),
        (r"^[a-z]+$", ["abc"], ["abc\n", "ABC", ""]),
        (r"([\p{L}]*)${1,128}", ["é"], ["1"]),
    ],
)
def test_a_pattern_matches_whole_values_as_java_does(said: str, yes: list[str], no: list[str]) -> None:
    assert [value for value in yes if not pattern.matches(said, value)] == []
    assert [value for value in no if pattern.matches(said, value)] == []


def test_a_pattern_that_cannot_be_said_forbids_nothing() -> None:
    assert pattern.matches("(", "anything")
    assert not pattern.understood(r"\p{Nonsense}")


@pytest.mark.parametrize("said", list(errata.PATTERNS))
def test_a_pattern_said_anew_matches_the_same_texts(said: str) -> None:
    assert said in patterns()
    old, new = re.compile(said, re.ASCII), re.compile(errata.PATTERNS[said], re.ASCII)
    letters = sorted({letter for letter in said if letter.isprintable()} | set("ab09-./:$ \t\n*@"))

    @given(st.text(st.sampled_from(letters), max_size=9), st.sampled_from(["", "https://", "$", "$.", "a"]))
    @settings(max_examples=1500, deadline=None)
    def agree(text: str, start: str) -> None:
        assert bool(old.fullmatch(start + text)) == bool(new.fullmatch(start + text))

    agree()


def test_no_pattern_takes_long_on_hostile_values() -> None:
    for said, longest in patterns().items():
        for start, again in _attacks(said):
            # It ends at once or practically never: the clock is the runner's own time-out.
            pattern.matches(said, (start + again * longest)[: longest - 1] + "\x00")


def _attacks(said: str) -> list[tuple[str, str]]:
    """Beginnings and what is repeated after them: of texts that match, and of what patterns stumble over."""
    common = ["a", "0", "-", "a-", "a.", "/", "a/", " ", "a ", "\t ", ".", "'", "%41", "::", "a,"]
    attacks = [("", again) for again in common]
    text = Sampler(said).matching(errata.PATTERNS.get(said, said))
    step = max(1, len(text) // 6)
    return attacks + [(text[:at], text[at : at + size]) for at in range(0, len(text), step) for size in (1, 2)]
