"""mockchirp: a local server that behaves like the Chirp calls and recordings API."""

__version__ = "0.1.0"
