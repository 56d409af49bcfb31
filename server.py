"""Serve Parley: read the settings, build the app, listen. The same as `python -m app serve`.

Settings come from the environment and from `.env`; `.env.example` lists them all.
"""

import sys

from app.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
