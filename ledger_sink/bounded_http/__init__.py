"""One HTTP request to a server that nobody trusts: one deadline, one size, no detours.

Connecting, the TLS handshake, sending, header lines, chunk framing, trailers, interim (1xx) answers and the body all
end at the same instant, and all bytes that arrive are counted, framing too. A silent server fails earlier. Nothing is
decompressed. The body of a redirect is not read. A redirect within the same scheme, host and port is followed a few
times, and so is one from http to https on the default ports of the same host. Every other one is refused, because it
would turn the caller into the server's client inside the caller's network (`RFC 9110 §15.4` leaves it to the client).
"""
