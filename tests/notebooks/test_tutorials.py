"""The tutorials as notebooks, executed cell by cell against a server of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from potager.prepare.notebooks import tutorials
from tests.needs import needed

needed("notebooks", "nbclient", "nbformat", "ipykernel", "sklearn", "pandas", "xgboost")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tutorials, laid out as an instance finds them."""
    tutorials.lay_out(tmp_path)
    return tmp_path / tutorials.FOLDER


@pytest.mark.parametrize("name", tutorials.names())
def test_every_cell_runs(server: Any, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbclient
    import nbformat

    for variable, value in server.env.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    book = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    nbformat.validate(book)
    ran = nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    code = [cell for cell in ran.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    said = "".join(output.get("text", "") for cell in code for output in cell.outputs)
    assert "Completed" in said
    assert said.endswith("removed\n")
    left = server.client("sagemaker").list_endpoints()["Endpoints"]
    assert not [one for one in left if "notebook" in one["EndpointName"]]


def test_they_are_laid_out_once_and_what_was_made_of_them_stays(folder: Path) -> None:
    assert (folder / "programs" / "claims.py").exists()
    (folder / "fraud.ipynb").write_text("mine")
    tutorials.lay_out(folder.parent)
    assert (folder / "fraud.ipynb").read_text() == "mine"


def test_a_link_that_a_notebook_left_leads_nowhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in (tutorials.FOLDER, f".{tutorials.FOLDER}"):
        (tmp_path / name).symlink_to(elsewhere)
        tutorials.lay_out(tmp_path)
        assert not list(elsewhere.iterdir())
        (tmp_path / name).unlink()


def test_texts_and_programs_become_cells() -> None:
    made = tutorials.notebook('"""Left out."""\n# %% [markdown]\n# # A\n#\n# text\n\n# %%\nx = 1\n\n\nprint(x)\n')
    text, program = made["cells"]
    assert (text["cell_type"], text["source"]) == ("markdown", "# A\n\ntext")
    assert (program["cell_type"], program["source"]) == ("code", "x = 1\n\n\nprint(x)")
