"""Lambda: functions run from the asset that was deployed, each in processes of its own.

invocations    `Functions`: invoke a function and wait, or queue an event for it
asynchronous   the queue of events: workers, retries, what is given up
processes      the processes of functions: started, reused, ended
worker         the program inside a process
configuration  how a function is configured now
logs           what a function prints, into its log group
"""

from local_cloud.services.functions.invocations import Functions

__all__ = ["Functions"]
