"""What tests stand on: servers, databases, apps, accounts, a worker, a browser; never cases."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Reference files that lie beside a working copy; tests that read them are skipped where they are absent.
SHARED = ROOT.parent / "shared"
