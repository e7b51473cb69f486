"""Documents to word pieces and back: tokenisation, windows, tag scheme."""
