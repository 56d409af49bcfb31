"""What Parley costs and how fast it is, each figure beside a peer's measured in the same run. See README.md here."""
