"""The client for event loops. `sync` is written from these files by write_sync.py, all but its transport."""
