"""What the calls are made of, without a socket: steps that a driver carries out, blocking (`sync`) or not (`aio`)."""
