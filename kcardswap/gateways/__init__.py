"""The outside world behind ports: identity providers, storage, images, tokens."""
