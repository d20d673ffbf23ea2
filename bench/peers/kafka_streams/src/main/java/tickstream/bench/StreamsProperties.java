package tickstream.bench;

import static org.apache.kafka.clients.consumer.ConsumerConfig.AUTO_OFFSET_RESET_CONFIG;
import static org.apache.kafka.clients.consumer.ConsumerConfig.ISOLATION_LEVEL_CONFIG;
import static org.apache.kafka.clients.consumer.ConsumerConfig.MAX_POLL_RECORDS_CONFIG;
import static org.apache.kafka.clients.producer.ProducerConfig.BATCH_SIZE_CONFIG;
import static org.apache.kafka.clients.producer.ProducerConfig.BUFFER_MEMORY_CONFIG;
import static org.apache.kafka.clients.producer.ProducerConfig.COMPRESSION_TYPE_CONFIG;
import static org.apache.kafka.clients.producer.ProducerConfig.LINGER_MS_CONFIG;
import static org.apache.kafka.streams.StreamsConfig.consumerPrefix;
import static org.apache.kafka.streams.StreamsConfig.producerPrefix;

import java.util.Properties;
import org.apache.kafka.streams.StreamsConfig;

/** How Kafka Streams is set, as its documentation advises for throughput. */
final class StreamsProperties {

    private static final int KIB = 1024;
    private static final int MIB = 1024 * KIB;

    private StreamsProperties() {}

    static Properties of(Settings settings) {
        var properties = new Properties();
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, settings.bootstrap());
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.name());
        properties.put(StreamsConfig.STATE_DIR_CONFIG, settings.state());
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, settings.threads());
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, settings.commitMs());
        properties.put(
                StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                settings.exactlyOnce()
                        ? StreamsConfig.EXACTLY_ONCE_V2
                        : StreamsConfig.AT_LEAST_ONCE);
        properties.put(
                StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG,
                Long.getLong("cache", 256) * MIB);
        consumer(properties);
        producer(properties);
        return properties;
    }

    private static void consumer(Properties properties) {
        properties.put(consumerPrefix(AUTO_OFFSET_RESET_CONFIG), "earliest");
        properties.put(consumerPrefix(ISOLATION_LEVEL_CONFIG), "read_committed");
        properties.put(consumerPrefix(MAX_POLL_RECORDS_CONFIG), Integer.getInteger("poll", 1000));
        properties.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, Integer.getInteger("buffered", 1000));
    }

    private static void producer(Properties properties) {
        properties.put(producerPrefix(COMPRESSION_TYPE_CONFIG), "lz4");
        properties.put(producerPrefix(LINGER_MS_CONFIG), Integer.getInteger("linger", 100));
        properties.put(producerPrefix(BATCH_SIZE_CONFIG), Integer.getInteger("batch", 256) * KIB);
        properties.put(producerPrefix(BUFFER_MEMORY_CONFIG), Integer.getInteger("buffer", 64) * MIB);
    }
}
