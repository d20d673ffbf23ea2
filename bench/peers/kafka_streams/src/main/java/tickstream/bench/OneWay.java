package tickstream.bench;

import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/** Serdes of what is only read, or only written: Kafka Streams asks for both ways everywhere. */
final class OneWay {

    private OneWay() {}

    static <T> Serde<T> reading(Deserializer<T> reader) {
        return Serdes.serdeFrom(
                (topic, value) -> {
                    throw new UnsupportedOperationException("only read: " + topic);
                },
                reader);
    }

    static <T> Serde<T> writing(Serializer<T> writer) {
        return Serdes.serdeFrom(
                writer,
                (topic, bytes) -> {
                    throw new UnsupportedOperationException("only written: " + topic);
                });
    }
}
