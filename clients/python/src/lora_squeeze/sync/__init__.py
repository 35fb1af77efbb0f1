"""The blocking client. All but transport.py is written from `aio` by write_sync.py: change that."""
