"""Looking: what this machine is, read from the system, the driver, torch and package metadata."""
