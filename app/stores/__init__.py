"""One class a collection: named queries, with their indexes beside them."""
