"""kcardswap: the backend K-pop photocard collectors swap through."""

__version__ = "0.1.0"
