"""What one event, one ack, one connect and one idle connection cost on our engine, beside its peers in the same run."""
