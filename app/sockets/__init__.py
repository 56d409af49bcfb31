"""The Socket.IO door: an Engine.IO v4 websocket transport of our own under python-socketio, and the live feed."""
