package tickstream.bench;

import static org.apache.kafka.clients.consumer.ConsumerConfig.AUTO_OFFSET_RESET_CONFIG;
import static org.apache.kafka.clients.consumer.ConsumerConfig.ISOLATION_LEVEL_CONFIG;
import static org.apache.kafka.clients.producer.ProducerConfig.BATCH_SIZE_CONFIG;
import static org.apache.kafka.clients.producer.ProducerConfig.BUFFER_MEMORY_CONFIG;
import static org.apache.kafka.clients.producer.ProducerConfig.COMPRESSION_TYPE_CONFIG;
import static org.apache.kafka.clients.producer.ProducerConfig.LINGER_MS_CONFIG;
import static org.apache.kafka.streams.StreamsConfig.consumerPrefix;
import static org.apache.kafka.streams.StreamsConfig.producerPrefix;

import java.util.Properties;
import org.apache.kafka.streams.StreamsConfig;

/**
 * How Kafka Streams is set: what the harness asks for, and for throughput what its documentation
 * advises (developer guide: <em>Memory Management</em>, <em>Configuring a Streams Application</em>;
 * Kafka's page of producer configs).
 *
 * <p>What is not named here was left as Kafka Streams has it: {@code max.poll.records} and {@code
 * buffered.records.per.partition} of 5,000 and of 500 instead of 1,000 were no faster, and the
 * {@code RocksDBConfigSetter} of the guide bounds memory, it does not save time.
 */
final class StreamsProperties {

    private static final int KIB = 1024;
    private static final int MIB = 1024 * KIB;

    /**
     * Of each thread. Memory Management: the cache is what keeps each update from the store, its
     * changelog and the output, and a larger one is flushed by the commit only. This holds what
     * 100,000 keys change in a second; 256 MiB were no faster.
     */
    private static final long CACHE = 64L * MIB;

    /** Kafka Streams' own default, but never more than a commit: it flushes the producer anyway. */
    private static final long LINGER_MS = 100;

    /** Producer configs: larger batches are fewer requests, and compress better. */
    private static final int BATCH = 256 * KIB;

    /** A commit sends all that changed at once: it is not to wait for room in the buffer. */
    private static final long BUFFER = 64L * MIB;

    private StreamsProperties() {}

    static Properties of(Settings settings) {
        var properties = new Properties();
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, settings.bootstrap());
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.name());
        properties.put(StreamsConfig.STATE_DIR_CONFIG, settings.state());
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, settings.threads());
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee(settings));
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, settings.commitMs());
        // It waits so long for input before it looks whether a commit is due.
        properties.put(StreamsConfig.POLL_MS_CONFIG, Math.min(100, settings.commitMs()));
        // Kafka Streams shares it out among its threads.
        properties.put(
                StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE * settings.threads());

        properties.put(consumerPrefix(AUTO_OFFSET_RESET_CONFIG), "earliest");
        properties.put(consumerPrefix(ISOLATION_LEVEL_CONFIG), "read_committed");

        properties.put(producerPrefix(COMPRESSION_TYPE_CONFIG), "lz4");
        properties.put(
                producerPrefix(LINGER_MS_CONFIG), Math.min(LINGER_MS, settings.commitMs()));
        properties.put(producerPrefix(BATCH_SIZE_CONFIG), BATCH);
        properties.put(producerPrefix(BUFFER_MEMORY_CONFIG), BUFFER);
        return properties;
    }

    private static String guarantee(Settings settings) {
        return settings.exactlyOnce()
                ? StreamsConfig.EXACTLY_ONCE_V2
                : StreamsConfig.AT_LEAST_ONCE;
    }
}
