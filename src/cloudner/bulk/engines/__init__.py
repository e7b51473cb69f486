"""Who computes the pieces: processes of this machine, Ray's actors, Spark's tasks. What they pass on is piece numbers."""
