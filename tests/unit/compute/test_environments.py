"""What a program needs is installed for it, kept for the next, and never put into the server's own environment."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import shutil
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from potager.compute.process import layers, venv
from potager.compute.process.executor import ProcessExecutor
from potager.compute.workload import Running, Workload
from potager.kernel import remains
from potager.kernel.prediction import Query
from tests.unit.compute.conftest import DEADLINE, Bench
from tests.wheels import wheel


@pytest.fixture(params=[True, False], ids=["namespaces", "process"])
def isolate(request: Any) -> bool:
    return request.param


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "data" / "environments"


@pytest.fixture
async def executor(isolate: bool, kept: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProcessExecutor]:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    executor = ProcessExecutor(isolate=isolate, kept=kept)
    await executor.open()
    yield executor
    await executor.close()


def make(bench: Bench, program: str, *lines: str, **changes: Any) -> Workload:
    """A command that runs a Python program beside a requirements.txt of these lines, if there are any."""
    argv = ("python", "-c", textwrap.dedent(program))
    work = bench.make("none", argv=argv, **changes)
    code = work.ml / "code"
    code.mkdir()
    if lines:
        (code / "requirements.txt").write_text("\n".join(lines))
    object.__setattr__(work, "requirements", code / "requirements.txt")
    return work


def local(work: Workload, *wheels: tuple[str, str]) -> None:
    """Puts wheels beside the requirements, for `--find-links wheels`."""
    for name, version in wheels:
        wheel(work.ml / "code" / "wheels", name, version)


HERE = ("--no-index", "--find-links wheels")


async def done(bench: Bench, work: Workload) -> list[str]:
    """The log of a workload that ended well."""
    end = await bench.finish(work)
    assert (end.code, end.reason) == (0, "exited"), bench.lines(work)
    return bench.lines(work)


async def test_requirements_are_installed_once_and_then_found(bench: Bench, kept: Path) -> None:
    for turn in ("first", "second"):
        work = make(bench, "import tidings; print('has', tidings.VERSION)", *HERE, "tidings")
        local(work, ("tidings", "1.2"))
        lines = await done(bench, work)
        assert lines[-1] == "has 1.2"
        built = [line for line in lines if line.startswith("requirements.txt: installing tidings")]
        assert len(built) == (turn == "first"), lines
        assert any("Successfully installed tidings-1.2" in line for line in lines) == (turn == "first")
        assert any("found installed, in environment" in line for line in lines) == (turn == "second")
    assert len([path for path in kept.iterdir() if path.is_dir() and not path.name.startswith("bin-")]) == 1


async def test_what_is_installed_already_makes_no_environment(bench: Bench, kept: Path) -> None:
    lines = await done(bench, make(bench, "print('went')", "numpy>=1.20", announcement=("now",)))
    assert lines == ["requirements.txt: everything that it asks for is installed already", "now", "went"]
    assert not [path for path in kept.iterdir() if not path.name.startswith("bin-")]


async def test_without_a_requirements_file_nothing_is_said(bench: Bench) -> None:
    assert await done(bench, make(bench, "print('went')")) == ["went"]


async def test_another_version_than_the_server_s_stands_in_front_of_it(bench: Bench) -> None:
    """`iniconfig` is there for pytest's sake; the program's own lies in front, and the server's stays as it is."""
    before = importlib.metadata.version("iniconfig")
    work = make(
        bench,
        "import iniconfig, importlib.metadata as m; print(iniconfig.VERSION, m.version('iniconfig'))",
        *HERE,
        "iniconfig==99.1",
    )
    local(work, ("iniconfig", "99.1"))
    assert (await done(bench, work))[-1] == "99.1 99.1"
    assert importlib.metadata.version("iniconfig") == before


async def test_two_at_once_install_once(bench: Bench) -> None:
    slow = "import time; time.sleep(1); from setuptools import setup; setup(name='slow', version='1', py_modules=[])"
    works = [make(bench, "print('went')", "--no-index", "./slow") for _ in range(3)]
    for work in works:
        (work.ml / "code" / "slow").mkdir()
        (work.ml / "code" / "slow" / "setup.py").write_text(slow)
        object.__setattr__(work, "environment", {"PIP_NO_BUILD_ISOLATION": "0"})
    logs = await asyncio.gather(*(done(bench, work) for work in works))
    assert [log[-1] for log in logs] == ["went"] * 3
    assert sum("requirements.txt: installing" in line for log in logs for line in log) == 1
    assert sum("found installed" in line for log in logs for line in log) == 2


async def test_an_index_that_does_not_answer_fails_it_with_the_reason(bench: Bench) -> None:
    work = make(
        bench,
        "print('never')",
        "no-such-package>=7",
        network=True,
        environment={"PIP_INDEX_URL": "http://user:s3cret@127.0.0.1:9/simple"},
    )
    end = await bench.finish(work)
    assert (end.code, end.reason) == (1, "exited")
    reason = remains.failure(work.ml)
    assert reason.startswith(
        "AlgorithmError: InstallRequirementsError: requirements.txt could not be installed: ERROR:"
    )
    assert "no-such-package>=7" in reason
    assert "No package index answered." in reason
    assert "install into Potager's environment: pip install 'no-such-package>=7'" in reason
    lines = bench.lines(work)
    assert lines[-1] == reason
    assert not [line for line in lines if "s3cret" in line or "never" in line]


async def test_what_cannot_be_installed_without_a_network_says_so(bench: Bench) -> None:
    work = make(bench, "print('never')", *HERE, "no-such-package")
    (work.ml / "code" / "wheels").mkdir()
    await bench.finish(work)
    assert "The job may not use the network (EnableNetworkIsolation)" in remains.failure(work.ml)


async def test_a_failure_leads_nowhere_that_a_package_s_setup_points_to(bench: Bench, tmp_path: Path) -> None:
    work = make(bench, "print('never')", "--no-index", "./bad")
    (work.ml / "code" / "bad").mkdir()
    text = """
        import os, shutil
        ml = os.path.dirname(os.path.dirname(os.getcwd()))
        shutil.rmtree(ml + "/output")
        os.symlink(AIM, ml + "/output")
        raise SystemExit("no")
    """
    (work.ml / "code" / "bad" / "setup.py").write_text(textwrap.dedent(text).replace("AIM", repr(str(tmp_path))))
    object.__setattr__(work, "environment", {"PIP_NO_BUILD_ISOLATION": "0"})
    end = await bench.finish(work)
    assert end.code == 1
    assert not (tmp_path / "failure").exists()


async def test_a_package_is_installed_from_its_source(bench: Bench) -> None:
    work = make(bench, "import os; os.chdir('/'); import sys; sys.path[:1] = []; import mine.sub; print(mine.sub.WORD)")
    code = work.ml / "code"
    (code / "mine").mkdir()
    (code / "mine" / "__init__.py").write_text("")
    (code / "mine" / "sub.py").write_text("WORD = 'packed'\n")
    (code / "setup.py").write_text("from setuptools import setup\nsetup(name='mine', version='1', packages=['mine'])\n")
    object.__setattr__(work, "package", code)
    assert (await done(bench, work))[-1] == "packed"


async def test_editable_requirements_are_installed_for_the_program_alone(bench: Bench, kept: Path) -> None:
    work = make(bench, "import word; print(word.WORD)", "--no-index", "-e ./more")
    more = work.ml / "code" / "more"
    more.mkdir()
    (more / "word.py").write_text("WORD = 'where it lies'\n")
    (more / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='word', version='1', py_modules=['word'])\n"
    )
    object.__setattr__(work, "environment", {"PIP_NO_BUILD_ISOLATION": "0"})
    assert (await done(bench, work))[-1] == "where it lies"
    assert not [path for path in kept.iterdir() if not path.name.startswith("bin-")]


async def test_pip_in_a_program_installs_for_it_alone(bench: Bench, kept: Path) -> None:
    program = """
        import subprocess, sys
        subprocess.check_call([sys.executable, "-m", "pip", "install", "--no-index", "-f", "wheels", "tidings"])
        subprocess.check_call("pip install --no-index -f wheels numpy iniconfig==99.1 && tell", shell=True)
        import tidings, iniconfig
        print(tidings.VERSION, iniconfig.VERSION)
    """
    before = sorted(path.name for folder in venv.server() for path in folder.iterdir())
    work = make(bench, program)
    local(work, ("tidings", "2.0"))
    wheel(work.ml / "code" / "wheels", "iniconfig", "99.1")
    files = {"told.py": "import tidings\ndef main():\n    print('told of', tidings.VERSION)\n"}
    wheel(work.ml / "code" / "wheels", "told", "1", files, "tell = told:main")
    object.__setattr__(work, "argv", (*work.argv[:2], work.argv[2].replace('"tidings"]', '"tidings", "told"]')))
    lines = await done(bench, work)
    assert any(line.startswith("Requirement already satisfied: numpy") for line in lines)
    assert lines[-2:] == ["told of 2.0", "2.0 99.1"]
    assert sorted(path.name for folder in venv.server() for path in folder.iterdir()) == before
    assert not (work.folder / "tmp").exists()
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("tidings")


async def test_programs_of_every_layer_see_them_all(bench: Bench) -> None:
    """A server's own program (numpy's f2py) and one of the requirements: both run on the job's interpreter."""
    program = """
        import pathlib, shutil, subprocess
        first = pathlib.Path(shutil.which("f2py")).read_text().splitlines()[0]
        print(first, flush=True)
        subprocess.check_call(["tell"])
    """
    work = make(bench, program, *HERE, "told")
    files = {"told.py": "import sys\ndef main():\n    print(sys.executable)\n"}
    wheel(work.ml / "code" / "wheels", "told", "1", files, "tell = told:main")
    lines = await done(bench, work)
    assert lines[-2] == "#!/usr/bin/env python3"
    assert lines[-1].endswith("/.venv/bin/python3")


async def test_a_server_serves_with_another_version_of_what_its_parent_has_imported(bench: Bench) -> None:
    work = bench.make("load_version", kind="server")
    folder = work.ml / "model" / "code"
    wheel(folder / "wheels", "packaging", "0.5", {"packaging/__init__.py": "__version__ = '0.5 of ours'\n"})
    (folder / "requirements.txt").write_text("--no-index\n--find-links wheels\npackaging==0.5\n")
    object.__setattr__(work, "requirements", folder / "requirements.txt")
    await bench.executor.start(work)
    channel = await bench.executor.connect(work.folder)
    await channel.ready(timeout=DEADLINE)
    answer = (await channel.invoke(Query(b""), DEADLINE)).body
    channel.close()
    assert answer == b"0.5 of ours"


async def test_a_server_that_needs_nothing_may_install_at_run_time(bench: Bench) -> None:
    work = bench.make("load_installing", kind="server")
    wheel(work.ml / "model" / "wheels", "tidings", "3.0")
    await bench.executor.start(work)
    channel = await bench.executor.connect(work.folder)
    await channel.ready(timeout=DEADLINE)
    answer = (await channel.invoke(Query(b""), DEADLINE)).body
    channel.close()
    assert answer == b"3.0"


async def test_a_stop_while_installing_ends_it(bench: Bench) -> None:
    work = make(bench, "print('never')", "--no-index", "./slow")
    slow = work.ml / "code" / "slow"
    slow.mkdir()
    os.mkfifo(slow / "began")
    (slow / "setup.py").write_text("import time\nopen('began', 'w').close()\ntime.sleep(600)\n")
    object.__setattr__(work, "environment", {"PIP_NO_BUILD_ISOLATION": "0"})
    await bench.executor.start(work)
    with open(await asyncio.to_thread(os.open, slow / "began", os.O_RDONLY)):
        pass
    bench.executor.stop(work.folder, grace=0)
    end = await asyncio.wait_for(bench.executor.wait(work.folder), DEADLINE)
    assert end.reason == "stopped"
    assert "never" not in bench.lines(work)


async def test_a_shim_that_is_killed_while_installing_leaves_nothing_half(bench: Bench, kept: Path) -> None:
    work = make(bench, "print('never')", "--no-index", "./slow")
    slow = work.ml / "code" / "slow"
    slow.mkdir()
    os.mkfifo(slow / "began")
    (slow / "setup.py").write_text("import time\nopen('began', 'w').close()\ntime.sleep(600)\n")
    object.__setattr__(work, "environment", {"PIP_NO_BUILD_ISOLATION": "0"})
    await bench.executor.start(work)
    with open(await asyncio.to_thread(os.open, slow / "began", os.O_RDONLY)):
        pass
    seen = bench.executor.observe(work.folder)
    assert isinstance(seen, Running)
    os.kill(seen.pid, 9)
    end = await asyncio.wait_for(bench.executor.wait(work.folder), DEADLINE)
    assert end.reason == "lost"
    assert not [path for path in kept.iterdir() if path.is_dir() and not path.name.startswith("bin-")]
    again = make(bench, "print('went')", "--no-index", "./slow")
    (again.ml / "code" / "slow").mkdir()
    (again.ml / "code" / "slow" / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='slow', version='1', py_modules=[])\n"
    )
    object.__setattr__(again, "environment", {"PIP_NO_BUILD_ISOLATION": "0"})
    assert (await done(bench, again))[-1] == "went"


async def test_what_a_package_s_setup_leaves_leads_nowhere(bench: Bench, tmp_path: Path) -> None:
    """Programs of an environment are rewritten by its shim: not through links that lie in wait for the new ones."""
    work = make(bench, "print('went')", "--no-index", "./sly")
    (work.ml / "code" / "sly").mkdir()
    text = """
        import os
        from setuptools import setup
        folder = os.path.join(os.environ["VIRTUAL_ENV"], "bin")
        with open(folder + "/tell", "w") as file:
            file.write("#!/usr/bin/python3\\n")
        if not os.path.lexists(folder + "/tell.new"):
            os.symlink(AIM, folder + "/tell.new")
        setup(name="sly", version="1", py_modules=[])
    """
    aim = tmp_path / "aim"
    (work.ml / "code" / "sly" / "setup.py").write_text(textwrap.dedent(text).replace("AIM", repr(str(aim))))
    object.__setattr__(work, "environment", {"PIP_NO_BUILD_ISOLATION": "0"})
    assert (await done(bench, work))[-1] == "went"
    assert not aim.exists()


async def test_a_program_sees_no_folder_that_a_package_s_setup_points_to(bench: Bench, isolate: bool) -> None:
    if not isolate:
        pytest.skip("a plain process sees what its user sees")
    work = make(bench, f"import os; print(os.listdir({str(bench.data)!r}))", "--no-index", "./sly")
    (work.ml / "code" / "sly").mkdir()
    text = """
        import os
        from setuptools import setup
        if not os.path.exists("/opt/ml/other"):
            os.rename("/opt/ml/input", "/opt/ml/other")
            os.mkdir("/opt/ml/input")
            os.symlink(AIM, "/opt/ml/input/data")
        setup(name="sly", version="1", py_modules=[])
    """
    (work.ml / "code" / "sly" / "setup.py").write_text(textwrap.dedent(text).replace("AIM", repr(str(bench.data))))
    object.__setattr__(work, "environment", {"PIP_NO_BUILD_ISOLATION": "0"})
    end = await bench.finish(work)
    assert end.reason == "lost"
    assert any("input/data is no longer the folder that it was" in line for line in bench.lines(work))


async def test_a_program_sees_no_folder_for_naming_it_to_pip(bench: Bench, isolate: bool) -> None:
    if not isolate:
        pytest.skip("a plain process sees what its user sees")
    program = f"import os; print(os.listdir({str(bench.data)!r}))"
    work = make(bench, program, environment={"PIP_FIND_LINKS": str(bench.data)})
    assert str((await done(bench, work))[-1]) in ("[]", "['environments']")


def test_environments_that_nobody_uses_are_removed_and_no_other(tmp_path: Path) -> None:
    for name in ("old", "used", "fresh"):
        (tmp_path / name).mkdir()
    slot = layers.Slot(tmp_path, "used")
    assert slot.used()
    for name in ("old", "used"):
        os.utime(tmp_path / name, (0, 0))
    layers.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"used", "fresh"}


def test_the_least_used_beyond_the_most_are_removed(tmp_path: Path) -> None:
    now = time.time()
    for number in range(layers.MOST + 2):
        (tmp_path / f"k{number}").mkdir()
        os.utime(tmp_path / f"k{number}", (now - number, now - number))
    layers.sweep(tmp_path)
    assert {f"k{number}" for number in range(layers.MOST)} == {p.name for p in tmp_path.iterdir() if p.is_dir()}


def test_a_key_tells_all_apart_that_matters(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("x")
    plain = layers.key(["x"], tmp_path, {}, "")
    others = [
        layers.key(["x==1"], tmp_path, {}, ""),
        layers.key(["x"], tmp_path, {"PIP_INDEX_URL": "http://other"}, ""),
        layers.key(["x"], tmp_path, {}, "[global]\nindex-url = http://other\n"),
        layers.key(["${X}"], tmp_path, {"X": "1"}, ""),
        layers.key(["${X}"], tmp_path, {"X": "2"}, ""),
        layers.key(["./x"], tmp_path, {}, ""),
    ]
    (tmp_path / "more.txt").write_text("x")
    assert layers.key(["x"], tmp_path, {}, "") == plain
    others.append(layers.key(["./x"], tmp_path, {}, ""))
    others.append(layers.key(["x-1-py3-none-any.whl"], tmp_path, {}, ""))
    (tmp_path / "more.txt").write_text("y")
    others.append(layers.key(["x-1-py3-none-any.whl"], tmp_path, {}, ""))
    assert len({plain, *others}) == len(others) + 1


def test_pip_sees_for_all_what_counts_in_the_name_alone() -> None:
    """Whoever asks for the same lines gets the environment: a job must not make it another by its own variables."""
    told = {"PIP_PRE": "1", "HTTPS_PROXY": "http://p", "XDG_CONFIG_HOME": "/opt/ml/evil", "LD_PRELOAD": "x", "T": "t"}
    assert layers.seen(["x"], told) == {"PIP_PRE": "1", "HTTPS_PROXY": "http://p"}
    assert layers.seen(["-i https://${T}@host/simple"], told)["T"] == "t"


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("-f /opt/ml/input/data/wheels", {}),
        ("--no-index --find-links=/opt/ml/input/data/wheels", {}),
        ("x @ file:///opt/ml/input/data/x.whl", {}),
        ("-r ../more.txt", {}),
        ("${SM_CHANNEL_WHEELS}/x.whl", {"SM_CHANNEL_WHEELS": "/opt/ml/input/data/wheels"}),
        ("x", {"PIP_FIND_LINKS": "/opt/ml/input/data/wheels"}),
        ("x", {"PIP_CONSTRAINT": "constraints.txt"}),
        ("x", {"CFLAGS": "-I/opt/ml/input/data/evil -L /opt/ml"}),
    ],
)
def test_what_one_job_alone_has_is_installed_for_it_alone(line: str, given: dict[str, str]) -> None:
    assert layers.private([line], given)


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("x ~= 1.4", {"SM_CHANNEL_WHEELS": "/opt/ml/input/data/wheels"}),
        ("-f wheels", {"PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1,.example.com"}),
        ("x @ https://host/a/../x.whl", {"PIP_FIND_LINKS": "https://host/a https://host/b"}),
        ("./x", {"CMAKE_ARGS": "-DWITH=on"}),
    ],
)
def test_what_any_job_can_have_is_kept_for_all(line: str, given: dict[str, str]) -> None:
    assert not layers.private([line], given)


async def test_a_wheel_that_changed_under_its_name_is_installed_anew(bench: Bench) -> None:
    for word in ("first", "second"):
        work = make(bench, "import tidings; print(tidings.WORD)", "tidings-1.0-py3-none-any.whl")
        wheel(work.ml / "code", "tidings", "1.0", {"tidings.py": f"WORD = {word!r}\n"})
        assert (await done(bench, work))[-1] == word


async def test_a_certificate_that_every_job_reads_is_nobody_s_own(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "cert.pem").touch()
    for said in ("kept as environment", "found installed, in environment"):
        work = make(bench, "import tidings", *HERE, "tidings", read_only=[tmp_path / "trust"])
        object.__setattr__(work, "environment", {"PIP_CERT": str(tmp_path / "trust" / "cert.pem")})
        local(work, ("tidings", "1.2"))
        assert any(said in line for line in await done(bench, work))


def test_programs_ask_path_for_their_interpreter(tmp_path: Path) -> None:
    here, target = tmp_path / "bin", tmp_path / "copies"
    here.mkdir()
    target.mkdir()
    python = here / "python"
    (here / "plain").write_text(f"#!{python}\nprint(1)\n")
    (here / "long").write_text(f"#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\nprint(2)\n")
    (here / "other").write_text("#!/usr/bin/python3\nprint(3)\n")
    (here / "shell").write_text("#!/bin/sh\necho 4\n")
    (here / "link").symlink_to("plain")
    venv.asking(here, target, [str(python)])
    found = {path.name: path.read_text() for path in target.iterdir()}
    first = "#!/usr/bin/env python3\n"
    assert found == {"plain": f"{first}print(1)\n", "long": f"{first}print(2)\n"}


def test_only_where_packages_come_from_is_told(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = http://mirror/simple\ntarget = /elsewhere\nextra-index-url =\n  a\n  b\n")
    text = venv.configured({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(config)})
    assert "index-url = http://mirror/simple" in text
    assert "target" not in text
    told = venv.told({"PIP_INDEX_URL": "u", "PIP_TARGET": "/t", "PIP_CONFIG_FILE": str(config), "OTHER": "1"})
    assert told == {"PIP_INDEX_URL": "u"}
    assert venv.configured({"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}) == ""
    (tmp_path / "wheels").mkdir()
    named = venv.named_files({"PIP_FIND_LINKS": f"{tmp_path}/wheels https://x"}, f"[global]\ncert = {config}\n")
    assert named == [tmp_path / "wheels", config]


def test_where_pip_is_not_installed_the_one_that_came_with_python_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util
    import subprocess

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else real(name))
    monkeypatch.setattr(venv, "server", lambda: [])
    venv._bundled.cache_clear()
    try:
        venv.make(tmp_path / "env")
    finally:
        venv._bundled.cache_clear()
    command = [str(venv.python(tmp_path / "env")), "-I", "-m", "pip", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if shutil.which("pip") and "No module named" in said.stderr:
        pytest.skip("this Python came without pip")
    assert ".whl/pip" in said.stdout
