"""What touches the outside: the embedded MongoDB, generated secrets, files, logs."""
