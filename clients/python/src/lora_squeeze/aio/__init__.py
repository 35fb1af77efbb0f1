"""The client for event loops. write_sync.py generates `sync` from these files, except for its transport."""
