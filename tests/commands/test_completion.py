"""`raysearch completion`: a real bash completes commands, options and choices with the script."""

import shutil
import subprocess

import pytest

from raysearch.cli import main

ASK = """
{script}
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_shtab_raysearch raysearch "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def script():
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["completion", "bash"]) == 0
    return out.getvalue()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize("words, wants", [
    ("raysearch swe", "sweep"), ("raysearch score --ma", "--map"), 
    ("raysearch physics-iq sc", "score"),
])  # fmt: skip
def test_bash_completes(script, tmp_path, words, wants):
    done = subprocess.run(
        ["bash", "-c", ASK.format(script=script, words=words)], cwd=tmp_path, capture_output=True, text=True
    )
    assert wants in done.stdout.split(), done.stdout + done.stderr


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_have_a_script(shell, capsys):
    assert main(["completion", shell]) == 0
    assert "sweep" in capsys.readouterr().out
