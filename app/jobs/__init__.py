"""What happens by itself: when, how often, and on how many processes."""
