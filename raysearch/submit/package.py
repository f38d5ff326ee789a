"""The files that are sent with a job: raysearch, and the working directory without what a cluster does not need.

Listed, scanned and packed here, so that what a dry run shows is what is sent. Invariants: no file with a secret is
packed; the same files give the same bytes.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

import raysearch
from raysearch.errors import UsageError
from raysearch.moves import digest
from raysearch.security.kinds import in_file

EXCLUDES = (
    ".git", ".hg/", ".svn/", ".venv/", "venv/", "env/", "node_modules/", "__pycache__/", "*.py[cod]", "*.egg-info/",
    ".cache/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".hypothesis/", ".ipynb_checkpoints/", ".DS_Store",
    "runs/", "checkpoints/", "*.mp4", "*.ckpt", "*.pt", "*.pth",
)  # fmt: skip
IGNORE_FILES = (".gitignore", ".rayignore")
MB = 1 << 20
EARLIEST = (1980, 1, 1, 0, 0, 0)  # in the zip format; the real date would change the bytes


@dataclass(frozen=True)
class Parcel:
    """The files that are sent.

    Attributes:
        files: Path of each file by its name in the package, in order.
        left_out: What was excluded; folders end with a slash.
    """

    files: Mapping[str, Path]
    left_out: Sequence[str]

    def sizes(self) -> dict[str, int]:
        """Bytes of every file, by its name in the package."""
        return {name: path.stat().st_size for name, path in self.files.items()}

    def code(self) -> str:
        """Fingerprint of the Python sources of raysearch among the files, of the installed ones if there are none."""
        own = {name: path for name, path in self.files.items() if name.startswith("raysearch/")} or _sources()
        return digest([[n, p.read_text(encoding="utf-8")] for n, p in sorted(own.items()) if n.endswith(".py")])

    def pack(self, most_mb: float) -> bytes:
        """The files as a zip. Raises UsageError if it is larger than most_mb."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for name, path in self.files.items():
                info = zipfile.ZipInfo(name, EARLIEST)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = (path.stat().st_mode & 0o755 | 0o644) << 16
                archive.writestr(info, path.read_bytes())
        if len(data := made.getvalue()) > most_mb * MB:
            sizes = sorted(self.sizes().items(), key=lambda item: -item[1])[:3]
            text = ", ".join(f"{name} ({size / MB:.1f} MB)" for name, size in sizes)
            raise UsageError(
                f"the working directory packs to {len(data) / MB:.1f} MB, more than cluster.submit.max_mb={most_mb:g}; "
                f"the largest files: {text}; leave some out by .rayignore or cluster.submit.exclude"
            )
        return data


def collect(root: Path, exclude: Iterable[str], named: Mapping[str, Path], ship: bool, most_mb: float) -> Parcel:
    """Choose the files to send. .gitignore and .rayignore are obeyed at every depth.

    Args:
        root: The working directory.
        exclude: Further patterns to leave out.
        named: Files that are sent in any case, by their name in the package.
        ship: Whether raysearch is sent too, from where it is imported.
        most_mb: Largest size of one file.

    Returns:
        The files.

    Raises:
        UsageError: Files have a secret in them or are too large; the message names them.
    """
    found, left_out = _walk(root, [("", _patterns([*EXCLUDES, *exclude], "cluster.submit.exclude"))])
    if ship:
        own = _sources()
        if clash := next((n for n, p in found.items() if n.startswith("raysearch/") and own.get(n) != p), None):
            raise UsageError(
                f"{root / clash}: the working directory has a raysearch/ that is not the one in use; the cluster would "
                "import it; rename it, or install raysearch in the image and set cluster.submit.ship=false"
            )
        found |= own
    found |= named
    _refuse(found, most_mb)
    return Parcel(dict(sorted(found.items())), left_out)


def _refuse(files: Mapping[str, Path], most_mb: float) -> None:
    bad = []
    for name, path in files.items():
        if (size := path.stat().st_size) > most_mb * MB:
            bad.append(f"{name}: {size / MB:.1f} MB, more than cluster.submit.max_file_mb={most_mb:g}")
        elif why := _secret(path, name):
            bad.append(f"{name}: {why}")
    if bad:
        shown = "; ".join(bad[:5]) + (f"; and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise UsageError(f"will not send {shown}. Name what must stay here in .rayignore (patterns as in .gitignore)")


def _secret(path: Path, name: str) -> str | None:
    """Why a file must not leave: its text, its name, or that of the file that it links to."""
    try:
        return in_file(path, name) or (in_file(path, path.resolve().name) if path.is_symlink() else None)
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _walk(root: Path, specs: list[tuple[str, GitIgnoreSpec]], folder: str = "") -> tuple[dict[str, Path], list[str]]:
    """Files below a folder by name, and what is left out. specs: patterns with the folder they count from."""
    specs = [*specs, *((folder, spec) for spec in _ignored(root / folder))]
    found: dict[str, Path] = {}
    left_out: list[str] = []
    for entry in _entries(root / folder):
        name, is_folder = f"{folder}{entry.name}", entry.is_dir(follow_symlinks=False)
        name += "/" if is_folder else ""
        if _excluded(name, specs) or not (is_folder or entry.is_file()):  # links to folders, sockets, ...
            left_out.append(name)
        elif entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root.resolve()):
            left_out.append(f"{name} (a link out of the folder)")
        elif is_folder:
            inner, outer = _walk(root, specs, name)
            found |= inner
            left_out += outer
        else:
            found[name] = Path(entry.path)
    return found, left_out


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be listed ({error.strerror}); name it in .rayignore of the folder above, or mend its "
            "permissions"
        ) from None


def _ignored(folder: Path) -> list[GitIgnoreSpec]:
    """The patterns of the ignore files of one folder, in their order."""
    files = [folder / name for name in IGNORE_FILES if (folder / name).is_file()]
    return [_patterns(file.read_text(encoding="utf-8", errors="replace").splitlines(), str(file)) for file in files]


def _patterns(lines: Iterable[str], source: str) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise UsageError(f"{source}: a pattern that .gitignore does not know ({error}); mend or remove it") from None


def _excluded(name: str, specs: Iterable[tuple[str, GitIgnoreSpec]]) -> bool:
    """As git has it: the last pattern that says anything decides, deeper files after those above."""
    decided = False
    for base, spec in specs:
        said = spec.check_file(name.removeprefix(base)).include
        decided = decided if said is None else said
    return decided


def _sources() -> dict[str, Path]:
    """Every file of the raysearch in use, by its name in the package."""
    top = Path(raysearch.__file__).resolve().parent
    files = sorted(p for p in top.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {f"raysearch/{p.relative_to(top).as_posix()}": p for p in files}
