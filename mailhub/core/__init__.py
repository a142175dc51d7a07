"""Every rule of the mail server, once, as reactor-free coroutines over the ports."""
