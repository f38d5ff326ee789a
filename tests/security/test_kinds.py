"""What keys, tokens and passwords look like: the usual forms are found, in any encoding, and in linear time."""

import subprocess
import sys
from pathlib import Path

import pytest

from raysearch.security.kinds import KINDS, SECRET_KEY, assigned, in_file, kind_of

VALUE = "q7Rt2mXw" + "9Lk4"
LETTERS = "correct" + "horsebattery"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.ini", f"[db]\nuser = me\npassword = {LETTERS}"),
        ("a.cfg", f"api_key: {VALUE}"),
        ("a.conf", f"client_secret={VALUE}"),
        ("remotes.conf", f"[s3]\ntype = s3\naccess_key_id = {VALUE}\nsecret_access_key = {VALUE}"),
        ("remotes.txt", f"[box]\ntype = sftp\npass = {VALUE}"),
        ("setup.sh", f"export WANDB_API_KEY={VALUE}"),
        ("setup.sh", f"  export  HF_TOKEN='{VALUE}'"),
        ("setup.csh", f"setenv MY_TOKEN {VALUE}"),
        ("setup.ps1", f'$env:MY_SECRET = "{VALUE}"'),
        ("run.sh", f"tool --password {VALUE} --verbose"),
        ("Dockerfile", f"FROM x\nENV API_TOKEN {VALUE}"),
        ("Dockerfile", f"ARG API_TOKEN={VALUE}"),
        ("values.yaml", f"db:\n  password: {VALUE}"),
        ("a.json", f'{{"user": "me", "accessToken": "{VALUE}"}}'),
        ("a.json", f'{{"apiKey":"{VALUE}"}}'),
        ("a.toml", f'passphrase = "{LETTERS}"'),
        ("a.py", f"TOKEN = '{VALUE}'"),
        ("a.py", f'connect(password="{LETTERS}")'),
        ("a.properties", f"spring.password={VALUE}"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_the_usual_forms_of_keys_in_files(tmp_path, name, text, encoding):
    file = tmp_path / name
    file.write_bytes(("# a comment\n" + text).encode(encoding))
    why = in_file(file, name)
    assert why is not None and "gives a secret a value" in why
    assert VALUE not in why and LETTERS not in why


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_token_in_a_file_of_wide_characters(tmp_path, encoding):
    file = tmp_path / "notes.txt"
    file.write_bytes(("line\n" * 3 + "hf_" + "a1B2" * 8).encode(encoding))
    assert in_file(file, "notes.txt") == "line 4 looks like a Hugging Face token"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "token = os.environ['HF_TOKEN']\npassword = getpass(prompt1)\napi_key=self.api_key2"),
        ("a.py", "token: str = name1234\nif token == 'abcd1234': pass"),
        ("a.sh", 'export HF_TOKEN=$(cat ~/token1)\nexport API_KEY=${API_KEY2}\nTOKEN="$1"'),
        ("a.yaml", "password: {{ vault.password1 }}\nsecretName: my-secret-1234\ntoken: ${{ secrets.TOKEN1 }}"),
        ("a.yaml", "api_key: YOUR_API_KEY_HERE_1\ntoken: <token1234>\ntokenPath: /run/secrets/token1"),
        ("a.ini", "secret = /run/secrets/db1\npassword =\ntoken = xxxxxxxx1"),
        ("tokenizer_config.json", '{"pad_token": "<pad>", "eos_token": "<|endoftext|>", "max_tokens": 12345678}'),
        ("a.md", "The token is read from RAY_AUTH_TOKEN; secret: see docs/clusters.md2"),
    ],
)
def test_what_only_speaks_of_secrets_passes(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert in_file(tmp_path / name, name) is None


@pytest.mark.parametrize("name", ["rclone.conf", "sub/.S3CFG", ".netrc", "x/ID_RSA", "key.PPK", ".config/gcloud/a.db"])
def test_names_that_say_it(tmp_path, name):
    (tmp_path / "file").write_text("x")
    assert in_file(tmp_path / "file", name) == "its name says that it holds secrets"


def test_keys_of_settings():
    assert all(map(SECRET_KEY.search, ("HF_TOKEN", "a.b.api_key", "x.account_key", "db_pass", "aws_secret_access_key")))
    assert not any(map(SECRET_KEY.search, ("max_tokens", "tokenizer", "compass", "key", "monkey", "secret_name")))


LONG = 100_000
HOSTILE = [
    "eyJ-" * LONG, "eyJaaaaaaaaaa.", "a-" * LONG, "a.a-" * LONG, "a://" * LONG, "x://" + "b:" * LONG, "sk-" * LONG,
    "-----BEGIN " + "A " * LONG, "-----BEGIN A " * (LONG // 10), "token" * LONG, "token=" * LONG, "pass " * LONG,
    "token" + " " * LONG, "password:" + " " * LONG, "--" * LONG, "set " * LONG, "_" * LONG, "xoxb-" * LONG, "." * LONG,
]  # fmt: skip
SCAN = """
from raysearch.security.kinds import assigned, kind_of
from tests.security.test_kinds import HOSTILE
for text in HOSTILE:
    kind_of(text), list(assigned(text))
"""


def test_no_pattern_is_worse_than_linear():
    """Quadratic scanning of these texts would take hours; the limit only ends a test that hangs."""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", SCAN], cwd=root, check=True, timeout=240)


def test_every_kind_is_found_by_its_own_pattern_alone():
    samples = {
        "a private key": "-----BEGIN " + "EC PRIVATE KEY", "an AWS access key": "AKIA" + "ABCD" * 4,
        "a GitLab token": "glpat-" + "a1_b" * 5, "an npm or PyPI token": "npm_" + "a1B2" * 9,
        "a Databricks or Replicate token": "dapi" + "0a1b" * 8, "an Azure storage key": "AccountKey=" + "a+/9" * 10,
        "a JSON web token": ".".join(["eyJ" + "a1" * 6] * 2 + ["c3" * 8]),
        "a password in a URL": "redis://me:hunter2" + "@host",
    }  # fmt: skip
    assert samples.keys() <= KINDS.keys()
    for kind, text in samples.items():
        assert kind_of(f"x {text} y") == kind
    assert next(assigned("nothing here"), None) is None
