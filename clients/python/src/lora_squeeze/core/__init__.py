"""The logic of the calls, without a socket: steps that a driver carries out, either blocking (`sync`) or not
(`aio`)."""
