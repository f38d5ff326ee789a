"""What keys, tokens and passwords look like, in texts and in files. Standard library only.

Every pattern is linear in the length of the text: repetitions are bounded, or begin only where a run of their
characters begins. Invariant: nothing here returns a secret, only its kind and its place.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

KINDS: Mapping[str, re.Pattern[str]] = {
    kind: re.compile(pattern)
    for kind, pattern in {
        "a private key": r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,5}PRIVATE KEY|\bAGE-SECRET-KEY-1[0-9A-Z]{20}",
        "a Hugging Face token": r"\bhf_[A-Za-z0-9]{20}",
        "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
        "an AWS secret key": r"(?i)aws_secret_access_key\W{1,4}[A-Za-z0-9/+]{40}",
        "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}",
        "a Google OAuth token": r"\bya29\.[0-9A-Za-z_-]{20}",
        "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{30}|github_pat_[A-Za-z0-9_]{30})",
        "a GitLab token": r"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20}",
        "an API key": r"\bsk-[A-Za-z0-9_-]{24}|\b[sr]k_(?:live|test)_[A-Za-z0-9]{16}|\bSG\.[A-Za-z0-9_-]{16}",
        "an npm or PyPI token": r"\bnpm_[A-Za-z0-9]{30}|\bpypi-[A-Za-z0-9_-]{30}",
        "a Slack token": r"\bxox[abeprs]-[A-Za-z0-9-]{10}|hooks\.slack\.com/services/\w{6}",
        "a Databricks or Replicate token": r"\bdapi[0-9a-f]{32}|\br8_[A-Za-z0-9]{30}",
        "an Azure storage key": r"(?i)\bAccountKey=[A-Za-z0-9+/=]{40}",
        "a JSON web token": r"(?<![\w.-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10}",
        "a password in a URL": r"(?<![a-z0-9])[a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"<>{}]{1,200}:[^\s/:@'\"<>{}$]{1,200}@[\w.-]",
    }.items()
}
# Keys whose value is a secret whatever it looks like. `max_tokens` and the like are numbers, and pass.
WORDS = (
    r"token|secret|password|passwd|passphrase|passcode|pwd|credentials?|api_?key|secret_?key|access_?key(?:_id)?|"
    r"private_?key|account_?key|shared_?key|auth_?key|encryption_?key"
)
SECRET_KEY = re.compile(rf"(?i)(?:^|[._-])(?:{WORDS}|pass)$")
# An assignment in a file: ini, YAML, JSON, shell, PowerShell, Dockerfile, code. The key ends with one of the words.
ASSIGNED = re.compile(
    rf"(?i)(?:{WORDS}|(?<![a-z])pass)[\"']?[ \t]{{0,20}}(?P<sign>:=|=>|:|=(?!=)|[ \t])"
    r"[ \t]{0,20}(?P<quote>[\"']?)(?P<value>[^\s\"'<>{}()\[\]$%,;`#&|]{8,200})(?P=quote)"
)
# Commands that set a variable or take an option without a sign between name and value.
COMMAND = re.compile(r"(?:\b(?:setenv|ENV|ARG|set)[ \t]{1,20}|--)[\w-]{0,40}$")
CODE = frozenset(
    {".py", ".js", ".ts", ".tsx", ".go", ".java", ".kt", ".rs", ".c", ".cc", ".cpp", ".h", ".ipynb", ".md"}
)
SETTINGS = frozenset({".ini", ".cfg", ".conf", ".cnf", ".toml", ".properties", ".env", ".rc", ""})
STAND_INS = re.compile(
    r"(?i)your|example|change_?me|placeholder|dummy|redacted|insert|replace|x{4}|\*{3}|\.\.\.|^(?:none|null|true|false)"
)
BINARY = frozenset({".safetensors", ".npy", ".npz", ".png", ".jpg", ".jpeg", ".webp", ".mp4", ".webm", ".mov", ".so"})
SECRET_FILES = (
    ".env", ".env.*", "*.env", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.pem", "*.key", "*.p12", "*.pfx",
    "*.jks", "*.keystore", "*.keytab", "*.ppk", "*.kdbx", "*.asc", ".netrc", "_netrc", ".pypirc", ".npmrc", ".pgpass",
    ".my.cnf", ".boto", ".s3cfg", "rclone.conf", ".git-credentials", ".htpasswd", "credentials", "credentials.*",
    "auth_token", "kubeconfig", "service-account*.json", "client_secret*.json",
)  # fmt: skip
SECRET_FOLDERS = {".ssh", ".aws", ".kube", ".gnupg", ".ray", ".azure", ".docker", ".huggingface", "gcloud", "rclone"}


def kind_of(text: str) -> str | None:
    """The kind of secret that a text contains, such as `an AWS access key`; None if it contains none."""
    return next((kind for kind, pattern in KINDS.items() if pattern.search(text)), None)


def assigned(text: str, suffix: str = "") -> Iterator[int]:
    """Where a text gives a key that is called a secret a value that looks like one.

    Args:
        text: of a file.
        suffix: of its name, such as `.py`; in code only texts in quotes are values.

    Yields:
        The positions at which the keys end.
    """
    for match in ASSIGNED.finditer(text):
        if _is_secret(match, suffix):
            yield match.start()


def _is_secret(match: re.Match[str], suffix: str) -> bool:
    value, quoted = match["value"], bool(match["quote"])
    before = match.string[max(match.start() - 60, 0) : match.start()]
    if match["sign"].isspace() and not COMMAND.search(before):
        return False
    if suffix in CODE and not quoted:
        return False
    if STAND_INS.search(value) or value[0] in "/~.*@-" or "://" in value or len(set(value)) < 5:
        return False
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed or (match[0].lower().startswith("pass") and (suffix in SETTINGS or quoted))


def in_file(path: Path, name: str) -> str | None:
    """Why a file must not be sent to a cluster.

    Args:
        path: the file.
        name: its path relative to the folder that is sent.

    Returns:
        What its name says or its text contains, with the line; None if it may be sent.
    """
    posix = PurePosixPath(name.lower())
    if set(posix.parts[:-1]) & SECRET_FOLDERS or any(posix.match(pattern) for pattern in SECRET_FILES):
        return "its name says that it holds secrets"
    data = path.read_bytes()
    if posix.suffix in BINARY and b"\0" in data[:8192]:
        return None
    text = text_of(data)
    for kind, pattern in KINDS.items():
        if match := pattern.search(text):
            return f"line {_line(text, match.start())} looks like {kind}"
    if (start := next(assigned(text, posix.suffix), None)) is not None:
        return f"line {_line(text, start)} gives a secret a value"
    return None


def text_of(data: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 or UTF-32, with or without a mark; of any other file what is ASCII in it."""
    for mark, name in ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
                       (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):  # fmt: skip
        if data.startswith(mark):
            return data.decode(name, errors="replace")
    head = data[:8192]
    if head.count(0) * 3 >= len(head) > 0:  # every second byte, or three of four, are zero where ASCII is wide
        data = data.replace(b"\0", b"")
    return data.decode("utf-8", errors="replace")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
