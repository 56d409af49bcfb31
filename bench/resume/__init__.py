"""What it costs to bring a client up to date."""
