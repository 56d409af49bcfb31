"""`python -m app …`"""

import sys

try:
    from app.cli import main as main
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] == "app":
        raise
    sys.exit(f"This Python has no {missing.name}. Run `make run` once, then use .venv/bin/python.")

if __name__ == "__main__":
    sys.exit(main())
