"""Encodes documents and writes them as lines to a stream, a file or the spool, for the loggers.

handler  the handlers of `logging`: encode, link to the chain, write, apply the failure policy
stream   writes one whole line to a file, a pipe, a terminal or a replacement of one
spool    a file of the lines that their stream did not accept
tally    counts what was not accepted, for `audit_lib.health`
endings  has the chains sealed when a worker process ends
lock     locks on files, shared by `stream` and `spool`
"""
