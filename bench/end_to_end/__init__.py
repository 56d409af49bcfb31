"""One POSTed message, stored for good and shown to every listener: ours against Express, Mongoose and Socket.IO."""
