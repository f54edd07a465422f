"""What happens between moto's services; moto itself keeps their state.

deliveries         from one service to another: lines, alarms, messages, events, dead letters
resource_policies  whether a function, queue, topic or key allows a service to use it
functions/         Lambda
log_groups         subscriptions and metric filters      (log_limits: what CloudWatch Logs rejects;
                   log_agent: puts lines; event_store: keeps them in a file)
alarms             from metrics to states to messages    (metrics: what metric filters count)
messaging          SNS, SES, schedules
permissions        what the role of a function allows    (policies: how IAM evaluates a statement)
clock              the time, which can be moved
"""
