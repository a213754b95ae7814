"""What requests may say and what answers look like, one file per slice."""
