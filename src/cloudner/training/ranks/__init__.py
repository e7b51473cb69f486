"""`cloudner train` over several processes."""
