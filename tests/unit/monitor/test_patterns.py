import pytest

from potager.monitor.patterns import terms


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR disk", "disk ERROR", True),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ("ERROR -disk", "ERROR disk", False),
        ('"exit code 1"', "exit code 1", True),
        ('"exit code 1"', "exit 1 code", False),
        ('"say \\"hi\\""', 'they say "hi"', True),
    ],
)
def test_terms_match_as_cloudwatch_has_them(pattern: str, text: str, expected: bool) -> None:
    assert terms(pattern)(text) is expected
