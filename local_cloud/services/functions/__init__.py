"""Lambda: runs functions from their deployed assets, each in its own processes.

invocations    `Functions`: invoke a function and wait, or queue an event for it
asynchronous   the queue of events: workers, retries, dead letters
processes      the processes of functions: started, reused, ended
worker         the program inside a process
configuration  how a function is configured now
logs           writes a function's output to its log group
"""

from local_cloud.services.functions.invocations import Functions

__all__ = ["Functions"]
