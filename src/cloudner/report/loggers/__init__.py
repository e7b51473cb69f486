"""What a training run says while it runs: on the console, in a log, in TensorBoard."""
