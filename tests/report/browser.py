"""A page in a headless browser: its document after its scripts ran, and what they complained about."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 120  # a browser that starts on a busy machine


def browser() -> str | None:
    """The headless browser of this machine, if there is one; CHROMIUM names another."""
    return os.environ.get("CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


def visit(program: str, page: Path, profile: Path) -> tuple[str, list[str]]:
    """(document, complaints) of a page."""
    ran = subprocess.run(
        [
            program,
            "--headless",
            "--no-sandbox",  # root in a container has no other way
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            f"--user-data-dir={profile}",
            "--enable-logging=stderr",
            "--virtual-time-budget=20000",
            "--dump-dom",
            page.resolve().as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return ran.stdout, [line for line in ran.stderr.splitlines() if "CONSOLE" in line]
