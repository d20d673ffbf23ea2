"""Transport driver: Faust's driver for aiokafka with the batch consumer."""

from faust.transport.drivers import aiokafka as driver

from eventfold.kafka.consumer import BatchConsumer


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport, fetching in batches."""

    Consumer = BatchConsumer
