"""Downloads: a known archive in, a whole folder in the cache out, or nothing.

    archives    what there is to fetch, with sizes and checksums
    network     whether the network may be used, and mirrors
    partial     a download under way: what of it is here, and of which file
    fetch       one file over HTTP
    extract     one archive, as if a stranger had made it
    provide     all of it under a lock, with checks before and after
    display     how far it is, on the terminal

Importing the package imports none of them.
"""
