"""Word pieces to tag scores: encoder, head, loss, decoding, precision, optimizer."""
