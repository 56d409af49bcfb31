"""Changes a second of one company, against plain inserts."""
