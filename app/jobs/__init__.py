"""Jobs know when: what this server does by itself, without being asked."""
