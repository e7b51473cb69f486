"""Networks for prediction alone: half precision, int8 and other libraries; and scores on their way to the host."""
