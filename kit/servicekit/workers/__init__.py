"""Work on text in processes of its own: it can be ended, and it never holds the interpreter that serves.

The standard library's pools can't end one piece of work, and pebble's, which can, stands on multiprocessing: its spawn
imports the parent's `__main__`, a whole service with gRPC and SQLAlchemy, into every worker. So a worker here is a
plain program (`child`) behind a socket pair, started with vfork and exec: nothing runs between the two, so gRPC's
threads and locks are never copied.
"""
