"""Changes in, one ordered log out."""
