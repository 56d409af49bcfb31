"""The servers that ours is measured against, each started on one core and ended with its block.

`express` does the whole job (bench/end_to_end); `socketio_node`, `socketio_python` and `floor` do fan-out alone
(bench/engine). By hand: `python -m bench.peers --help`.
"""

from bench.peers.run import Floor, Peer, express, floor, socketio_node, socketio_python

__all__ = ["Floor", "Peer", "express", "floor", "socketio_node", "socketio_python"]
