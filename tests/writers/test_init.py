"""`create` makes the kind of writer that `with` names, and an endpoint needs no model library."""

import subprocess
import sys


def test_an_endpoint_is_made_without_loading_torch_and_asks_several_at_a_time():
    code = (
        "import sys; from raysearch.writers import create, read\n"
        "made = create(read({'with': 'http://h/v1', 'model': 'm'}))\n"
        "print(type(made).__name__, made.together, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "Endpoint 8 False False\n"
