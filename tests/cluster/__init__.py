"""A deployment of many parts on one machine, for play and for tests: three mongods, a Redis, several servers."""
