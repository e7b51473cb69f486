"""A corpus in folds, each predicted by a pipeline that was trained on the others."""
