from __future__ import annotations

from potager.kernel.lastwords import message
from potager.train.script.failure import MOST, reason

TRACE = ["Traceback (most recent call last):", '  File "train.py", line 3, in <module>', "    fit()"]


def test_the_reason_has_the_toolkit_s_form() -> None:
    log = enumerate(["ValueError: of another command", "python train.py", "reading", *TRACE, "KeyError: 'age'"])
    assert reason(log, "python train.py", 1) == (
        "AlgorithmError: ExecuteUserScriptError:\nExitCode 1\n"
        'ErrorMessage "KeyError: \'age\'"\nCommand "python train.py"'
    )


def test_of_several_tracebacks_the_last_one_counts() -> None:
    joined = "During handling of the above exception, another exception occurred:"
    lines = [*TRACE, "KeyError: 1", "", joined, "", *TRACE, "ValueError: two", "lines of it"]
    assert message(lines) == "ValueError: two\nlines of it"


def test_without_a_traceback_the_last_line_counts() -> None:
    assert message(["usage: train.py", "train.py: error: unrecognized arguments: --x", "", " "]) == (
        "train.py: error: unrecognized arguments: --x"
    )


def test_a_script_that_said_nothing_has_no_message() -> None:
    assert 'ErrorMessage ""' in reason(enumerate(["Isolation: namespaces", "python train.py"]), "python train.py", 3)


def test_a_long_message_leaves_room_for_the_command() -> None:
    assert len(reason(enumerate(["x" * 5000]), "python train.py", 1)) < MOST + 200


def test_torchrun_s_report_on_a_script_is_not_the_script_s_word() -> None:
    said = [f"[rank1]: {line}" for line in [*TRACE, "KeyError: 'age'"]]
    report = (
        "E1123 13:45:43.472 2 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1) local_rank"
    )
    log = ["torchrun train.py", *said, report, *TRACE, "torch.distributed.elastic.ChildFailedError:", "===="]
    assert "ErrorMessage \"KeyError: 'age'\"\n" in reason(enumerate(log), "torchrun train.py", 1)
