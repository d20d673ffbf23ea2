"""Settings of what keeps strangers out: of the web server, and of the brokers."""
