"""The receiving end of the channels, a file a channel: real servers on localhost that keep what arrives.

slack   an HTTP server for webhooks
email   an SMTP server
"""

from local_cloud.receivers.email import EmailReceiver
from local_cloud.receivers.slack import SlackPost, SlackReceiver

__all__ = ["EmailReceiver", "SlackPost", "SlackReceiver"]
