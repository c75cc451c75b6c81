"""What is loaded before a command has anything to compute: nothing that takes seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = {
    "torch", "torchvision", "timm", "diffusers", "sklearn", "pandas", "matplotlib", "jinja2",
    "playwright",
}  # fmt: skip

IMPORT = "import bench.cli, methods, protocols"
COMMAND = """
import contextlib, io, sys
sys.argv = ["bench", *{arguments!r}]
from bench.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    try:
        status = main()
    except SystemExit as end:
        status = end.code
assert not status, status
"""
REPORT = """
import json, sys
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(code: str, tmp_path) -> set[str]:
    """Return the top-level modules a fresh interpreter holds after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code + REPORT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(IMPORT, id="import"),
        pytest.param(COMMAND.format(arguments=["--help"]), id="help"),
        pytest.param(COMMAND.format(arguments=["report", "--help"]), id="help-report"),
        pytest.param("import reports.page, reports.material", id="page"),
        pytest.param(COMMAND.format(arguments=["list", "methods"]), id="list"),
        pytest.param(COMMAND.format(arguments=["list", "methods", "kmeans"]), id="list-one"),
        pytest.param(COMMAND.format(arguments=["list", "protocols"]), id="list-protocols"),
        pytest.param(COMMAND.format(arguments=["list", "students"]), id="list-students"),
        pytest.param(COMMAND.format(arguments=["list", "datasets"]), id="list-datasets"),
    ],
)
def test_help_and_lists_load_no_heavy_library(code, tmp_path):
    loaded = loaded_by(code, tmp_path)
    assert {"bench", "reports"} & loaded
    assert loaded & HEAVY == set()
