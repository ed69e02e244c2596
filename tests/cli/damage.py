"""What the scenarios of damage share: ways to do it."""


def flip(path, offset):
    """Changes one bit; a negative offset counts from the end."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x04
    path.write_bytes(content)


def cut(path, content, length):
    """Makes |path| the first |length| bytes of |content|."""
    path.write_bytes(content[:length])
