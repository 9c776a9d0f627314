"""The wheel, built and opened: it holds what a consumer needs, nothing that could be in their way, and it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content as an installation would lay it out."""
    made, into = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(made), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = made.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    return into


def test_its_top_level_names_are_ours_alone(unpacked: Path) -> None:
    names = {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {
        "mock_server",
        "conformance",
        "pytest_vern_mock.py",
        "pytest_vern_conformance.py",
        "vern_programs.py",
    }


def test_it_is_typed_and_carries_contract_and_scenarios(unpacked: Path) -> None:
    package = unpacked / "mock_server"
    assert (package / "py.typed").is_file()
    assert (unpacked / "conformance" / "py.typed").is_file()
    for folder in ("openapi", "scenarios"):
        inside = {path.name: path.read_bytes() for path in (package / "_data" / folder).iterdir()}
        assert inside == {path.name: path.read_bytes() for path in (ROOT / folder).iterdir() if path.is_file()}
    for name in (
        "mock_server/preview/coverage_sources.json",
        "conformance/preview/client_rules/rules.toml",
        "conformance/report/page.html.j2",
        "conformance/report/style.css",
    ):
        assert (unpacked / name).read_bytes() == (ROOT / name).read_bytes()


@pytest.mark.parametrize("arguments", [["scenarios", "re-park"], ["--version"], ["lint", "."]])
def test_its_command_runs_from_another_folder(unpacked: Path, tmp_path: Path, arguments: list[str]) -> None:
    """Also where the consumer has a `mock_server` folder of their own."""
    (tmp_path / "mock_server").mkdir()
    (tmp_path / "mock_server" / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "mine.yaml").write_bytes((ROOT / "scenarios" / "park.yaml").read_bytes())
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "mock_server", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_importing_the_package_imports_nothing_else(unpacked: Path) -> None:
    code = "import sys; before = set(sys.modules); import mock_server; print(sorted(set(sys.modules) - before))"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "['mock_server']"
