"""How a record leaves the process: from a document to bytes in the kernel.

handler  the handlers of `logging`: encode, link to the chain, write, and what follows a failure
stream   one whole line to a file, a pipe, a terminal or a stand-in for one
spool    a file of the lines that their stream did not take
lock     locks on files, shared by `stream` and `spool`
"""
