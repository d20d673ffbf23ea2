"""The transport driver: Faust's for aiokafka, with our consumer."""

from faust.transport.drivers import aiokafka as driver

from eventfold.kafka.consumer import BatchConsumer


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport that fetches in batches."""

    Consumer = BatchConsumer
