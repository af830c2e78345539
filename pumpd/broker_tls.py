"""How a broker is greeted by TLS. Not in `mqtt.py`: the doctor tries it, and sends nothing of MQTT."""

import ssl

from pumpd.settings_brokers import BrokerSettings


def tls_context(settings: BrokerSettings) -> ssl.SSLContext:
    """Raises OSError and ssl.SSLError for files that cannot be used."""
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if settings.client_cert:
        context.load_cert_chain(settings.client_cert, settings.client_key)
    return context
