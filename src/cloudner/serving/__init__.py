"""`cloudner serve`: a recognition service over HTTP."""
