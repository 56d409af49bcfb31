"""How the networks of this world speak: one file each, requests out and payloads in, and no I/O."""
