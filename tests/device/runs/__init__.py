"""Programs that run on the device, each in a process of its own: a JSON object a case, one a line."""

from device import stand_in

device = stand_in.start()  # before any module in here imports torch
