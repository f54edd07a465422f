"""Runs Lambda functions from their deployed code, each in its own local processes.

invocations    `Functions`: invokes a function and waits, or queues an event for it
asynchronous   asynchronous invocations: queue, threads, retries, dead letters
processes      starts, reuses and ends the processes of functions
worker         the program that runs in such a process
configuration  reads the current configuration of a function
logs           writes a function's output to its log group
"""

from local_cloud.services.functions.invocations import Functions

__all__ = ["Functions"]
