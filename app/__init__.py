"""Parley: a real-time, socket-first customer-messaging server."""

__version__ = "0.1.0"
