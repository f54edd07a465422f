"""The behavior of AWS services that moto lacks; moto keeps the services' state.

deliveries         delivers log events, alarms, messages, scheduled events and dead letters
resource_policies  whether a function, queue, topic or key allows a service to use it
functions/         runs Lambda functions
log_groups         subscription filters and metric filters  (log_limits: limits of CloudWatch Logs;
                   log_agent: puts lines; event_store: keeps log events in a file)
alarms             evaluates alarms, and runs their actions (metrics: the values of metric filters)
messaging          SNS notifications, SES messages, EventBridge schedules
permissions        evaluates the roles of functions         (policies: evaluates IAM policies)
clock              the cloud's time, which can be moved forward
"""
