"""`cloudner annotate`: files of any number and size through a pipeline, in pieces that are written once."""
