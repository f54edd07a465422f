"""The limits of one filter pattern: its characters, regular expressions, and wildcards in selectors.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from typing import Final

MAX_LENGTH: Final = 1024
MAX_REGEXES: Final = 2
MAX_WILDCARDS_IN_SELECTOR: Final = 1
MAX_WILDCARDS: Final = 3
